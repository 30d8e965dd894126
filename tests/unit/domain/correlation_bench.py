"""Anomaly records by hand, a board to take them in, and a feeder of three laterals of three transformers of four."""

from __future__ import annotations

from collections.abc import Iterator

from functions.domain.anomalies import Anomaly, Kind, Phase, Signal
from functions.domain.board import Board
from functions.domain.context import GridContext
from functions.domain.correlation import correlate
from functions.domain.publication import Correlation
from functions.domain.topology import FeederMap, Place
from functions.domain.weather import WeatherSeries
from functions.domain.work_orders import AssetKind, WorkOrder

NOW = 1_700_000_100
"""A quarter of an hour begins: the first moment of a slot."""
MINUTE = 60
GASP, ZERO, SILENCE = Signal.last_gasp, Signal.zero_voltage, Signal.silence


def feeder(laterals: int = 3, transformers: int = 3, meters: int = 4, feeder_id: str = "F", **fields) -> FeederMap:
    """Meters `M<lateral><transformer><meter>`, transformers `T<lateral><transformer>`, laterals `L<lateral>`."""
    return FeederMap(
        feeder_id,
        [
            Place(
                meter_id=f"M{lateral}{transformer}{meter}",
                customer_id=f"C-M{lateral}{transformer}{meter}",
                transformer_id=f"T{lateral}{transformer}",
                lateral_id=f"L{lateral}",
                feeder_id=feeder_id,
                substation_id="S",
                collector_id="near" if lateral == 0 else "far",
                **fields,
            )
            for lateral in range(laterals)
            for transformer in range(transformers)
            for meter in range(meters)
        ],
    )


FEEDER = feeder()


def opened(meter="M000", kind="power_off", start=NOW, transformer=None, signal=None, **fields) -> Anomaly:
    """The beginning of an anomaly; darkness comes as a last gasp unless another signal is named."""
    name = f"{meter}:{kind}:{start}"
    if signal is None:
        signal = {"power_off": GASP, "no_reads": SILENCE}.get(kind, "")
    usual = {
        "customer_id": f"C-{meter}", "transformer_id": f"T{meter[1:3]}" if transformer is None else transformer,
        "feeder_id": "F", "score": 9.0, "threshold": 4.0, "why": "", "raised_at": start, "end": None,
        "phase": Phase.opened, "id": f"{name}:opened", "at": start if signal == GASP else None,
    }  # fmt: skip
    return Anomaly(anomaly_id=name, meter_id=meter, kind=kind, start=start, signal=signal, **(usual | fields))


def closed(meter="M000", kind="power_off", start=NOW, end=NOW + 900, told=True, **fields) -> Anomaly:
    """Its end, as the meter said itself, or as a reading showed it."""
    name = f"{meter}:{kind}:{start}:closed"
    exact = {"at": end if told and kind == Kind.power_off.name else None}
    return opened(meter, kind, start, end=end, phase=Phase.closed, id=name, signal="", **(exact | fields))


def all_of(*transformers: str, start=NOW, meters=range(4), **fields) -> list[Anomaly]:
    """Last gasps of the meters of some transformers."""
    return [opened(f"M{each[1:]}{meter}", start=start, **fields) for each in transformers for meter in meters]


def ends_of(*transformers: str, start=NOW, end=NOW + 3_600, meters=range(4), **fields) -> list[Anomaly]:
    """The ends of the same."""
    return [closed(f"M{each[1:]}{meter}", start=start, end=end, **fields) for each in transformers for meter in meters]


def order(name="WO1", start=NOW - 600, end=NOW + 3600, kind=AssetKind.transformer, asset="T00", **fields) -> WorkOrder:
    """A work order on the feeder."""
    return WorkOrder(work_order_id=name, feeder_id="F", asset_kind=kind, asset_id=asset, start=start, end=end, **fields)


