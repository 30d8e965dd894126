"""The services a run of the cloud path talks to: loopback ones of our own, or those the environment names."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import NamedTuple

from emulators.azurite import storage_account
from emulators.cosmos import CosmosServer
from emulators.event_hubs import EventHubsBroker

from functions import names

COSMOS = "METERSENTRY_TEST_COSMOS"
EVENT_HUBS = "METERSENTRY_TEST_EVENTHUBS"
PARTITIONS = 4


class Endpoints(NamedTuple):
    """Connection strings, and the servers behind them where these can be made to fail."""

    cosmos: str
    event_hubs: str
    storage: str
    cosmos_server: CosmosServer | None
    broker: EventHubsBroker | None


@contextmanager
def endpoints() -> Iterator[Endpoints]:
    """Whatever the environment does not name is started; the test is skipped where Azurite is missing."""
    with ExitStack() as started:
        storage = started.enter_context(storage_account())
        server = broker = None
        cosmos, event_hubs = os.environ.get(COSMOS, ""), os.environ.get(EVENT_HUBS, "")
        if not cosmos:
            server = started.enter_context(CosmosServer())
            cosmos = f"AccountEndpoint={server.url}/;AccountKey={server.key};"
        if not event_hubs:
            broker = started.enter_context(EventHubsBroker({names.READINGS_HUB: PARTITIONS, names.INCIDENTS_HUB: 2}))
            event_hubs = broker.connection_string
        yield Endpoints(cosmos, event_hubs, storage, server, broker)
