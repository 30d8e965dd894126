"""Life cycle: suspected, confirmed, restoring, restored, closed; or a false alarm.

Signals say what is dark; only the clock says that it has lasted. Whatever the clock decides here waits until a minute
after it was heard, so that it does not matter how the stream of signals was cut.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil

from functions.domain.anomalies import Signal
from functions.domain.board import OpenIncident
from functions.domain.customer_reports import is_open_report
from functions.domain.incidents import IncidentKind, IncidentState
from functions.domain.interruptions import MOMENTARY_S
from functions.domain.topology import DeviceKind
from functions.domain.troubles import SECOND_LOOK_S, Trouble

LONE_GASP_S = 60
"""A single last gasp that no power has followed within a minute was one."""
SILENCE_S = 15 * 60
"""A transformer that nobody hears is taken for dark after as long as one more reading needs."""
TOGETHER_S = 3 * 60
"""Modems boot and find their mesh within so long: returns that close are one moment."""
NESTED_S = 30 * 60
"""Time for those that are back to be heard; who is dark still, is dark for a reason of its own."""
NESTED_SHARE = 0.5


def confirmed(incident: OpenIncident, troubles: Sequence[Trouble], now: int) -> bool:
    """Whether it is certain, by its signals or by an operator."""
    if incident.confirmed_at is not None or incident.verdict == "confirmed":
        return True
    if incident.kind is not IncidentKind.outage:
        return incident.kind is not IncidentKind.communication or incident.device_kind == DeviceKind.collector
    if any(each.was_dark for each in troubles):
        return True
    dark = [each for each in troubles if each.end is None]
    certain = [each for each in dark if each.strong]
    if not certain:
        return bool(dark) and now >= min(each.heard_at for each in dark) + SILENCE_S
    if all(is_open_report(each) for each in certain) and len({each.customer_id for each in certain}) == 1:
        return _is_believed(certain, dark, now)
    if any(each.signal == Signal.zero_voltage for each in certain) or len({each.meter_id for each in certain}) > 1:
        return True
    return now >= min(each.heard_at for each in certain) + LONE_GASP_S


def _is_believed(reports: Sequence[Trouble], dark: Sequence[Trouble], now: int) -> bool:
    """Whether the word of one customer is certain: the meter is silent as well, or has had time to contradict it."""
    silent = {each.meter_id for each in dark if not each.strong}
    return any(
        each.meter_id in silent or now >= max(each.heard_at + LONE_GASP_S, each.doubted_until) for each in reports
    )


def state_of(incident: OpenIncident, troubles: Sequence[Trouble], now: int) -> IncidentState:
    """Where an incident is; `confirmed_at` is set already where it is certain."""
    if incident.verdict == "false_alarm":
        return IncidentState.false_alarm
    outage = incident.kind is IncidentKind.outage
    if all(each.end is not None for each in troubles):
        if now >= over_at(incident, troubles):
            doubtful = outage and (not any(each.strong for each in troubles) or _is_mere_word(incident, troubles))
            return IncidentState.false_alarm if doubtful else IncidentState.closed
        if outage:
            return IncidentState.restored
    if incident.confirmed_at is None:
        return IncidentState.suspected
    return IncidentState.restoring if outage and returning(troubles) else IncidentState.confirmed


def _is_mere_word(incident: OpenIncident, troubles: Sequence[Trouble]) -> bool:
    """Whether nothing but customers' reports told of an outage, and nothing has made it certain."""
    return incident.confirmed_at is None and all(each.signal == Signal.customer_report for each in troubles)


def has_lapsed(troubles: Sequence[Trouble]) -> bool:
    """Whether customers' reports are all there is, and none of them tells anything any more."""
    return all(each.lapsed for each in troubles)


def over_at(incident: OpenIncident, troubles: Sequence[Trouble]) -> int:
    """When an incident whose troubles have ended is over: power must stay, everything else need only be heard."""
    if has_lapsed(troubles):
        return max(each.ended_heard_at for each in troubles)
    if incident.kind is IncidentKind.outage:
        return max(each.stable_at for each in troubles)
    return max(each.ended_heard_at for each in troubles) + SECOND_LOOK_S


def returning(troubles: Sequence[Trouble]) -> bool:
    """Whether a meter of those that were dark is back and has not gone dark again."""
    dark = {each.meter_id for each in troubles if each.end is None}
    return any(each.meter_id not in dark for each in troubles)


def returned_at(troubles: Sequence[Trouble]) -> int:
    """When an outage that has ended was over, as exactly as its meters say.

    Where those that said so themselves came back together, the first of them did not wait for its modem.
    """
    told = sorted(each.end for each in troubles if each.exact_end and each.end is not None)
    ends = [each.end for each in troubles if each.end is not None]
    if told and told[-1] - told[0] <= TOGETHER_S and len(told) * 2 >= len(ends) > 1:
        return told[0]
    return max(ends)


def back_at(trouble: Trouble, restored_at: int, interval_s: int) -> int | None:
    """When one meter was back: a reading tells up to two intervals late what others told themselves."""
    if trouble.end is None or trouble.exact_end or trouble.end - restored_at > 2 * interval_s:
        return trouble.end
    return max(min(trouble.end, restored_at), trouble.start)


def is_momentary(troubles: Sequence[Trouble], started_at: int, restored_at: int | None) -> bool:
    """Whether an outage was over within five minutes; of one that relapsed, every time of it."""
    if restored_at is None:
        return False
    if restored_at - started_at <= MOMENTARY_S:
        return True
    spells = len(troubles) > len({each.meter_id for each in troubles})
    return spells and all(each.end is not None and each.end - each.start <= MOMENTARY_S for each in troubles)


def left_over(incident: OpenIncident, troubles: Sequence[Trouble], now: int) -> tuple[list[Trouble], int | None]:
    """Troubles that the restoration of their device has passed by, and when there may be some; None if never.

    Half of the meters are back, and the others have had time to be heard.
    """
    if incident.kind not in (IncidentKind.outage, IncidentKind.communication):
        return [], None
    if incident.device_kind == DeviceKind.meter:
        return [], None
    dark = {each.meter_id for each in troubles if each.end is None}
    back: dict[str, int] = {}
    for each in troubles:
        if each.end is not None and each.meter_id not in dark:
            moment = max(each.end, each.ended_heard_at)
            back[each.meter_id] = max(moment, back.get(each.meter_id, moment))
    needed = ceil(NESTED_SHARE * (len(dark) + len(back)))
    if not dark or not back or len(back) < needed:
        return [], None
    due = sorted(back.values())[needed - 1] + NESTED_S
    return ([each for each in troubles if each.meter_id in dark] if now >= due else []), due
