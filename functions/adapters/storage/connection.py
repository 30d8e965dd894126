"""How clients of Azure Storage are opened, and what their faults mean."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from azure.core.exceptions import (
    AzureError,
    HttpResponseError,
    IncompleteReadError,
    ServiceRequestError,
    ServiceResponseError,
)
from azure.storage.blob.aio import ContainerClient
from azure.storage.queue.aio import QueueClient

from functions.adapters.identity import credential
from functions.domain.errors import SettingError, StoreError, TransientFault
from functions.ports import Link

Client = TypeVar("Client", ContainerClient, QueueClient)

# Three retries within about four seconds. The SDK's own pauses add up to a minute, in which a batch would hold its
# partition; after ours the host retries, and says so.
PATIENCE: dict[str, Any] = {
    "retry_total": 3,
    "initial_backoff": 0.5,
    "increment_base": 1,
    "random_jitter_range": 0.5,
    "connection_timeout": 5,
    "read_timeout": 20,
}
BUSY = (408, 429)


def open_client(kind: type[Client], link: Link, name: str) -> Client:
    """A client of one container or queue; nothing is sent yet. Raises `SettingError` for an unusable link."""
    try:
        if link.connection:
            return kind.from_connection_string(link.connection, name, **PATIENCE)
        return kind(link.address, name, credential=credential(link), **PATIENCE)
    except ValueError as fault:
        raise SettingError(f"the link to Azure Storage cannot be used ({fault}); copy it from the account") from fault


@contextmanager
def named_faults(what: str) -> Iterator[None]:
    """What is busy or out of reach is a `TransientFault`, anything else a `StoreError`; `what` names the service."""
    try:
        yield
    except (ServiceRequestError, ServiceResponseError, IncompleteReadError) as fault:
        raise TransientFault(f"{what} is out of reach ({_reason(fault)}); try again") from fault
    except HttpResponseError as fault:
        status = fault.status_code or 0
        if status in BUSY or status >= 500:
            raise TransientFault(f"{what} is busy ({_reason(fault)}); try again") from fault
        raise StoreError(
            f"{what} refused a request ({_reason(fault)}); see that it exists and that this identity has a role on it"
        ) from fault
    except AzureError as fault:
        raise StoreError(f"{what} cannot be used ({_reason(fault)})") from fault


def _reason(fault: AzureError) -> str:
    """The service's code where it sent one: its messages run over several lines."""
    code = getattr(fault, "error_code", None)
    return str(getattr(code, "value", code) or fault.message).partition("\n")[0]
