"""The connection to Cosmos DB: one client a process, opened at the first use."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import urlparse

from azure.core.exceptions import AzureError
from azure.cosmos import PartitionKey
from azure.cosmos.aio import ContainerProxy, CosmosClient
from azure.cosmos.exceptions import CosmosHttpResponseError

from functions import names
from functions.adapters.cosmos.faults import named_faults
from functions.adapters.cosmos.schema import CONTAINERS, ContainerSpec
from functions.adapters.cosmos.usage import MeteredTransport, Usage
from functions.adapters.identity import credential
from functions.domain.errors import SettingError
from functions.ports import Link

TIMEOUT_S = 20
"""Of one request; a slow account answers long before, a dead one is retried."""
THROTTLE_RETRIES = 9
THROTTLE_WAIT_S = 15
"""The SDK waits as long as the account says when it is throttled, but no longer than this in all."""


class CosmosDatabase:
    """The product's database in one account."""

    def __init__(self, link: Link, name: str = names.DATABASE) -> None:
        self.usage = Usage()
        self.name = name
        self._link = link
        self._client: CosmosClient | None = None
        self._opening = asyncio.Lock()

    async def client(self) -> CosmosClient:
        """The client, connected; raises `SettingError` when the account cannot be named, `TransientFault` when away."""
        async with self._opening:
            if self._client is None:
                client = self._build()
                try:
                    with named_faults("the account"):
                        await client.__aenter__()
                except BaseException:
                    await client.close()
                    raise
                self._client = client
        return self._client

    def _build(self) -> CosmosClient:
        address, key = _address(self._link)
        return CosmosClient(
            address,
            key or credential(self._link),
            transport=MeteredTransport(self.usage),
            # An emulator names its own address as the only region, which a port mapping may have made wrong.
            enable_endpoint_discovery=urlparse(address).scheme == "https" and not key,
            no_response_on_write=True,
            enable_compact_utf8_item_writes=True,
            retry_throttle_total=THROTTLE_RETRIES,
            retry_throttle_backoff_max=THROTTLE_WAIT_S,
            connection_timeout=TIMEOUT_S,
            read_timeout=TIMEOUT_S,
            retry_connect=1,
            retry_read=1,
        )

    async def container(self, name: str) -> ContainerProxy:
        """One container; nothing is read yet."""
        return (await self.client()).get_database_client(self.name).get_container_client(name)

    async def provision(self) -> None:
        """Create the database and its containers where they are missing: for emulators; `infra/` does it in Azure."""
        client = await self.client()
        with named_faults(f"database {self.name}"):
            database = await client.create_database_if_not_exists(self.name)
            for spec in CONTAINERS:
                await database.create_container_if_not_exists(**_creation(spec))

    async def drop(self) -> None:
        """Delete the database with everything in it: for tests."""
        client = await self.client()
        with named_faults(f"database {self.name}"):
            await client.delete_database(self.name)

    async def close(self) -> None:
        """Close the connection; it is opened again at the next use."""
        client, self._client = self._client, None
        if client is not None:
            try:
                await client.close()
            except (AzureError, CosmosHttpResponseError) as fault:
                raise SettingError(f"the connection to Cosmos DB did not close ({fault}); end the process") from fault


def _creation(spec: ContainerSpec) -> dict[str, Any]:
    creation = {
        "id": spec.name,
        "partition_key": PartitionKey(spec.partition_key),
        "indexing_policy": spec.indexing_policy,
    }
    return creation if spec.ttl_s is None else {**creation, "default_ttl": spec.ttl_s}


def _address(link: Link) -> tuple[str, str]:
    """Address and key; the key is empty where the process's identity is used."""
    if not link.connection:
        return link.address, ""
    parts = dict(part.partition("=")[::2] for part in link.connection.strip().strip(";").split(";"))
    try:
        return parts["AccountEndpoint"], parts["AccountKey"]
    except KeyError as missing:
        raise SettingError(
            f"{names.COSMOS_CONNECTION} has no {missing.args[0]}; copy the connection string again"
        ) from None
