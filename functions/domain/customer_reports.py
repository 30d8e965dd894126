"""Customers' reports of darkness: nobody says when they are over, so it follows from the meter or from the clock."""

from __future__ import annotations

from collections.abc import Mapping

from functions.domain.anomalies import Signal
from functions.domain.board import Board
from functions.domain.evidence import PROBE_INTERVALS
from functions.domain.patience import overdue_at
from functions.domain.troubles import Nature, Trouble

LONGEST_S = 6 * 3_600
"""A report that no meter has confirmed or disproved for so long tells nothing of now."""


def is_open_report(trouble: Trouble) -> bool:
    """Whether a trouble is a customer's word that still counts."""
    return trouble.signal == Signal.customer_report and trouble.end is None


def end_reports(board: Board, powered: Mapping[str, int], interval_s: int, now: int) -> None:
    """End reports that are over, and note those that are doubtful; `board` is changed in place.

    `powered` tells when each meter was last known to have voltage, seconds since the epoch.
    """
    open_reports = [each for each in board.troubles.values() if is_open_report(each)]
    if not open_reports:
        return
    named = {each.meter_id for each in open_reports}
    own: dict[str, list[Trouble]] = {}
    for each in board.troubles.values():
        by_meter = each.nature is Nature.supply and each.signal != Signal.customer_report
        if by_meter and each.meter_id in named:
            own.setdefault(each.meter_id, []).append(each)
    for report in open_reports:
        theirs, powered_at = own.get(report.meter_id, []), powered.get(report.meter_id, 0)
        end = _end(report, theirs, powered_at)
        if end is not None:
            report.end, report.ended_heard_at = end, now
        elif now >= report.heard_at + LONGEST_S and not theirs:
            report.end, report.ended_heard_at, report.lapsed = report.heard_at + LONGEST_S, now, True
        elif powered_at + PROBE_INTERVALS * interval_s > report.heard_at:
            # Its meter was heard of until just now. If it is dark, the readings of the next interval stay away.
            report.doubted_until = overdue_at(report.heard_at, interval_s)


def _end(report: Trouble, own: list[Trouble], powered_at: int) -> int | None:
    """When a report ended by the meter's own word; None while it lasts."""
    ends = [each.end for each in own if each.end is not None]
    if len(ends) < len(own):
        return None  # the meter itself is dark or silent, and will say when it is back
    if ends and max(ends) >= report.start:
        return max(ends)
    # The reading that was under way when the customer wrote may have voltage of the minutes before.
    return powered_at if powered_at >= report.heard_at else None
