"""The broker: hubs, connections and faults, and the ports they are reached by."""

import asyncio
from dataclasses import dataclass, field

from .connection import Connection
from .errors import AmqpError
from .faults import Faults
from .hub import Hub
from .partition import Partition

HOST = "127.0.0.1"


@dataclass(eq=False)
class Broker:
    """Everything the connections share."""

    hubs: dict[str, Hub]
    idle_timeout_s: float
    faults: Faults = field(default_factory=Faults)
    connections: set[Connection] = field(default_factory=set)
    _changed: set[Partition] = field(default_factory=set)

    async def listen(self, port: int) -> tuple[asyncio.Server, int]:
        """Opens the AMQP port, 0 for any free one, and says which; raises OSError when it is taken."""
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: Connection(self), HOST, port)
        return server, server.sockets[0].getsockname()[1]

    def hub(self, name: str) -> Hub:
        """Hub by its name, in any case; raises AmqpError when there is none."""
        hub = self.hubs.get(name.lower())
        if hub is None:
            known = ", ".join(sorted(self.hubs))
            raise AmqpError("amqp:not-found", f"The messaging entity '{name}' could not be found, there is {known}.")
        return hub

    def announce(self, partition: Partition) -> None:
        """Wakes the partition's consumers once whatever has arrived by now is stored."""
        if not partition.consumers:
            return
        if not self._changed:
            asyncio.get_running_loop().call_soon(self._wake_consumers)
        self._changed.add(partition)

    def cut(self, count: int | None = None) -> int:
        """Resets connections, all or so many, and says how many."""
        victims = list(self.connections)[:count]
        for connection in victims:
            connection.abort()
        return len(victims)

    def _wake_consumers(self) -> None:
        changed, self._changed = self._changed, set()
        for partition in changed:
            for consumer in list(partition.consumers):
                consumer.wake()
