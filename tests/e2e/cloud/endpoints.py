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
    cosmos_server: CosmosServer | None = None
    broker: EventHubsBroker | None = None


@contextmanager
def endpoints() -> Iterator[Endpoints]:
    """Cosmos DB and storage, started where not given; the test is skipped where Azurite is missing."""
    with ExitStack() as started:
        storage = started.enter_context(storage_account())
        cosmos, event_hubs = os.environ.get(COSMOS, ""), os.environ.get(EVENT_HUBS, "")
        if cosmos:
            yield Endpoints(cosmos, event_hubs, storage)
        else:
            server = started.enter_context(CosmosServer())
            cosmos = f"AccountEndpoint={server.url}/;AccountKey={server.key};"
            yield Endpoints(cosmos, event_hubs, storage, server)


@contextmanager
def with_hub(at: Endpoints) -> Iterator[Endpoints]:
    """The same with an empty hub, unless one was given."""
    if at.event_hubs:
        yield at
    else:
        with EventHubsBroker({names.READINGS_HUB: PARTITIONS, names.INCIDENTS_HUB: 2}) as broker:
            yield at._replace(event_hubs=broker.connection_string, broker=broker)
