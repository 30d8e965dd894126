"""Reliability indices of IEEE Std 1366-2012 from a log of outages; clause numbers below are those of that guide.

Durations are in minutes. A customer is a metered service point. Planned interruptions are a log of their own: what
announced work explains never becomes an incident, and major event days are judged by what nobody had planned.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, tzinfo
from itertools import chain

import msgspec
import numpy as np
from numpy.typing import NDArray

DAY_S = 86_400
HISTORY_YEARS = 5
"""Of daily SAIDI that a threshold rests on (3.5); where there is less, all there is."""
BETA_FACTOR = 2.5
LEAST_DAYS = 30
"""Days with interruptions before a threshold is believed; the guide names no least, but from a week it says nothing."""
EPOCH = date(1970, 1, 1).toordinal()


@dataclass(frozen=True)
class EventLog:
    """Outages, one row an event; arrays `[n]`."""

    feeder_id: NDArray[np.str_]
    start: NDArray[np.int64]
    """Seconds since the epoch, UTC."""
    sustained: NDArray[np.int64]
    """Customer interruptions of more than five minutes."""
    customer_min: NDArray[np.float64]
    """Their duration, in customer-minutes."""
    momentary: NDArray[np.int64]
    momentary_events: NDArray[np.int64]
    customers: tuple[Collection[str], ...] | None = None
    """Who had a sustained interruption, by event; None when it is not known of all."""

    @classmethod
    def of(cls, logs: Sequence[EventLog]) -> EventLog:
        """One log of several; who was interrupted is known if it is known in each."""
        known = [each.customers for each in logs if each.customers is not None]
        empty, none = np.empty(0, np.int64), np.empty(0)
        return cls(
            feeder_id=np.concatenate([np.empty(0, np.str_), *(each.feeder_id for each in logs)]),
            start=np.concatenate([empty, *(each.start for each in logs)]),
            sustained=np.concatenate([empty, *(each.sustained for each in logs)]),
            customer_min=np.concatenate([none, *(each.customer_min for each in logs)]),
            momentary=np.concatenate([empty, *(each.momentary for each in logs)]),
            momentary_events=np.concatenate([empty, *(each.momentary_events for each in logs)]),
            customers=tuple(chain.from_iterable(known)) if len(known) == len(logs) else None,
        )

    def only(self, chosen: NDArray[np.bool_]) -> EventLog:
        """The chosen rows."""
        known = self.customers
        return EventLog(
            *(self.feeder_id[chosen], self.start[chosen], self.sustained[chosen], self.customer_min[chosen]),
            *(self.momentary[chosen], self.momentary_events[chosen]),
            None if known is None else tuple(known[row] for row in np.flatnonzero(chosen)),
        )


class Indices(msgspec.Struct, frozen=True, kw_only=True):
    """Indices of one feeder or of the utility over a period; None where there is nobody to divide by."""

    customers_served: int
    events: int
    customer_interruptions: int
    customer_minutes: float
    saifi: float | None
    """Sustained interruptions a customer: ΣNᵢ / N_T (3.2)."""
    saidi_min: float | None
    """Minutes without supply a customer: ΣrᵢNᵢ / N_T (3.2)."""
    caidi_min: float | None
    """Minutes an interruption: ΣrᵢNᵢ / ΣNᵢ = SAIDI / SAIFI (3.2)."""
    caifi: float | None
    """Interruptions of a customer who had any: ΣNᵢ / CN (3.2); None also when it is not known who they were."""
    maifi: float | None
    """Momentary interruptions a customer: ΣIMᵢNᵢ / N_T (3.4)."""
    maifi_e: float | None
    """Momentary interruption events a customer: ΣIM_E Nᵢ / N_T (3.4)."""


class Threshold(msgspec.Struct, frozen=True, kw_only=True):
    """Daily SAIDI above which a day is a major event day: exp(alpha + 2.5 beta) (3.5)."""

    alpha: float
    """Mean of the natural logarithms of daily SAIDI."""
    beta: float
    """Their standard deviation."""
    t_med_min: float
    days: int
    """Days with interruptions it rests on."""


class MajorEventDay(msgspec.Struct, frozen=True, kw_only=True):
    """A day beyond what the system was built and staffed for."""

    day: str
    """As YYYY-MM-DD in the report's zone."""
    saidi_min: float


class PeriodIndices(msgspec.Struct, frozen=True, kw_only=True):
    """Indices with and without major event days, and with and without planned interruptions; a report has all."""

    all_days: Indices
    """Of unplanned interruptions."""
    without_major_event_days: Indices
    """Of those of usual days."""
    planned: Indices | None = None
    """Of planned interruptions; None where they are not known for all of the period."""
    with_planned: Indices | None = None
    """Of all interruptions, on all days."""


