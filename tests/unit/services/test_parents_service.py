"""From gasps of whole feeders to the outage of their substation, through the change feed."""

from __future__ import annotations

import msgspec

from functions.adapters.clocks import SetClock
from functions.adapters.sqlite.database import Database
from functions.adapters.sqlite.streams import SqliteFeed
from functions.application import Application
from functions.domain.anomalies import Anomaly, Phase
from functions.domain.roster_row import RosterRow

START = 1_718_582_400


def rows() -> list[RosterRow]:
    return [
        RosterRow(
            meter_id=f"{feeder}-{number}",
            feeder_id=feeder,
            transformer_id=f"{feeder}-T{number // 4}",
            substation_id="S",
            interval_s=900,
        )
        for feeder in ("F1", "F2", "F3")
        for number in range(16)
    ]


def gasps(feeder: str, at: int = START) -> list[dict[str, object]]:
    return [
        msgspec.to_builtins(
            Anomaly(
                id=f"{row.meter_id}:power_off:{at}:opened",
                anomaly_id=f"{row.meter_id}:power_off:{at}",
                phase=Phase.opened,
                meter_id=row.meter_id,
                customer_id=f"C-{row.meter_id}",
                transformer_id=row.transformer_id,
                feeder_id=feeder,
                kind="power_off",
                start=at,
                end=None,
                score=9.0,
                threshold=0.0,
                why="",
                raised_at=at,
                signal="last_gasp",
                at=at,
            )
        )
        for row in rows()
        if row.feeder_id == feeder
    ]


async def drain(application: Application, database: Database) -> int:
    """Hand the feed of incidents to fan-out until it is dry; returns how many messages came of it."""
    feed, messages = SqliteFeed(database, "incidents"), 0
    while changes := feed.read(1_000):
        documents = [{**msgspec.json.decode(each.body), "type": each.type} for each in changes]
        feed.advance(changes[-1].position)
        messages += len((await application.fan_out.expand(documents)).notifications)
    return messages


async def test_two_of_three_feeders_are_their_substation_and_their_customers_are_told_once(
    application: Application, database: Database, clock: SetClock
) -> None:
    await application.feeders.load(rows(), START)
    await application.correlation.correlate([*gasps("F1"), *gasps("F2")])
    assert await drain(application, database) == 0
    parent = await application.stores.incidents.find(f"inc:substation:S:{START}")
    assert parent is not None
    assert (parent.device_kind, parent.customers_out, len(parent.children)) == ("substation", 32, 2)
    for child in parent.children:
        found = await application.stores.incidents.find(child)
        assert found is not None
        assert found.parent_id == parent.incident_id

    clock.set(START + 480)
    await application.correlation.release()
    assert await drain(application, database) == 32
    assert await drain(application, database) == 0


async def test_one_of_three_feeders_is_a_feeder(application: Application, database: Database) -> None:
    await application.feeders.load(rows(), START)
    await application.correlation.correlate(gasps("F1"))
    await drain(application, database)
    assert await application.stores.incidents.find(f"inc:substation:S:{START}") is None
