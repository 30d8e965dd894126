"""The channels that are set up, ready to send."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from functions.adapters.json_lines import JsonLinesNotifier
from functions.adapters.operator_log import OperatorLog
from functions.adapters.twilio.account import TwilioAccount, TwilioSenders
from functions.adapters.twilio.sms import TwilioSms
from functions.adapters.twilio.voice import TwilioVoice
from functions.adapters.twilio.webhooks import TwilioWebhooks
from functions.adapters.webhook import WebhookNotifier
from functions.domain.channels import ChannelSettings, TwilioSettings
from functions.domain.customers import OPERATORS
from functions.ports import Clock, Notifier

STATUS_PATH = "/api/twilio/status"
CONSOLE_FILE = "notifications.jsonl"


class Channels(NamedTuple):
    """Notifiers by name, in the order in which a customer without a preference is reached, and Twilio's webhooks."""

    notifiers: dict[str, Notifier]
    webhooks: TwilioWebhooks | None = None
    """None where Twilio cannot call: without an account, or without a public URL."""
    account: TwilioAccount | None = None

    @classmethod
    def open(cls, settings: ChannelSettings, output: Path, clock: Clock) -> Channels:
        """Build what is set; with nothing set, messages go to a file in `output`. Connections come with the first."""
        notifiers: dict[str, Notifier] = {}
        webhooks, account = None, None
        if settings.twilio is not None:
            account = _account(settings.twilio, settings.public_url)
            notifiers["sms"] = TwilioSms(account)
            if settings.twilio.number.startswith("+"):
                notifiers["voice"] = TwilioVoice(account)
            if settings.public_url:
                webhooks = TwilioWebhooks(settings.twilio.auth_token.value, settings.public_url)
        if settings.webhook is not None:
            notifiers["webhook"] = WebhookNotifier(settings.webhook.url.value, settings.webhook.secret.value, clock)
        if settings.operators is not None:
            url, secret = settings.operators.url.value, settings.operators.secret.value
            notifiers[OPERATORS] = WebhookNotifier(url, secret, clock, name=OPERATORS, setting="OPERATOR_WEBHOOK")
        elif notifiers:
            notifiers[OPERATORS] = OperatorLog()
        if notifiers.keys() <= {OPERATORS}:
            notifiers["console"] = JsonLinesNotifier(output / CONSOLE_FILE)
        return cls(notifiers, webhooks, account)

    def close(self) -> None:
        """Let go of connections and threads."""
        if self.account is not None:
            self.account.close()
        for notifier in self.notifiers.values():
            if isinstance(notifier, WebhookNotifier):
                notifier.close()


def _account(settings: TwilioSettings, public_url: str) -> TwilioAccount:
    senders = TwilioSenders(
        number=settings.number,
        messaging_service_sid=settings.messaging_service_sid,
        status_url=f"{public_url}{STATUS_PATH}" if public_url else "",
    )
    return TwilioAccount(settings.account_sid, settings.auth_token.value, senders, settings.api_url)