class ReliabilityReport(msgspec.Struct, frozen=True, kw_only=True):
    """Indices of a period, of the utility and by feeder. Times are seconds since the epoch; `end` is exclusive."""

    start: int
    end: int
    zone: str
    threshold: Threshold | None
    """None while there are too few days of history: then no day is a major event day."""
    major_event_days: tuple[MajorEventDay, ...]
    ongoing: int
    """Outages that have not ended; they count with what they have cost so far."""
    utility: PeriodIndices
    feeders: dict[str, PeriodIndices]


def indices(log: EventLog, customers_served: int) -> Indices:
    """Indices of a log, for the customers it is about."""
    interruptions, minutes = int(log.sustained.sum()), float(log.customer_min.sum())
    touched = None if log.customers is None else len(set().union(*log.customers))
    return Indices(
        customers_served=customers_served,
        events=len(log.start),
        customer_interruptions=interruptions,
        customer_minutes=minutes,
        saifi=_ratio(interruptions, customers_served),
        saidi_min=_ratio(minutes, customers_served),
        caidi_min=_ratio(minutes, interruptions),
        caifi=_ratio(interruptions, touched),
        maifi=_ratio(int(log.momentary.sum()), customers_served),
        maifi_e=_ratio(int(log.momentary_events.sum()), customers_served),
    )


def day_numbers(start: NDArray[np.int64], zone: tzinfo = UTC) -> NDArray[np.int64]:
    """Days since 1970-01-01 by the calendar of a zone, `[n]`."""
    if zone is UTC:
        return start // DAY_S
    return np.array([datetime.fromtimestamp(each, zone).toordinal() - EPOCH for each in start.tolist()], np.int64)


def daily_saidi(
    log: EventLog, customers_served: int, zone: tzinfo = UTC
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Day numbers with a sustained interruption and SAIDI of each, minutes, `[days]`.

    All of an interruption counts for the day on which it began, however long it lasted (3.5).
    """
    if not customers_served:
        return np.empty(0, np.int64), np.empty(0)
    days, place = np.unique(day_numbers(log.start, zone), return_inverse=True)
    minutes = np.bincount(place, weights=log.customer_min, minlength=len(days))
    return days[minutes > 0], minutes[minutes > 0] / customers_served


def med_threshold(saidi_min: NDArray[np.float64]) -> Threshold | None:
    """The threshold that daily SAIDI of up to five years gives; None for fewer than 30 days.

    Days without an interruption have no logarithm and are not to be among them (3.5). The guide leaves open which
    standard deviation is meant: it is that of a sample here (n − 1), as spreadsheets have it.
    """
    if len(saidi_min) < LEAST_DAYS:
        return None
    logarithms = np.log(saidi_min)
    alpha, beta = float(logarithms.mean()), float(logarithms.std(ddof=1))
    return Threshold(alpha=alpha, beta=beta, t_med_min=float(np.exp(alpha + BETA_FACTOR * beta)), days=len(saidi_min))


def report(
    log: EventLog,
    served: Mapping[str, int],
    threshold: Threshold | None,
    *,
    start: int,
    end: int,
    zone: tzinfo = UTC,
    ongoing: int = 0,
    planned: EventLog | None = None,
) -> ReliabilityReport:
    """Indices of a period: of its unplanned interruptions, and of planned ones where those are known.

    `served` is the number of customers by feeder.
    Whether a day is a major event day is decided for the utility as a whole, and holds for every feeder.
    """
    utility = sum(served.values())
    days, saidi = daily_saidi(log, utility, zone)
    major = saidi > threshold.t_med_min if threshold is not None else np.zeros(len(days), bool)
    usual = ~np.isin(day_numbers(log.start, zone), days[major])

    def period(customers: int, feeder: str | None = None) -> PeriodIndices:
        rows, work = _of(log, feeder), None if planned is None else planned.only(_of(planned, feeder))
        return PeriodIndices(
            all_days=indices(log.only(rows), customers),
            without_major_event_days=indices(log.only(rows & usual), customers),
            planned=None if work is None else indices(work, customers),
            with_planned=None if work is None else indices(EventLog.of([log.only(rows), work]), customers),
        )

    feeders = {*served, *log.feeder_id.tolist(), *(() if planned is None else planned.feeder_id.tolist())}
    return ReliabilityReport(
        start=start,
        end=end,
        zone=str(zone),
        threshold=threshold,
        major_event_days=tuple(
            MajorEventDay(day=date.fromordinal(int(day) + EPOCH).isoformat(), saidi_min=float(minutes))
            for day, minutes in zip(days[major], saidi[major], strict=True)
        ),
        ongoing=ongoing,
        utility=period(utility),
        feeders={feeder: period(served.get(feeder, 0), feeder) for feeder in sorted(feeders)},
    )


def _of(log: EventLog, feeder: str | None) -> NDArray[np.bool_]:
    return np.ones(len(log.start), bool) if feeder is None else log.feeder_id == feeder


def _ratio(amount: float, of: int | None) -> float | None:
    return amount / of if of else None
