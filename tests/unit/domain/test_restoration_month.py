"""A month of outages that last twice as long as the model believes: the product finds that out by itself."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import cache
from statistics import NormalDist

import msgspec
import numpy as np
import pytest

from functions.domain.expected_end import expected_by
from functions.domain.incidents import Incident, IncidentKind, IncidentState
from functions.domain.restoration_features import FEATURES
from functions.domain.restoration_learning import Learnt, learn

START = 1_700_000_000
MINUTE, HOUR, DAY = 60, 3_600, 86_400
STEP_S = 10 * MINUTE
LASTED = NormalDist(math.log(1.5), 0.8)
"""Log hours that the model believes outages last."""
LEVELS = (0.1, 0.5, 0.8, 0.9)


def believed(features: np.ndarray) -> np.ndarray:
    """What remains of an outage, given that it has lasted for so long."""
    elapsed = np.expm1(features[:, FEATURES.index("elapsed")])
    return np.array([_remaining(round(float(each), 1)) for each in elapsed], np.float32)


@cache
def _remaining(elapsed: float) -> tuple[float, ...]:
    gone = LASTED.cdf(math.log(elapsed)) if elapsed > 0 else 0.0
    total = [math.exp(LASTED.inv_cdf(min(gone + level * (1 - gone), 1 - 1e-9))) for level in LEVELS]
    return tuple(math.log(max(each - elapsed, 1 / 60)) for each in total)


@dataclass
class Month:
    """Outages that begin at random; forecasts at first sight and every hour, as the product makes them."""

    factor: float
    outages: int = 3_000
    learnt: Learnt = field(default_factory=Learnt)
    covered: list[tuple[int, bool]] = field(default_factory=list)
    """Of each forecast at first sight: day of the month, and whether the end lay between its outer quantiles."""

    def run(self) -> Month:
        rng = np.random.default_rng(5)
        begins = np.sort(rng.integers(0, 30 * DAY, self.outages))
        lasted = np.exp(rng.normal(LASTED.mean, LASTED.stdev, self.outages)) * self.factor * HOUR
        coming = [(START + int(at), START + int(at + span)) for at, span in zip(begins, lasted, strict=True)]
        on: dict[str, tuple[Incident, int]] = {}
        for now in range(START, START + 30 * DAY, STEP_S):
            while coming and coming[0][0] <= now:
                begin, end = coming.pop(0)
                outage = self._forecast(_outage(len(coming), begin), now)
                on[outage.incident_id] = outage, end
                hours = (end - now) / HOUR
                low, *_, high = outage.restoration_quantiles
                self.covered.append(((now - START) // DAY, low < hours <= high))
            self._pass(on, now)
        return self

    def _pass(self, on: dict[str, tuple[Incident, int]], now: int) -> None:
        newest = []
        for name, (outage, end) in list(on.items()):
            if end + 15 * MINUTE <= now:
                over = {"state": IncidentState.closed, "restored_at": end, "updated_at": now}
                outage = msgspec.structs.replace(outage, **over)
                del on[name]
            elif end <= now:
                outage = msgspec.structs.replace(outage, state=IncidentState.restored, restored_at=end)
            elif now - outage.updated_at >= HOUR:
                on[name] = self._forecast(outage, now), end
                outage = on[name][0]
            newest.append(outage)
        self.learnt = learn(self.learnt, newest, now)

    def _forecast(self, outage: Incident, now: int) -> Incident:
        expected = expected_by(believed, self.learnt)(outage, now)
        assert expected is not None
        return msgspec.structs.replace(outage, updated_at=now, restoration_quantiles=expected.quantiles)

    def coverage(self, first: int, last: int) -> float:
        """Share of the forecasts of some days that covered the end."""
        return float(np.mean([held for day, held in self.covered if first <= day < last]))


def _outage(number: int, begin: int) -> Incident:
    return Incident(
        id=f"inc:{number}:r1", incident_id=f"inc:{number}", revision=1, feeder_id="F", kind=IncidentKind.outage,
        state=IncidentState.confirmed, device_kind="transformer", device_id="T", started_at=begin, restored_at=None,
        meters_out=5, meters_affected=5, customers_affected=5, chunks=(), updated_at=begin, confirmed_at=begin,
        customers_out=5, substation_id="S",
    )  # fmt: skip


def test_when_outages_last_twice_as_long_the_intervals_find_their_share_again() -> None:
    month = Month(factor=2.0).run()
    before, after = month.coverage(0, 2), month.coverage(22, 30)
    print(f"10 to 90 % quantile covers: {before:.1%} in the first two days, {after:.1%} in the last eight")
    assert before < 0.70
    assert after == pytest.approx(0.80, abs=0.04)
    assert min(month.learnt.calibration.shifts[:4]) > 0.4
    assert month.learnt.levels.lasted[False].mean == pytest.approx(LASTED.mean + math.log(2), abs=0.15)


def test_when_outages_last_as_long_as_believed_nothing_is_moved_far() -> None:
    month = Month(factor=1.0, outages=1_000).run()
    assert month.coverage(0, 30) == pytest.approx(0.80, abs=0.03)
    assert max(map(abs, month.learnt.calibration.shifts[:4])) < 0.15
