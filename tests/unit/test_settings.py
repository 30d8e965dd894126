"""Settings: what the environment may say, and which variable is named when it says nonsense."""

from __future__ import annotations

from pathlib import Path

import pytest

from functions.domain.errors import SettingError
from functions.settings import Settings


def test_an_empty_environment_gives_the_usual_settings() -> None:
    assert Settings.of({}) == Settings()


def test_an_empty_value_is_as_good_as_none() -> None:
    names = ("METERSENTRY_STORE", "METERSENTRY_OUT", "ANOMALY_THRESHOLD", "PLANNED_OUTAGE_BUFFER_MIN")
    assert Settings.of(dict.fromkeys(names, "")) == Settings()


def test_every_setting_is_read() -> None:
    settings = Settings.of(
        {
            "METERSENTRY_STORE": "sqlite:////data/store.db",
            "METERSENTRY_OUT": "/data/out",
            "ALERT_BUDGET_PER_1000_METERS_DAY": "0.5",
            "ANOMALY_THRESHOLD": "4.5",
            "PLANNED_OUTAGE_BUFFER_MIN": "7.5",
            "CONTEXT_WEIGHT_MAX": "1.5",
            "NO_READS_GRACE_MIN": "0",
            "UTILITY_NAME": "Riverside Electric",
            "UTILITY_PHONE": "(555) 010-0000",
            "UTILITY_TIME_ZONE": "Africa/Nairobi",
            "MESSAGES_PER_MINUTE": "600",
            "SENDER_MESSAGES_PER_S": "0.5",
        }
    )
    assert settings.sqlite_path == Path("/data/store.db")
    assert settings.output == Path("/data/out")
    assert (settings.alert_budget, settings.anomaly_threshold) == (0.5, 4.5)
    assert settings.context_weight_max == 1.5
    assert (settings.planned_outage_buffer_s, settings.no_reads_grace_s) == (450, 0)
    assert (settings.utility_name, settings.utility_time_zone) == ("Riverside Electric", "Africa/Nairobi")
    assert settings.utility_phone == "(555) 010-0000"
    assert (settings.messages_per_minute, settings.sender_messages_per_s) == (600, 0.5)


@pytest.mark.parametrize("value", ["many", "-1", "nan", "inf", "1,5", "0x10"])
@pytest.mark.parametrize(
    "name",
    [
        *("ALERT_BUDGET_PER_1000_METERS_DAY", "ANOMALY_THRESHOLD", "PLANNED_OUTAGE_BUFFER_MIN", "NO_READS_GRACE_MIN"),
        "CONTEXT_WEIGHT_MAX",
        *("MESSAGES_PER_MINUTE", "SENDER_MESSAGES_PER_S"),
    ],
)
def test_a_bad_number_names_its_variable(name: str, value: str) -> None:
    with pytest.raises(SettingError, match=f"^{name} is .*set a number") as caught:
        Settings.of({name: value})
    assert value in str(caught.value)


def test_a_time_zone_that_is_none_is_refused() -> None:
    with pytest.raises(SettingError, match="UTILITY_TIME_ZONE is 'Mars/Olympus'"):
        Settings.of({"UTILITY_TIME_ZONE": "Mars/Olympus"})


def test_a_budget_of_nothing_is_refused() -> None:
    with pytest.raises(SettingError, match="ALERT_BUDGET"):
        Settings.of({"ALERT_BUDGET_PER_1000_METERS_DAY": "0"})


def test_context_never_asks_for_less_than_the_usual_at_most() -> None:
    with pytest.raises(SettingError, match=r"CONTEXT_WEIGHT_MAX is 0\.5; set a number of at least 1"):
        Settings.of({"CONTEXT_WEIGHT_MAX": "0.5"})


@pytest.mark.parametrize("store", ["sqlite:///", "store.db", "postgres://x", "sqlite://store.db"])
def test_a_store_of_another_sort_is_named_with_what_would_do(store: str) -> None:
    with pytest.raises(SettingError, match="sqlite:///PATH") as caught:
        _ = Settings.of({"METERSENTRY_STORE": store}).sqlite_path
    assert repr(store) in str(caught.value)


