"""The identity this process has in Azure, shared by every adapter that is not given a key."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from azure.identity.aio import DefaultAzureCredential, ManagedIdentityCredential

    from functions.ports import Link

    Credential = DefaultAzureCredential | ManagedIdentityCredential

_shared: dict[str, Credential] = {}


def credential(link: Link) -> Credential:
    """The credential of a link without a connection string; one for each client id, so that tokens are shared."""
    found = _shared.get(link.client_id)
    if found is None:
        from azure.identity.aio import DefaultAzureCredential, ManagedIdentityCredential

        found = ManagedIdentityCredential(client_id=link.client_id) if link.client_id else DefaultAzureCredential()
        _shared[link.client_id] = found
    return found


async def close_credentials() -> None:
    """Close every shared credential, before its event loop ends."""
    while _shared:
        await _shared.popitem()[1].close()
