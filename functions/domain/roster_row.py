"""A meter as the utility describes it."""

from __future__ import annotations

import msgspec

from functions.domain.errors import RejectedDocument
from functions.domain.feeder_batch import HIGHEST_V, LONGEST_INTERVAL_S
from functions.domain.ids import checked_id
from functions.domain.limits import LOWEST_SERVICE_V
from functions.domain.packs import CustomerType


class RosterRow(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One meter as the utility describes it. What it does not say is None or empty."""

    meter_id: str
    feeder_id: str
    customer_id: str = ""
    transformer_id: str = ""
    nominal_voltage_v: float | None = None
    interval_s: int | None = None
    customer_type: str | None = None
    """residential, commercial or industrial."""
    substation_id: str = ""
    lateral_id: str = ""
    collector_id: str = ""
    """What hears the meter's radio."""
    critical: bool = False
    """Life support, or a hospital."""
    retired: bool = False
    """Taken out of service: its silence is no news, and nobody hangs on it. A row without it brings it back."""

    def checked(self) -> RosterRow:
        """Return the row itself, or raise `RejectedDocument` naming the field at fault."""
        checked_id("meter_id", self.meter_id)
        checked_id("feeder_id", self.feeder_id)
        for name in ("customer_id", "transformer_id", "substation_id", "lateral_id", "collector_id"):
            if getattr(self, name):
                checked_id(name, getattr(self, name))
        if self.nominal_voltage_v is not None and not LOWEST_SERVICE_V <= self.nominal_voltage_v <= HIGHEST_V:
            raise RejectedDocument("nominal_voltage_v", "is not a low-voltage service; give volts between 60 and 1000")
        if self.interval_s is not None and not 1 <= self.interval_s <= LONGEST_INTERVAL_S:
            raise RejectedDocument("interval_s", "is not an interval; give seconds from 1 to 86400")
        if self.customer_type is not None and self.customer_type not in CustomerType.__members__:
            raise RejectedDocument("customer_type", f"is none of {', '.join(CustomerType.__members__)}")
        return self
