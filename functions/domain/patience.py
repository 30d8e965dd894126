"""Patience: who seems dark, and is told of it later than others, for it may not be so or be no news.

A meter whose neighbours on the transformer are back, and that has only not been heard of since, has probably lost no
more than the message that it is back: its next reading tells. And who was told a short while ago that power is back is
told of a relapse only when that lasts: a loose contact makes no message of every spark.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

from functions.domain.anomalies import Signal
from functions.domain.board import Board
from functions.domain.evidence import ARRIVAL_S, PROBE_INTERVALS
from functions.domain.topology import FeederMap
from functions.domain.troubles import Nature, Trouble

GRACE_INTERVALS = 1
"""A reading may come one interval late, or be lost: the one after it speaks as well."""
RELAPSE_S = 2 * 3_600
"""Who lost power again within so long of hearing that it was back has an outage that goes on, not a new one."""
RELAPSE_LASTS_S = 30 * 60
"""Longer than a loose contact is out at a time; who is dark for so long is told again."""


def overdue_at(moment: int, interval_s: int) -> int:
    """When a meter that had power from a moment on would have been heard of, its grace included; epoch s."""
    return (moment // interval_s + 1 + GRACE_INTERVALS) * interval_s + ARRIVAL_S


def shown_until(trouble: Trouble, interval_s: int) -> int:
    """Until when a meter has shown by itself that it was dark: with the gasp, or to the end of a reading; epoch s."""
    return trouble.start + interval_s * (trouble.signal == Signal.zero_voltage)


def relapse_due(told_back: Mapping[str, int], customer_id: str, start: int) -> int:
    """Until when a customer who lost power at `start` is told nothing, having heard shortly before that it was back."""
    heard = told_back.get(customer_id)
    return 0 if heard is None or start - heard > RELAPSE_S else start + RELAPSE_LASTS_S


def wait_alone(rest: Sequence[Trouble], back_at: int, interval_s: int) -> None:
    """Let single meters that stay dark when their device is `back_at` a moment wait for their next reading."""
    dark = Counter(each.transformer_id for each in rest)
    for trouble in rest:
        if dark[trouble.transformer_id] == 1 and shown_until(trouble, interval_s) <= back_at:
            trouble.wait_until = max(trouble.wait_until, overdue_at(back_at, interval_s))


def be_patient(board: Board, feeder: FeederMap, now: int) -> None:
    """Note in the troubles of a board until when their customers are told nothing; `board` is changed in place."""
    board.told_back = {name: heard for name, heard in board.told_back.items() if now - heard <= 2 * RELAPSE_S}
    supply = [each for each in board.troubles.values() if each.nature is Nature.supply]
    waiting = [each for each in supply if each.end is None and not each.told]
    for trouble in waiting if board.told_back else ():
        due = relapse_due(board.told_back, trouble.customer_id, trouble.start)
        trouble.wait_until = max(trouble.wait_until, due)
    returned = {each.transformer_id for each in supply if each.end is not None}
    concerned = {each.transformer_id for each in waiting} & returned - {""}
    by_transformer: dict[str, list[Trouble]] = defaultdict(list)
    for trouble in supply if concerned else ():
        by_transformer[trouble.transformer_id].append(trouble)
    for transformer in concerned:
        _wait_for_a_reading(by_transformer[transformer], feeder.interval_s)


def _wait_for_a_reading(troubles: list[Trouble], interval_s: int) -> None:
    """Let those of a transformer that are dark for want of a signal wait for the reading after the first return."""
    dark = {each.meter_id for each in troubles if each.end is None}
    back = [each for each in troubles if each.end is not None and each.meter_id not in dark]
    for trouble in troubles:
        if trouble.end is not None or trouble.told:
            continue
        near = PROBE_INTERVALS * interval_s
        shown = shown_until(trouble, interval_s)
        together = [each for each in back if abs(each.start - trouble.start) <= near]
        ends = [each.end for each in together if each.end is not None and each.end >= shown]
        if not ends:
            continue
        trouble.wait_until = max(trouble.wait_until, overdue_at(min(ends), interval_s))
