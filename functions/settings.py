"""Settings: everything the environment may say, read once at start; a bad value stops the process with one sentence."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import msgspec

from functions import names
from functions.domain.channels import ChannelSettings, Secret, TwilioSettings, WebhookSettings
from functions.domain.context import DEFAULT_BUFFER_S, DEFAULT_WEIGHT_MAX
from functions.domain.errors import SettingError
from functions.domain.quiet_hours import zone_of
from functions.domain.thresholds import DEFAULT_BUDGET
from functions.ports import Link

_SQLITE = "sqlite:///"
_COSMOS = "cosmos"
_ACCOUNT_SID = re.compile(r"AC[0-9a-fA-F]{32}")
_SERVICE_SID = re.compile(r"MG[0-9a-fA-F]{32}")
_SENDER = re.compile(r"\+[1-9]\d{6,14}|[A-Za-z0-9 ]{3,11}")
"""A number in E.164, a short code or a name."""
_PHONE = re.compile(r"[0-9+*#(][0-9 ()./*#-]{2,23}")
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
SHORTEST_SECRET = 16


class Cloud(NamedTuple):
    """Where the services of Azure are reached."""

    cosmos: Link
    event_hubs: Link
    blobs: Link
    queues: Link


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What an operator can set; the environment name of each is in `of`."""

    store: str = "sqlite:///metersentry.db"
    """`sqlite:///PATH`, or `cosmos` for the stores of Azure."""
    output: Path = Path("out")
    alert_budget: float = DEFAULT_BUDGET
    """False alerts per 1,000 meters a day."""
    anomaly_threshold: float | None = None
    """Fixed score that replaces the budget's, −log10 of a tail probability."""
    planned_outage_buffer_s: int = DEFAULT_BUFFER_S
    context_weight_max: float = DEFAULT_WEIGHT_MAX
    """How much more than usual weather and a feeder's history may ask of an anomaly, at most."""
    no_reads_grace_s: int = 90 * 60
    """How late a reading may be before its meter counts as silent: mesh networks lose an hour now and then."""
    channels: ChannelSettings = ChannelSettings()
    utility_name: str = ""
    """What messages begin with; empty where the sender says it."""
    utility_phone: str = ""
    """Number that customers can call, as they are to read it; empty: the one on their bill."""
    utility_time_zone: str = "UTC"
    """IANA name; of customers whose own is not known."""
    messages_per_minute: int = 6_000
    """Messages of all senders in a minute of the clock; 0: no limit."""
    sender_messages_per_s: float = 100.0
    """Messages of one channel in a second, on average over a minute; 0: no limit."""
    platform_authentication: bool = False
    """Whether the platform signs people in and vouches for the principal header; it sets WEBSITE_AUTH_ENABLED."""

    @property
    def in_cloud(self) -> bool:
        """Whether the stores are those of Azure."""
        return self.store == _COSMOS

    @property
    def sqlite_path(self) -> Path:
        """Path of the SQLite store."""
        if not self.store.startswith(_SQLITE) or self.store == _SQLITE:
            raise SettingError(f"the store is {self.store!r}; set sqlite:///PATH, or cosmos for the stores of Azure")
        return Path(self.store.removeprefix(_SQLITE))

    @classmethod
    def of(cls, environment: Mapping[str, str] = os.environ) -> Settings:
        """Settings of an environment; raises `SettingError` naming the variable at fault."""
        usual = cls()
        budget = _number(environment, "ALERT_BUDGET_PER_1000_METERS_DAY", low=0.001)
        buffer_min = _number(environment, "PLANNED_OUTAGE_BUFFER_MIN", low=0)
        weight_max = _number(environment, "CONTEXT_WEIGHT_MAX", low=1)
        grace_min = _number(environment, "NO_READS_GRACE_MIN", low=0)
        per_minute = _number(environment, "MESSAGES_PER_MINUTE", low=0)
        per_sender_s = _number(environment, "SENDER_MESSAGES_PER_S", low=0)
        return cls(
            store=environment.get("METERSENTRY_STORE") or usual.store,
            output=Path(environment.get("METERSENTRY_OUT") or usual.output),
            alert_budget=usual.alert_budget if budget is None else budget,
            anomaly_threshold=_number(environment, "ANOMALY_THRESHOLD", low=0),
            planned_outage_buffer_s=usual.planned_outage_buffer_s if buffer_min is None else int(60 * buffer_min),
            channels=_channels(environment),
            utility_name=environment.get("UTILITY_NAME", usual.utility_name),
            utility_phone=_matching(environment, "UTILITY_PHONE", _PHONE, "a number as +1 555 010 0000"),
            utility_time_zone=_zone(environment, "UTILITY_TIME_ZONE", usual.utility_time_zone),
            messages_per_minute=usual.messages_per_minute if per_minute is None else int(per_minute),
            sender_messages_per_s=usual.sender_messages_per_s if per_sender_s is None else per_sender_s,
            context_weight_max=usual.context_weight_max if weight_max is None else weight_max,
            platform_authentication=environment.get("WEBSITE_AUTH_ENABLED", "").lower() == "true",
            no_reads_grace_s=usual.no_reads_grace_s if grace_min is None else int(60 * grace_min),
        )


