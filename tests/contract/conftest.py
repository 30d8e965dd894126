"""Every adapter of the stores; a suite that takes `stores` runs against each of them."""

from __future__ import annotations

import itertools
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from emulators.azurite import storage_account
from emulators.cosmos.process import CosmosServer

from functions.adapters.azure_stores import AzureStores
from functions.adapters.sqlite.composition import sqlite_stores
from functions.adapters.sqlite.database import Database
from functions.ports import Link, Stores

COSMOS_ENDPOINT = "METERSENTRY_TEST_COSMOS"
"""Connection string of an account to test against, in place of the loopback server."""
NUMBERS = itertools.count()


@pytest.fixture(scope="session")
def cosmos() -> Iterator[Link]:
    """An account of Cosmos DB."""
    given = os.environ.get(COSMOS_ENDPOINT)
    if given:
        yield Link(connection=given)
        return
    with CosmosServer() as server:
        yield Link(connection=f"AccountEndpoint={server.url}/;AccountKey={server.key};")


@asynccontextmanager
async def sqlite_in_memory(folder: Path, _: Link) -> AsyncIterator[Stores]:
    database = Database(":memory:")
    yield sqlite_stores(database, folder)
    database.close()


@asynccontextmanager
async def sqlite_on_file(folder: Path, _: Link) -> AsyncIterator[Stores]:
    database = Database(folder / "store.db")
    yield sqlite_stores(database, folder)
    database.close()


@asynccontextmanager
async def cosmos_db(folder: Path, account: Link) -> AsyncIterator[Stores]:
    azure = AzureStores.over(account, Link("https://127.0.0.1"), f"contract-{os.getpid()}-{next(NUMBERS)}")
    await azure.database.provision()
    yield azure.stores
    await azure.database.drop()
    await azure.close()


ADAPTERS = {"sqlite-memory": sqlite_in_memory, "sqlite-file": sqlite_on_file, "cosmos": cosmos_db}


@pytest.fixture(params=ADAPTERS)
async def stores(request: pytest.FixtureRequest, tmp_path: Path, cosmos: Link) -> AsyncIterator[Stores]:
    async with ADAPTERS[request.param](tmp_path, cosmos) as opened:
        yield opened


@pytest.fixture(scope="session")
def storage() -> Iterator[Link]:
    """A storage account; tests that need one are skipped where there is none."""
    with storage_account() as connection:
        yield Link(connection=connection)
