"""One partition: an append-only log in memory, and the consumers that read it."""

import re
from bisect import bisect_left, bisect_right
from typing import Protocol

from . import amqp_types as amqp
from .errors import AmqpError
from .messages import stamped

NO_EVENT_MS = -62_135_596_800_000  # 0001-01-01, what the service reports for a partition that never had an event
MAX_CONSUMERS = 5  # of one consumer group without epochs, a limit of the service
_SELECTOR = re.compile(r"amqp\.annotation\.x-opt-(offset|sequence-number|enqueued-time) *(>=?) *'([^']*)'")


class Consumer(Protocol):
    """What a partition knows of a link that reads it."""

    group: str
    epoch: int | None

    def wake(self) -> None:
        """New events may be there."""

    def displace(self, error: AmqpError) -> None:
        """Another consumer takes over."""


class Partition:
    """Log of stamped messages; a position is an index into it, sequence numbers may have gaps."""

    def __init__(self, partition_id: str):
        self.id = partition_id
        self.messages: list[bytes] = []
        self.sequences: list[int] = []
        self.offsets: list[int] = []
        self.enqueued_ms: list[int] = []
        self.next_sequence = 0
        self.consumers: list[Consumer] = []
        self._bytes = 0

    @property
    def first_sequence(self) -> int:
        """Sequence number of the oldest event, 0 when there is none."""
        return self.sequences[0] if self.sequences else 0

    @property
    def last_sequence(self) -> int:
        """Sequence number of the newest event, -1 when there is none."""
        return self.sequences[-1] if self.sequences else -1

    @property
    def last_offset(self) -> int:
        """Offset of the newest event, -1 when there is none."""
        return self.offsets[-1] if self.offsets else -1

    @property
    def last_enqueued_ms(self) -> int:
        """Time of the newest event."""
        return self.enqueued_ms[-1] if self.enqueued_ms else NO_EVENT_MS

    def append(self, message: bytes, key: str | None, now_ms: int) -> None:
        """Stores one encoded message under the next sequence number."""
        now_ms = max(now_ms, self.last_enqueued_ms)  # a clock set back must not unsort the log
        entry = stamped(message, key, self.next_sequence, self._bytes, now_ms)
        self.messages.append(entry)
        self.sequences.append(self.next_sequence)
        self.offsets.append(self._bytes)
        self.enqueued_ms.append(now_ms)
        self.next_sequence += 1
        self._bytes += len(entry)

    def skip(self, count: int) -> None:
        """Leaves out sequence numbers, as if events had been lost."""
        self.next_sequence += count

    def position(self, selector: str | None) -> int:
        """Where a consumer starts; raises AmqpError for a filter or a place the log does not have."""
        if selector is None:
            return 0
        match = _SELECTOR.fullmatch(selector)
        if not match:
            raise AmqpError("amqp:invalid-field", f"The filter '{selector}' is not supported.")
        field, comparison, text = match.groups()
        if text == "@latest":
            return len(self.messages)
        try:
            value = int(text)
        except ValueError:
            raise AmqpError("com.microsoft:argument-error", f"The supplied {field} '{text}' is invalid.") from None
        column, last = {
            "offset": (self.offsets, self.last_offset),
            "sequence-number": (self.sequences, self.last_sequence),
            "enqueued-time": (self.enqueued_ms, value),  # any time will do
        }[field]
        if value > last:
            raise AmqpError(
                "com.microsoft:argument-error",
                f"The supplied {field} '{text}' is invalid. The last {field} in the system is '{last}'.",
            )
        return (bisect_left if comparison == ">=" else bisect_right)(column, value)

    def join(self, consumer: Consumer) -> None:
        """Lets a consumer in by the rules of epochs; raises AmqpError, amqp:link:stolen where a higher one reads."""
        rivals = [other for other in self.consumers if other.group == consumer.group]
        highest = max((other.epoch for other in rivals if other.epoch is not None), default=None)
        if consumer.epoch is None:
            if highest is not None:
                raise AmqpError("amqp:link:stolen", f"A receiver with epoch {highest} reads this partition already.")
            if len(rivals) >= MAX_CONSUMERS:
                raise AmqpError(
                    "amqp:resource-limit-exceeded",
                    f"Partition {self.id} has {MAX_CONSUMERS} receivers in this consumer group, no more are allowed.",
                )
        else:
            if highest is not None and highest > consumer.epoch:
                raise AmqpError(
                    "amqp:link:stolen", f"A receiver with epoch {highest} reads, epoch {consumer.epoch} is too low."
                )
            for rival in rivals:
                rival.displace(
                    AmqpError("amqp:link:stolen", f"A receiver with epoch {consumer.epoch} takes over this partition.")
                )
        self.consumers.append(consumer)

    def leave(self, consumer: Consumer) -> None:
        """Forgets a consumer, if it is known."""
        if consumer in self.consumers:
            self.consumers.remove(consumer)

    def runtime_metrics(self, now_ms: int) -> dict[bytes, bytes]:
        """Delivery annotations for a consumer that tracks how far behind it is."""
        return {
            amqp.symbol("last_enqueued_sequence_number"): amqp.int64(self.last_sequence),
            amqp.symbol("last_enqueued_offset"): amqp.string(str(self.last_offset)),
            amqp.symbol("last_enqueued_time_utc"): amqp.timestamp(self.last_enqueued_ms),
            amqp.symbol("runtime_info_retrieval_time_utc"): amqp.timestamp(now_ms),
        }