class Story:
    """A feeder's board over time; `tell` is one step at a moment."""

    def __init__(self, layout: FeederMap = FEEDER, orders: tuple[WorkOrder, ...] = (), estimate=None) -> None:
        self.board = Board(feeder_id="F")
        self.layout = layout
        self.orders = orders
        self.estimate = estimate
        self.weather = WeatherSeries()
        self.powered: dict[str, int] = {}
        self.steps: list[Correlation] = []
        self.members: dict[str, tuple] = {}

    def tell(self, *anomalies: Anomaly, at: int = NOW) -> list:
        """Take in records at a moment; returns the revisions made."""
        made = []
        more, records = True, anomalies
        while more:
            context = GridContext(orders=self.orders, buffer_s=900, weather=self.weather)
            step = correlate(self.board, records, self.layout, self.powered, context, at, estimate=self.estimate)
            self.steps.append(step)
            self.members |= {chunk.id: chunk.members for chunk in step.chunks}
            made += step.incidents
            more, records = step.more, ()
        return made

    def wait(self, until: int, every: int = MINUTE) -> list:
        """Let the clock do what is due, as the timer does, until a moment."""
        made = []
        now = max((step.incidents[-1].updated_at for step in self.steps if step.incidents), default=NOW)
        while self.board.release_at is not None and self.board.release_at <= until:
            now = max(now + every, self.board.release_at)
            if now > until:
                break
            made += self.tell(at=now)
        return made

    @property
    def revisions(self) -> list:
        """Every revision so far."""
        return [revision for step in self.steps for revision in step.incidents]

    @property
    def latest(self) -> dict:
        """The newest revision of every incident."""
        return {revision.incident_id: revision for revision in self.revisions}

    @property
    def open(self) -> list:
        """The newest revisions of incidents on the board."""
        return [self.latest[each.incident_id] for each in self.board.incidents if each.last is not None]

    @property
    def told(self) -> list[tuple[str, str]]:
        """Messages so far: kind and customer, as often as they were sent."""
        return [
            (str(intent.kind), customer)
            for step in self.steps
            for intent in step.intents
            for customer in sorted({each.customer_id for name in intent.chunks for each in self.members[name]})
        ]

    @property
    def ledger(self) -> list:
        """Lines of the ledger, in the order in which they were written."""
        return [line for step in self.steps for line in step.suppressions]


def devices(incidents) -> list[tuple[str, str, str]]:
    """Kind, device kind and device of incidents, sorted."""
    return sorted((str(each.kind), str(each.device_kind), each.device_id) for each in incidents)


def storm(feeders: int = 25, meters: int = 2_000) -> Iterator[tuple[FeederMap, list[Anomaly]]]:
    """A storm: on every feeder all meters gasp within a minute, in no order; 8 to a transformer, 80 to a lateral."""
    for number in range(feeders):
        places = [
            Place(f"M{number}-{n}", f"C{number}-{n}", f"T{number}-{n // 8}", f"L{number}-{n // 80}", f"F{number}")
            for n in range(meters)
        ]
        records = [
            opened(each.meter_id, start=NOW + 37 * n % 60, transformer=each.transformer_id, feeder_id=each.feeder_id)
            for n, each in enumerate(places)
        ]
        yield FeederMap(f"F{number}", places), records


def main() -> None:
    """Correlate 50,000 anomalies of 25 feeders on one core, whole and as a change feed cuts them; print the seconds."""
    import time

    for cut in (2_000, 40):
        steps, revisions, seconds, worst = 0, 0, 0.0, 0
        for layout, records in storm():
            board = Board(feeder_id=layout.feeder_id)
            cuts = [records[first : first + cut] for first in range(0, len(records), cut)]
            for number, some in enumerate([*cuts, *[[]] * 10]):
                now = NOW + 60 + (60 * number // len(cuts) if some else 60 * (number - len(cuts) + 1))
                began = time.process_time()
                step = correlate(board, some, layout, {}, GridContext(), now)
                seconds += time.process_time() - began
                steps, worst, revisions = steps + 1, max(worst, step.operations), revisions + len(step.incidents)
        print(
            f"50,000 anomalies in cuts of {cut} and ten minutes after: {seconds:.2f} s, {steps} steps,"
            f" {revisions} revisions, at most {worst} operations a commit"
        )


if __name__ == "__main__":
    main()
