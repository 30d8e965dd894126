"""Which channels a deployment has: those that are set up, or the console."""

from __future__ import annotations

from pathlib import Path

import pytest

from functions.adapters.channels import Channels
from functions.adapters.clocks import SetClock
from functions.settings import Settings

SID, SERVICE = "AC" + "0" * 32, "MG" + "0" * 32
TWILIO = {"TWILIO_ACCOUNT_SID": SID, "TWILIO_AUTH_TOKEN": "token", "TWILIO_FROM": "+15550100000"}
WEBHOOK = {"WEBHOOK_URL": "https://app.example/hook", "WEBHOOK_SECRET": "a secret of the app"}
OPERATORS = {"OPERATOR_WEBHOOK_URL": "https://ops.example/hook", "OPERATOR_WEBHOOK_SECRET": "a secret of operators"}
PUBLIC = {"PUBLIC_URL": "https://metersentry.example"}
BY_SERVICE = {**TWILIO, "TWILIO_FROM": "", "TWILIO_MESSAGING_SERVICE_SID": SERVICE}


@pytest.mark.parametrize(
    ("environment", "names", "callable_back"),
    [
        ({}, ["console"], False),
        (PUBLIC, ["console"], False),
        (TWILIO, ["sms", "voice", "operators"], False),
        ({**TWILIO, **PUBLIC}, ["sms", "voice", "operators"], True),
        (BY_SERVICE, ["sms", "operators"], False),
        ({**TWILIO, "TWILIO_FROM": "ACME Power"}, ["sms", "operators"], False),
        (WEBHOOK, ["webhook", "operators"], False),
        ({**TWILIO, **WEBHOOK, **PUBLIC}, ["sms", "voice", "webhook", "operators"], True),
        (OPERATORS, ["operators", "console"], False),
        ({**WEBHOOK, **OPERATORS}, ["webhook", "operators"], False),
    ],
)
def test_what_is_set_up_is_what_there_is(
    tmp_path: Path, environment: dict[str, str], names: list[str], callable_back: bool
) -> None:
    channels = Channels.open(Settings.of(environment).channels, tmp_path, SetClock(0))
    assert list(channels.notifiers) == names
    assert [each.name for each in channels.notifiers.values()] == names
    assert (channels.webhooks is not None) == callable_back
    assert (tmp_path / "notifications.jsonl").exists() == ("console" in names)
    channels.close()
