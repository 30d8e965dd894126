"""One event hub: its partitions, and which of them an event goes to."""

import time
from itertools import cycle

from .errors import AmqpError
from .messages import BATCH_FORMAT, batched, data_message, partition_key
from .partition import Partition
from .partition_key import partition_of


class Hub:
    """Named partitions; any consumer group exists."""

    def __init__(self, name: str, partitions: int):
        self.name = name
        self.created_ms = now_ms()
        self.partitions = [Partition(str(number)) for number in range(partitions)]
        self._turns = cycle(self.partitions)

    def partition(self, partition_id: str) -> Partition:
        """Raises AmqpError for a partition the hub does not have."""
        if partition_id.isdecimal() and int(partition_id) < len(self.partitions):
            return self.partitions[int(partition_id)]
        raise AmqpError(
            "com.microsoft:argument-out-of-range",
            f"Hub '{self.name}' has partitions 0 to {len(self.partitions) - 1}, not '{partition_id}'.",
        )

    def publish(self, message: bytes, message_format: int, partition: Partition | None) -> Partition:
        """Stores one transfer, an event or a batch, as a whole in one partition, and says in which."""
        key = partition_key(message)
        if partition is None:
            partition = next(self._turns) if key is None else self.partitions[partition_of(key, len(self.partitions))]
        now = now_ms()
        for event in batched(message) if message_format == BATCH_FORMAT else (message,):
            partition.append(event, key, now)
        return partition

    def append(self, partition: Partition, bodies: list[bytes], key: str | None) -> None:
        """Stores bodies without a producer."""
        now = now_ms()
        for body in bodies:
            partition.append(data_message(body), key, now)


def now_ms() -> int:
    """Milliseconds since the epoch."""
    return time.time_ns() // 1_000_000
