"""Settings: everything the environment may say, read once at start; a bad value stops the process with one sentence."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import msgspec

from functions import names
from functions.domain.context import DEFAULT_BUFFER_S, DEFAULT_WEIGHT_MAX
from functions.domain.errors import SettingError
from functions.domain.thresholds import DEFAULT_BUDGET
from functions.ports import Link

_SQLITE = "sqlite:///"
_COSMOS = "cosmos"


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
        return cls(
            store=environment.get("METERSENTRY_STORE") or usual.store,
            output=Path(environment.get("METERSENTRY_OUT") or usual.output),
            alert_budget=usual.alert_budget if budget is None else budget,
            anomaly_threshold=_number(environment, "ANOMALY_THRESHOLD", low=0),
            planned_outage_buffer_s=usual.planned_outage_buffer_s if buffer_min is None else int(60 * buffer_min),
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
