"""The mix that context, incidents and their times are measured on, with the reason for each rate.

Fixed before any rule was tuned on it. It is a season in a month: a utility of 5,000 customers has about ten outages a
month (420,625 outages of a utility with 5.5 million customers, 2019 to 2022, are 23 for 1,000 customers a year), too
few to measure shares of 98 %. So the month is that of a stormy summer with a full work programme. Where a ratio is
known from those records it is kept; the rest says what it rests on.
"""

from __future__ import annotations

from simulator.scenario import Scenario


def evaluation_mix(meters: int = 5_000, days: int = 30, seed: int = 1) -> Scenario:
    """The scenario of one seed; rates not named here are those of the demo."""
    return Scenario(
        meters=meters,
        days=days,
        seed=seed,
        # A thunderstorm a week is a bad July east of the Rocky Mountains. Each takes a feeder, some laterals and
        # transformers; two transformers of the feeder have damage of their own, which shows when the feeder is back.
        storms_per_week=1.0,
        storm_laterals=3,
        storm_nested_transformers=2,
        # Planned work is 16 % of the recorded outages, its median reaches 4 customers and its mean 21: transformers
        # mostly, and of feeders of 200 customers about one order in twelve. One line crew does nine jobs a week.
        planned_orders_per_week=9.0,
        planned_feeder_every=12,
        # 16 % of the recorded planned outages ended more than an hour after the time announced first.
        overrun_orders_per_week=1.75,
        # No public figure; crews are called away to storms, customers object, permits are late: an order a week each.
        cancelled_orders_per_week=1.0,
        moved_orders_per_week=1.0,
        # Urgent repairs are registered by the dispatcher when the crew has begun.
        late_orders_per_week=1.0,
        # Connectivity records are wrong for a few per cent of the transformers after switching: one order in twenty.
        misplaced_orders_per_week=0.5,
        # What fails without weather, in the recorded proportion of about two single customers to one device.
        equipment_outages_per_week=4.0,
        lateral_outages_per_week=1.0,
        service_outages_per_1000_meter_weeks=1.6,
        transmission_outages_per_week=0.25,  # once a month, far above life: whole substations must be seen to be right
        # IEEE 1366 surveys find about as many momentary events as sustained ones on overhead feeders.
        momentary_per_week=4.0,
        flapping_per_week=0.5,
        # A backhaul fails now and then; a collector a week among fifty is one failure a collector and year.
        collector_outages_per_week=1.0,
        # Two heat waves in a hot month; they strain the 4 % of transformers that were sized before air conditioning.
        heat_waves_per_week=0.5,
        # 1 to 2 % of meters are replaced in a year for age and defects; a month of a replacement programme is more.
        swaps_per_1000_meter_weeks=1.0,
        # Voltage faults, frozen registers and theft at the demo's rates, which are high for life already: a month holds
        # four times as many as the demo's week.
    )
