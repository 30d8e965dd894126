"""Consume: the product in a container takes readings and work orders from their hubs, and stops when it is told to."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from emulators.azurite import MISSING, PROGRAM, Azurite
from emulators.cosmos.process import CosmosServer
from emulators.event_hubs.process import EventHubsBroker

from functions import names
from functions.adapters.azure_stores import AzureStores
from functions.domain.roster_row import RosterRow
from functions.ports import Link
from functions.services.feeders import Feeders

ROOT = Path(__file__).resolve().parents[2]
WITHIN_S = 60


@pytest.mark.skipif(not PROGRAM.exists(), reason=MISSING)
async def test_a_reading_and_a_work_order_are_taken_and_sigterm_ends_it(tmp_path: Path) -> None:
    hubs = {names.READINGS_HUB: 2, names.WORK_ORDERS_HUB: 1, names.INCIDENTS_HUB: 1}
    with Azurite() as azurite, CosmosServer() as cosmos, EventHubsBroker(hubs) as broker:
        account = f"AccountEndpoint={cosmos.url}/;AccountKey={cosmos.key};"
        environment = {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "COSMOS": account,
            "EventHubConnection": broker.connection_string,
            "AzureWebJobsStorage": azurite.connection_string,
            "METERSENTRY_OUT": str(tmp_path),
        }
        command = [sys.executable, "-m", "local"]
        provision, consume = [*command, "provision"], [*command, "consume"]
        subprocess.run(provision, env=environment, check=True, capture_output=True)  # noqa: ASYNC221  # nothing else runs
        azure = AzureStores.over(Link(connection=account), Link(connection=azurite.connection_string))
        now = int(time.time()) // 900 * 900
        await Feeders(azure.stores.rosters).load([RosterRow(meter_id="M1", feeder_id="F1")], now)

        log = tmp_path / "log.txt"
        with (
            log.open("wb") as written,
            subprocess.Popen(consume, env=environment, stderr=written) as process,  # noqa: ASYNC220  # only started here
        ):
            reading = {"meter_id": "M1", "timestamp": now, "voltage_v": 240.0, "energy_kwh": 0.2}
            broker.append(names.READINGS_HUB, 0, [json.dumps({"feeder_id": "F1", "readings": reading}).encode()])
            order = {
                "work_order_id": "WO-1",
                "feeder_id": "F1",
                "asset_kind": "feeder",
                "asset_id": "F1",
                "start": now,
                "end": now + 3_600,
            }
            broker.append(names.WORK_ORDERS_HUB, 0, [json.dumps(order).encode()])
            try:
                deadline = time.monotonic() + WITHIN_S
                stores = azure.stores
                while not (await stores.packs.read(["F1:0:0"]) and await stores.context.orders("F1", now)):
                    assert time.monotonic() < deadline, log.read_text()
                    await asyncio.sleep(0.2)
            finally:
                process.send_signal(signal.SIGTERM)
                process.wait(timeout=30)
                await azure.close()
        assert process.returncode == 0, log.read_text()
        assert "applied=1" in log.read_text()
