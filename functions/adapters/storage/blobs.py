"""One container of blobs."""

from __future__ import annotations

from itertools import islice

from azure.core.exceptions import ResourceExistsError, ResourceNotFoundError
from azure.storage.blob import ContentSettings, StorageErrorCode
from azure.storage.blob.aio import ContainerClient

from functions.adapters.storage.connection import named_faults, open_client
from functions.ports import Link


class BlobContainer:
    """Blobs by name. Every method may raise `TransientFault`, or `StoreError` when the container refuses."""

    def __init__(self, link: Link, name: str) -> None:
        self._container = open_client(ContainerClient, link, name)
        self._what = f"the blob container {name}"

    async def create(self) -> None:
        """Create the container if it is missing."""
        with named_faults(self._what):
            try:
                await self._container.create_container()
            except ResourceExistsError:
                return

    async def put(self, name: str, data: bytes, content_type: str) -> None:
        """Write a blob, replacing one of the same name."""
        with named_faults(self._what):
            await self._container.upload_blob(
                name, data, overwrite=True, content_settings=ContentSettings(content_type=content_type)
            )

    async def read(self, name: str) -> bytes | None:
        """A blob's bytes; None when there is none of that name."""
        with named_faults(self._what):
            try:
                return await (await self._container.download_blob(name)).readall()
            except ResourceNotFoundError as fault:
                if _blob_is_missing(fault):
                    return None
                raise

    async def remove(self, name: str) -> None:
        """Delete a blob; one that is gone already is no fault."""
        with named_faults(self._what):
            try:
                await self._container.delete_blob(name)
            except ResourceNotFoundError as fault:
                if not _blob_is_missing(fault):
                    raise

    async def names(self, limit: int) -> list[str]:
        """The first names in their order."""
        found: list[str] = []
        with named_faults(self._what):
            async for page in self._container.list_blob_names(results_per_page=limit).by_page():
                found += [name async for name in page]
                if len(found) >= limit:
                    break
        return list(islice(found, limit))

    async def close(self) -> None:
        """Close the connection."""
        await self._container.close()


def _blob_is_missing(fault: ResourceNotFoundError) -> bool:
    """Whether the blob is missing, and not its container."""
    return getattr(fault, "error_code", None) == StorageErrorCode.BLOB_NOT_FOUND
