"""Intake: anomaly records come onto the board, as troubles or as explained for now; explanations are reviewed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

import msgspec

from functions.domain.anomalies import Anomaly, Phase
from functions.domain.board import Board, Memory
from functions.domain.context import GridContext, Suppression, Verdict, assess
from functions.domain.known import EXPLAINED_BY_OUTAGE, KnownIncidents
from functions.domain.topology import FeederMap
from functions.domain.troubles import NATURE, Nature, Trouble, release_lag, trouble_of

PLANNED = "planned work"
"""How the reason of a work order begins."""


def order_of(record: Anomaly) -> tuple[int, bool, str]:
    """The order in which records are taken in: by start, an opening before its end."""
    return record.start, record.phase == Phase.closed, record.id


class Intake:
    """One step's changes to what is on a board; `board` is changed in place."""

    def __init__(self, board: Board, context: GridContext, feeder: FeederMap, now: int) -> None:
        self._board = board
        self._feeder = feeder
        self._context = context
        self._now = now
        self._memory = Memory(board, now)
        self.ledger: dict[str, Suppression] = {}
        """Lines to write, by anomaly id."""

    def take(self, anomalies: Iterable[Anomaly]) -> None:
        """Take in records; one that was taken in before changes nothing."""
        for anomaly in sorted(anomalies, key=order_of):
            if anomaly.id in self._memory:
                continue
            if anomaly.phase == Phase.closed:
                self._close(anomaly)
            else:
                self._open(anomaly)
            self._memory.add(anomaly.id)

    def _open(self, anomaly: Anomaly) -> None:
        trouble = trouble_of(anomaly, self._now)
        over = f"{anomaly.anomaly_id}:{Phase.closed}" in self._memory  # its end came first: nothing is open any more
        if over or (anomaly.provisional and NATURE[anomaly.kind] is Nature.supply):
            return
        verdict = assess(anomaly, self._context)
        if verdict.raised:
            self._board.troubles[trouble.anomaly_id] = trouble
        else:
            self.suppress(trouble, verdict)

    def _close(self, anomaly: Anomaly) -> None:
        self._board.suppressed.pop(anomaly.anomaly_id, None)
        trouble = self._board.troubles.get(anomaly.anomaly_id)
        end = anomaly.ended_at
        if trouble is not None and end is not None:
            trouble.end = max(end, trouble.start)
            trouble.exact_end = anomaly.at is not None
            trouble.ended_heard_at = self._now
            # Of a meter taken out of service it is not known whether its customer has power: nothing is said of it.
            trouble.lapsed = anomaly.provisional and trouble.nature is Nature.supply

    def suppress(self, trouble: Trouble, verdict: Verdict) -> None:
        """Put a trouble into the ledger: it is explained for now."""
        line = Suppression(
            anomaly_id=trouble.anomaly_id,
            meter_id=trouble.meter_id,
            feeder_id=self._board.feeder_id,
            reason=verdict.reason,
            source_id=verdict.source_id or "",
            start=trouble.start,
            until=verdict.until,
            suppressed_at=self._now,
        )
        known = self._board.suppressed.get(trouble.anomaly_id)
        if known is not None and (known[0].reason, known[0].until) == (line.reason, line.until):
            return
        self._board.troubles.pop(trouble.anomaly_id, None)
        trouble.incident_id, trouble.listed = "", False
        trouble.release_at = self._release_at(trouble, verdict.until)
        self._board.suppressed[trouble.anomaly_id] = (line, trouble)
        self.ledger[trouble.anomaly_id] = line

    def _release_at(self, trouble: Trouble, until: int) -> int:
        return until + release_lag(trouble.kind, self._feeder.interval_s)

    def review(self) -> None:
        """Release what is explained no longer; suppress what has an explanation since."""
        changed = self._context_changed()
        explained = self._board.suppressed.values()
        due = [entry for entry in explained if changed or entry[1].release_at <= self._now]
        if due:
            known = KnownIncidents(self._board, self._feeder)
            for line, trouble in due:
                self._review_explained(line, trouble, known, cancelled=changed)
        if changed:
            for trouble in list(self._board.troubles.values()):
                self._review_raised(trouble)

    def _review_explained(self, line: Suppression, trouble: Trouble, known: KnownIncidents, *, cancelled: bool) -> None:
        over = trouble.release_at <= self._now
        verdict = assess(trouble.as_anomaly(self._board.feeder_id), self._context)
        if verdict.raised:
            verdict = known.explain(trouble, self._now)
        # The spell may have gone on since: what it explains is then released so much later.
        if not verdict.raised and (self._release_at(trouble, verdict.until) > self._now or not over):
            self.suppress(trouble, verdict)
            return
        if not over and not cancelled:
            return
        del self._board.suppressed[trouble.anomaly_id]
        trouble.overran = over and line.reason.startswith(PLANNED)
        trouble.heard_at = self._now
        self._board.troubles[trouble.anomaly_id] = trouble
        self.ledger[trouble.anomaly_id] = msgspec.structs.replace(line, released_at=self._now)

    def _review_raised(self, trouble: Trouble) -> None:
        """An order that was issued late explains what nobody was told of yet; weather does not take back a word."""
        if trouble.told or trouble.end is not None:
            return
        verdict = assess(trouble.as_anomaly(self._board.feeder_id, certain=True), self._context)
        if not verdict.raised and self._release_at(trouble, verdict.until) > self._now:
            self.suppress(trouble, verdict)

    def absorb(self) -> None:
        """Let open incidents explain what follows from them."""
        open_ones = [
            each for each in self._board.troubles.values() if each.kind in EXPLAINED_BY_OUTAGE and each.end is None
        ]
        if open_ones:
            known = KnownIncidents(self._board, self._feeder)
            for trouble in open_ones:
                verdict = known.explain(trouble, self._now)
                if not verdict.raised and self._release_at(trouble, verdict.until) > self._now:
                    self.suppress(trouble, verdict)

    def _context_changed(self) -> bool:
        mark = _mark(self._context)
        changed = mark != self._board.context_mark
        self._board.context_mark = mark
        return changed


def _mark(context: GridContext) -> str:
    """Fingerprint of the work orders, which take effect at once when they are moved or cancelled."""
    if not context.orders:
        return ""
    orders: Sequence[object] = sorted(
        (each.work_order_id, each.asset_kind, each.asset_id, each.start, each.over_at, each.explains)
        for each in context.orders
    )
    return hashlib.blake2b(msgspec.json.encode(orders), digest_size=8).hexdigest()
