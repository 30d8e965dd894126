"""A scenario: how large the utility is, how long it is watched, and how often what goes wrong."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import numpy as np

from functions.domain.errors import InputError

DAY_S = 86_400
HOUR_S = 3_600
WEEK_DAYS = 7


@dataclass(frozen=True)
class Scenario:
    """What to simulate. Clocks run on UTC: 18:00 is the residents' evening.

    Rates `…_per_week` hold for the whole utility; rates `…_per_1000_meter_weeks` grow with its size. A fault whose rate
    is above zero happens at least once, however small the run, as long as there is room for it.
    """

    meters: int = 2000
    days: int = 7
    seed: int = 7
    start: int = 1_718_582_400
    """2024-06-17T00:00Z, a Monday: a period of whole weeks has whole weekends. Seconds since the epoch."""
    interval_s: int = 900
    faults: bool = True
    """False: a clean utility, to train and to calibrate on. Benign gaps, delays and duplicates stay."""

    # Benign communication. Contracts for advanced metering ask for about 99.5 % of the readings; the rest is here.
    single_gap_share: float = 0.003  # collisions and fading lose readings one at a time
    gap_bursts_per_meter_day: float = 0.02  # a parked truck, a rebooting radio: two to six readings in a row
    late_share: float = 0.015  # mesh retries: one to three slots, still inside a window of four
    very_late_share: float = 0.001  # a rerouted or buffering relay: five to twelve slots, after the window
    duplicate_share: float = 0.002  # an acknowledgement was lost, so the meter sent again

    # Outages. A North American customer sees one or two sustained interruptions a year (SAIFI, IEEE 1366); a demo or a
    # test needs some in its week, so these rates are those of a bad summer week.
    storms_per_week: float = 1.0  # the summer thunderstorm that control rooms are staffed for
    storm_transformer_share: float = 0.015  # lightning and branches take single transformers
    storm_laterals: int = 0  # fuses of laterals that a storm blows
    storm_nested_transformers: int = 1  # of the feeder it takes, transformers that stay dark when the feeder is back
    planned_orders_per_week: float = 2.0  # crews replace transformers and poles on working days
    planned_feeder_every: int = 2  # every so many-th order is for a whole feeder: the case that must not alarm anybody
    cancelled_orders_per_week: float = 1.0  # an order that explains nothing: the trap for a careless suppression
    overrun_orders_per_week: float = 1.0  # work that lasts longer than announced must be released and raised
    late_orders_per_week: float = 0.0  # registered when the crew is at work already
    moved_orders_per_week: float = 0.0  # announced for one day, done on another
    misplaced_orders_per_week: float = 0.0  # registered on another feeder than the one that is switched off
    equipment_outages_per_week: float = 2.0  # a blown transformer fuse, with neither storm nor order to explain it
    lateral_outages_per_week: float = 0.0  # a lateral's fuse, in fair weather
    service_outages_per_1000_meter_weeks: float = 0.0  # the drop to a single customer
    transmission_outages_per_week: float = 0.0  # a substation loses its supply
    momentary_per_week: float = 0.0  # a recloser opens and closes again: under five minutes (IEEE 1366)
    flapping_per_week: float = 0.0  # a loose jumper: out and back, several times within some hours
    zero_reporting_share: float = 0.35  # meters with a battery or a live communication feed report zeros when out
    last_gasp_share: float = 0.8  # a mesh under stress loses about every fifth last gasp
    power_restored_share: float = 0.8  # and about every fifth restoration message

    # Communication faults.
    collector_outages_per_week: float = 1.0  # one backhaul failure: silence that is not an outage
    dead_radios_per_1000_meter_weeks: float = 1.5  # a few defects a week, as a young roll-out has them

    # What looks like trouble and is ordinary.
    heat_waves_per_week: float = 0.0  # some days of it: more load, and mild sags where transformers are small
    swaps_per_1000_meter_weeks: float = 0.0  # meters that are replaced: the old one is silent for good

    # Voltage and metering faults: rarer in life, but 2,000 meters shall show a few of each kind in a week.
    sags_per_1000_meter_weeks: float = 4.0  # overloaded services and transformers in summer
    swells_per_1000_meter_weeks: float = 2.0  # wrong taps, capacitors left switched in
    loose_neutrals_per_1000_meter_weeks: float = 1.0  # corroded connectors; dangerous, hence worth finding
    regulator_faults_per_week: float = 1.0  # a tap changer sticks: rare, but a whole feeder feels it
    flickers_per_1000_meter_weeks: float = 1.5  # welders, failing connections
    drifts_per_1000_meter_weeks: float = 1.0  # ageing voltage dividers inside the meter
    stuck_per_1000_meter_weeks: float = 1.5  # frozen registers repeat themselves

    # Non-technical loss.
    theft_share: float = 0.01  # 1–2 % of energy is the usual estimate of non-technical loss in North America
    tampers_per_1000_meter_weeks: float = 1.0  # switched-off services that are bridged: a few a month
    tamper_event_share: float = 0.4  # most thieves know about the cover switch and avoid it

    def __post_init__(self) -> None:
        if self.meters < 1 or self.days < 1 or self.seed < 0:
            raise InputError("Scenario: meters and days must be at least 1 and seed at least 0.")
        if self.interval_s < 60 or HOUR_S % self.interval_s or self.start % self.interval_s:
            raise InputError("Scenario: interval_s must divide an hour, be at least 60 s, and divide start.")

    @property
    def end(self) -> int:
        """End of the period, exclusive, seconds since the epoch."""
        return self.start + self.days * DAY_S

    @property
    def slots_per_day(self) -> int:
        """Readings of one meter in a day."""
        return DAY_S // self.interval_s

    @property
    def slot_count(self) -> int:
        """T, the readings of one meter in the period."""
        return self.days * self.slots_per_day

    @property
    def times(self) -> np.ndarray:
        """Start of every interval, `[T] int64`, seconds since the epoch."""
        return self.start + np.arange(self.slot_count, dtype=np.int64) * self.interval_s

    @property
    def hours(self) -> np.ndarray:
        """Hour of day of every interval's start, `[T] float64`, 0 to 24."""
        return (self.times % DAY_S) / HOUR_S

    @property
    def weekends(self) -> np.ndarray:
        """Whether the interval lies on a Saturday or Sunday, `[T] bool`."""
        return (self.times // DAY_S + 3) % WEEK_DAYS >= 5  # day 0 of the epoch was a Thursday

    @property
    def first_fault_at(self) -> int:
        """Nothing goes wrong before: a watcher may learn for a day, or a quarter of a shorter period."""
        lead_s = min(DAY_S, self.days * DAY_S // 4)
        return self.start + lead_s // self.interval_s * self.interval_s

    def stream(self, noun: str) -> np.random.Generator:
        """Random numbers of one noun, independent of every other noun's."""
        return np.random.default_rng([self.seed, zlib.crc32(noun.encode())])

    def occurrences(self, per_week: float) -> int:
        """How often something of a weekly rate happens in the period: at least once, unless the rate is zero."""
        return max(1, round(per_week * self.days / WEEK_DAYS)) if per_week > 0 else 0

    def occurrences_by_size(self, per_1000_meter_weeks: float) -> int:
        """The same for a rate that grows with the number of meters."""
        return self.occurrences(per_1000_meter_weeks * self.meters / 1000)
