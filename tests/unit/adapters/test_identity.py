"""The process's identity: one credential for each client id, and none where there is a key."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from azure.identity.aio import DefaultAzureCredential, ManagedIdentityCredential

from functions.adapters.identity import close_credentials, credential
from functions.adapters.storage.blobs import BlobContainer
from functions.adapters.storage.queues import StorageQueue
from functions.ports import Link


@pytest.fixture(autouse=True)
async def closed() -> AsyncIterator[None]:
    yield
    await close_credentials()


async def test_a_client_id_names_the_managed_identity() -> None:
    assert isinstance(credential(Link("https://one", client_id="c")), ManagedIdentityCredential)
    assert isinstance(credential(Link("https://one")), DefaultAzureCredential)


async def test_links_of_one_identity_share_its_credential() -> None:
    one, other = Link("https://one", client_id="c"), Link("https://other", client_id="c")

    assert credential(one) is credential(other)
    assert credential(one) is not credential(Link("https://one", client_id="d"))


async def test_a_closed_credential_is_not_given_out_again() -> None:
    link = Link("https://one", client_id="c")
    before = credential(link)
    await close_credentials()

    assert credential(link) is not before


@pytest.mark.parametrize("kind", [BlobContainer, StorageQueue])
async def test_storage_is_opened_with_the_identity_and_nothing_is_sent_yet(
    kind: type[BlobContainer] | type[StorageQueue],
) -> None:
    client = kind(Link("https://account.example", client_id="c"), "letters")
    await client.close()
    assert isinstance(credential(Link(client_id="c")), ManagedIdentityCredential)