def test_the_principal_is_trusted_only_where_the_platform_says_so() -> None:
    assert not Settings.of({}).platform_authentication
    assert not Settings.of({"WEBSITE_AUTH_ENABLED": "False"}).platform_authentication
    assert Settings.of({"WEBSITE_AUTH_ENABLED": "True"}).platform_authentication


SID, SERVICE = "AC" + "0123456789abcdef" * 2, "MG" + "0" * 32
TWILIO = {"TWILIO_ACCOUNT_SID": SID, "TWILIO_AUTH_TOKEN": "the auth token", "TWILIO_FROM": "+15550100000"}
WEBHOOK = {"WEBHOOK_URL": "https://app.example/hook?key=hidden", "WEBHOOK_SECRET": "a secret of the app"}


def test_channels_are_read_and_their_secrets_are_not_shown() -> None:
    given = {**TWILIO, "TWILIO_MESSAGING_SERVICE_SID": SERVICE, **WEBHOOK, "PUBLIC_URL": "https://metersentry.example/"}
    settings = Settings.of(given)
    channels = settings.channels
    assert channels.twilio is not None
    assert (channels.twilio.account_sid, channels.twilio.auth_token.value) == (SID, "the auth token")
    assert (channels.twilio.number, channels.twilio.messaging_service_sid) == ("+15550100000", SERVICE)
    assert channels.public_url == "https://metersentry.example"
    assert channels.webhook is not None
    assert channels.webhook.secret.value == "a secret of the app"
    for hidden in ("the auth token", "a secret of the app", "hidden"):
        assert hidden not in f"{settings!r} {settings} {channels} {channels.twilio} {channels.webhook}"


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"TWILIO_ACCOUNT_SID": SID}, "TWILIO_AUTH_TOKEN"),
        ({"TWILIO_AUTH_TOKEN": "token"}, "TWILIO_ACCOUNT_SID"),
        ({"TWILIO_FROM": "+15550100000"}, "TWILIO_ACCOUNT_SID"),
        ({**TWILIO, "TWILIO_FROM": ""}, "TWILIO_FROM or TWILIO_MESSAGING_SERVICE_SID"),
        ({**TWILIO, "TWILIO_ACCOUNT_SID": "SK123"}, "TWILIO_ACCOUNT_SID"),
        ({**TWILIO, "TWILIO_FROM": "5550100"[:2]}, "TWILIO_FROM"),
        ({**TWILIO, "TWILIO_MESSAGING_SERVICE_SID": "SM1"}, "TWILIO_MESSAGING_SERVICE_SID"),
        ({"PUBLIC_URL": "metersentry.example"}, "PUBLIC_URL"),
        ({"PUBLIC_URL": "http://metersentry.example"}, "PUBLIC_URL"),
        ({"PUBLIC_URL": "https://["}, "PUBLIC_URL"),
        ({**WEBHOOK, "WEBHOOK_SECRET": "too-brief"}, "WEBHOOK_SECRET"),
        ({"WEBHOOK_URL": "https://app.example"}, "WEBHOOK_SECRET"),
        ({"OPERATOR_WEBHOOK_URL": "https://ops.example", "WEBHOOK_SECRET": "x" * 20}, "OPERATOR_WEBHOOK_SECRET"),
        ({"UTILITY_PHONE": "call us"}, "UTILITY_PHONE"),
        ({**WEBHOOK, "WEBHOOK_URL": "ftp://app.example/?key=hidden"}, "WEBHOOK_URL"),
    ],
)
def test_half_a_channel_is_refused_by_the_name_of_the_setting(given: dict[str, str], named: str) -> None:
    with pytest.raises(SettingError, match=named) as caught:
        Settings.of(given)
    for hidden in ("the auth token", "hidden", "too-brief"):
        assert hidden not in str(caught.value)


def test_an_address_on_this_machine_may_be_plain() -> None:
    assert Settings.of({"PUBLIC_URL": "http://127.0.0.1:8000"}).channels.public_url == "http://127.0.0.1:8000"
