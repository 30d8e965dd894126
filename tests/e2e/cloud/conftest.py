"""One set of services and two consumer processes for all tests; a world for each."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from e2e.cloud.endpoints import Endpoints, endpoints
from e2e.cloud.oracle import Oracle
from e2e.cloud.seat import Seat
from e2e.cloud.world import World, world
from emulators.cosmos import CosmosServer
from emulators.event_hubs import EventHubsBroker


@pytest.fixture(scope="session")
def services() -> Iterator[Endpoints]:
    with endpoints() as opened:
        yield opened


@pytest.fixture(scope="session")
def seats() -> Iterator[tuple[Seat, Seat]]:
    with Seat() as one, Seat() as other:
        yield one, other


@pytest.fixture
async def here(services: Endpoints, seats: tuple[Seat, Seat], tmp_path: Path) -> AsyncIterator[World]:
    """A fresh world, in which nobody lives any more when it ends."""
    async with world(services, tmp_path) as opened:
        yield opened
        for seat in seats:
            await seat.kill()


@pytest.fixture
def seat(seats: tuple[Seat, Seat]) -> Seat:
    return seats[0]


@pytest.fixture
def oracle() -> Iterator[Oracle]:
    with Oracle() as undisturbed:
        yield undisturbed


@pytest.fixture
def cosmos(services: Endpoints) -> CosmosServer:
    """The server that can be made to fail."""
    if services.cosmos_server is None:
        pytest.skip("a given Cosmos DB cannot be made to fail; unset METERSENTRY_TEST_COSMOS")
    return services.cosmos_server


@pytest.fixture
def broker(here: World) -> EventHubsBroker:
    """The broker that can be made to fail."""
    if here.at.broker is None:
        pytest.skip("a given Event Hubs namespace cannot be made to fail; unset METERSENTRY_TEST_EVENTHUBS")
    return here.at.broker
