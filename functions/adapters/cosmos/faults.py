"""What goes wrong with Cosmos DB, in the product's words."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from azure.core.exceptions import AzureError
from azure.cosmos.exceptions import (
    CosmosBatchOperationError,
    CosmosClientTimeoutError,
    CosmosHttpResponseError,
)

from functions.domain.errors import Conflict, StoreError, TransientFault

Result = TypeVar("Result")

CONFLICT, PRECONDITION, NOT_FOUND, TOO_LARGE, FAILED_DEPENDENCY = 409, 412, 404, 413, 424
TRANSIENT = frozenset({403, 408, 410, 429, 449, 500, 502, 503, 504})
"""403 is what an account says whose write region just moved."""
TRIES = 3
FIRST_WAIT_S = 0.2


@contextmanager
def named_faults(thing: str) -> Iterator[None]:
    """Turn the SDK's errors into `Conflict`, `TransientFault` or `StoreError`, naming `thing`."""
    try:
        yield
    except (CosmosHttpResponseError, CosmosBatchOperationError) as fault:
        raise _named(thing, fault) from fault
    except (AzureError, CosmosClientTimeoutError, TimeoutError, OSError) as fault:
        reason = type(fault).__name__
        raise TransientFault(f"Cosmos DB is out of reach for {thing} ({reason}); it will be tried again") from fault


def _named(thing: str, fault: CosmosHttpResponseError | CosmosBatchOperationError) -> StoreError:
    status = fault.status_code
    # Of a batch, it is a document that is missing: somebody else has removed it.
    gone = status == NOT_FOUND and isinstance(fault, CosmosBatchOperationError)
    if status in (CONFLICT, PRECONDITION) or gone:
        return Conflict(f"{thing} was changed by somebody else; read it and try again")
    if status in TRANSIENT:
        return TransientFault(f"Cosmos DB answered {status} for {thing}; it will be tried again")
    if status == NOT_FOUND:
        return StoreError(f"Cosmos DB knows no {thing}; create the containers with the templates in infra/")
    if status == TOO_LARGE:
        return StoreError(f"{thing} is larger than the 2 MB that Cosmos DB takes; see docs/architecture.md")
    return StoreError(f"Cosmos DB refused {thing} with {status} ({str(fault).splitlines()[0]})")


async def persistent(thing: str, attempt: Callable[[], Awaitable[Result]]) -> Result:
    """Make an attempt that is safe to repeat, some times with growing waits; raises what `named_faults` does.

    An attempt that failed may have taken effect all the same: a repeated insert or conditional replace then ends in
    `Conflict`, and whoever asked reads what is there.
    """
    for number in range(TRIES):
        try:
            with named_faults(thing):
                return await attempt()
        except TransientFault:
            if number + 1 == TRIES:
                raise
            await asyncio.sleep(FIRST_WAIT_S * 2**number)
    raise AssertionError("the last try returns or raises")
