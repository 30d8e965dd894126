"""Request units: what every answer of Cosmos DB cost, added up where all requests pass."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Any

from azure.core.pipeline.transport import AioHttpTransport

_CHARGE = "x-ms-request-charge"
_VERBS = {"GET": "read", "PUT": "replace", "DELETE": "delete", "PATCH": "patch"}


class Usage:
    """Request units and requests by container and operation, since they were last taken."""

    def __init__(self) -> None:
        self._units: defaultdict[str, float] = defaultdict(float)
        self.requests: Counter[str] = Counter()
        """Of the whole life of the process."""

    def add(self, operation: str, units: float) -> None:
        """Count one request."""
        self._units[operation] += units
        self.requests[operation] += 1

    def take(self) -> dict[str, float]:
        """Request units by operation since the last call."""
        units, self._units = self._units, defaultdict(float)
        return dict(units)


class MeteredTransport(AioHttpTransport):  # type: ignore[misc]  # loaded lazily by its package, without a type
    """The SDK's transport, noting the charge of every answer, those to its own retries included."""

    def __init__(self, usage: Usage) -> None:
        # Looking up proxies for every request costs a third of the SDK's processor time, and there is no proxy.
        super().__init__(use_env_settings=False)
        self._usage = usage

    async def send(self, request: Any, **options: Any) -> Any:
        """Send one request."""
        response = await super().send(request, **options)
        charge = response.headers.get(_CHARGE)
        if charge:
            self._usage.add(_operation(request), float(charge))
        return response


def _operation(request: Any) -> str:
    """Container and operation, as in `packs replace`."""
    rest = request.url.partition("/colls/")[2]
    container = rest.partition("/")[0] or "account"
    headers = request.headers
    if request.method == "POST":
        verb = "query" if "x-ms-documentdb-isquery" in headers else "create"
        verb = "batch" if "x-ms-cosmos-is-batch-request" in headers else verb
        verb = "upsert" if "x-ms-documentdb-is-upsert" in headers else verb
    else:
        is_feed = "A-IM" in headers and "/docs/" in rest
        verb = "feed" if is_feed else _VERBS.get(request.method, request.method.lower())
    return f"{container} {verb}"
