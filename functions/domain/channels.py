"""The channels to customers that a deployment has, as its settings describe them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, repr=False)
class Secret:
    """A text that no log line and no traceback shows; `value` is for the one place that needs it."""

    value: str = ""

    def __bool__(self) -> bool:
        return bool(self.value)

    def __repr__(self) -> str:
        return "<secret>" if self.value else "<no secret>"


@dataclass(frozen=True)
class TwilioSettings:
    """An account of Twilio and who its messages come from."""

    account_sid: str
    auth_token: Secret
    number: str = ""
    """E.164, a short code or a name; calls need a number."""
    messaging_service_sid: str = ""
    """Sends in place of the number, where there is one."""
    api_url: str = ""
    """Of an emulator; empty for Twilio itself."""


@dataclass(frozen=True)
class WebhookSettings:
    """Where the utility's own app takes messages."""

    url: Secret
    """A secret, too: addresses of webhooks often hold a key."""
    secret: Secret


@dataclass(frozen=True)
class ChannelSettings:
    """Every channel that is set up; with none of them, messages go to the console's file."""

    twilio: TwilioSettings | None = None
    webhook: WebhookSettings | None = None
    operators: WebhookSettings | None = None
    """Where a system of the utility's own people takes what only they are told."""
    public_url: str = ""
    """Scheme and host under which the world reaches us: Twilio signs it, and proxies rewrite what arrives."""