def cloud(environment: Mapping[str, str] = os.environ) -> Cloud:
    """Where Azure's services are, by the settings that the Functions host reads too; raises `SettingError`."""
    storage = names.STORAGE_CONNECTION
    return Cloud(
        cosmos=_link(environment, names.COSMOS_CONNECTION, "accountEndpoint"),
        event_hubs=_link(environment, names.EVENT_HUB_CONNECTION, "fullyQualifiedNamespace"),
        blobs=_link(environment, storage, "blobServiceUri", "https://{}.blob.core.windows.net"),
        queues=_link(environment, storage, "queueServiceUri", "https://{}.queue.core.windows.net"),
    )


def _channels(environment: Mapping[str, str]) -> ChannelSettings:
    return ChannelSettings(
        twilio=_twilio(environment),
        webhook=_webhook(environment, "WEBHOOK"),
        operators=_webhook(environment, "OPERATOR_WEBHOOK"),
        public_url=_url(environment, "PUBLIC_URL"),
    )


def _twilio(environment: Mapping[str, str]) -> TwilioSettings | None:
    """The account, when anything of it is set; half of one is at fault."""
    sid = _matching(environment, "TWILIO_ACCOUNT_SID", _ACCOUNT_SID, "AC and 32 hexadecimal digits")
    token = environment.get("TWILIO_AUTH_TOKEN", "")
    number = _matching(environment, "TWILIO_FROM", _SENDER, "a number as +15550100000, a short code or a name")
    service = _matching(environment, "TWILIO_MESSAGING_SERVICE_SID", _SERVICE_SID, "MG and 32 hexadecimal digits")
    if not (sid or token or number or service):
        return None
    for name, value in (("TWILIO_ACCOUNT_SID", sid), ("TWILIO_AUTH_TOKEN", token)):
        if not value:
            raise SettingError(f"{name} is not set; copy it from Twilio's console, or unset all of TWILIO_*")
    if not (number or service):
        raise SettingError("nobody to send from is set; set TWILIO_FROM or TWILIO_MESSAGING_SERVICE_SID")
    return TwilioSettings(sid, Secret(token), number, service, _url(environment, "TWILIO_API_URL"))


def _webhook(environment: Mapping[str, str], prefix: str) -> WebhookSettings | None:
    url, secret = _url(environment, f"{prefix}_URL"), environment.get(f"{prefix}_SECRET", "")
    if not url:
        return None
    if len(secret) < SHORTEST_SECRET:
        raise SettingError(
            f"{prefix}_SECRET has {len(secret)} characters; set at least {SHORTEST_SECRET} that the receiver knows too"
        )
    return WebhookSettings(Secret(url), Secret(secret))


def _matching(environment: Mapping[str, str], name: str, form: re.Pattern[str], wanted: str) -> str:
    value = environment.get(name, "")
    if value and not form.fullmatch(value):
        raise SettingError(f"{name} is {value!r}; set {wanted}")
    return value


def _url(environment: Mapping[str, str], name: str) -> str:
    """An address without a slash at its end; it is not shown, for it may hold a key."""
    value = environment.get(name, "").rstrip("/")
    try:
        parts = urlsplit(value)
        trusted = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK)
        if not value or (parts.hostname and trusted):
            return value
    except ValueError:
        pass
    raise SettingError(f"{name} is no address that can be trusted; set one that begins with https://")


def _link(environment: Mapping[str, str], prefix: str, address: str, of_account: str = "") -> Link:
    """A connection by identity, or by a connection string, which only emulators should need."""
    client_id = environment.get(f"{prefix}__clientId", "")
    if environment.get(f"{prefix}__{address}"):
        return Link(environment[f"{prefix}__{address}"], client_id)
    account = environment.get(f"{prefix}__accountName")
    if of_account and account:
        return Link(of_account.format(account), client_id)
    if environment.get(prefix):
        return Link(connection=environment[prefix])
    wanted = f"{prefix}__accountName" if of_account else f"{prefix}__{address}"
    raise SettingError(f"{wanted} is not set; set it, or {prefix} to the connection string of an emulator")


def _zone(environment: Mapping[str, str], name: str, usual: str) -> str:
    zone = environment.get(name) or usual
    if zone_of(zone) is None:
        raise SettingError(f"{name} is {zone!r}, which is no IANA time zone; write it as Africa/Nairobi")
    return zone


def _number(environment: Mapping[str, str], name: str, *, low: float) -> float | None:
    text = environment.get(name)
    if not text:
        return None
    try:
        value = float(text)
    except ValueError:
        raise SettingError(f"{name} is {text!r}, which is not a number; set a number of at least {low:g}") from None
    if not low <= value < float("inf"):
        raise SettingError(f"{name} is {text}; set a number of at least {low:g}")
    return value
