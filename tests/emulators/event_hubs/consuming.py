"""Links that read a partition: credit, pace, and giving way to a higher epoch."""

import asyncio
from typing import TYPE_CHECKING

from .errors import AmqpError
from .frames import Frame
from .hub import now_ms
from .messages import with_delivery_annotations
from .partition import Partition

if TYPE_CHECKING:
    from .session import Session

_EPOCH = "com.microsoft:epoch"
_RUNTIME_METRICS = "com.microsoft:enable-receiver-runtime-metric"
_SELECTOR_FILTER = "apache.org:selector-filter:string"
_SOURCE_FILTERS = 7


class ConsumerLink:
    """Delivers a partition's events to one consumer, in order, as far as its credit goes."""

    def __init__(self, session: "Session", attach: Frame, partition: Partition, group: str):
        """Raises AmqpError for a start that does not exist or a reader with a higher epoch."""
        self.group = group
        self.epoch: int | None = attach.value(13, {}).get(_EPOCH)
        self._session = session
        self._partition = partition
        self._handle: int = attach.value(1)
        source = attach.value(5)
        filters = (source[_SOURCE_FILTERS] if len(source) > _SOURCE_FILTERS else None) or {}
        self._position = partition.position(filters.get(_SELECTOR_FILTER))
        self._wants_metrics = _RUNTIME_METRICS in attach.value(12, [])
        self._deliveries = 0
        self._credit = 0
        self._closed = False
        partition.join(self)

    def on_flow(self, frame: Frame) -> None:
        """Takes the client's credit; the session delivers after."""
        if frame.value(6) is not None:
            self._credit = max(0, frame.value(5, 0) + frame.value(6) - self._deliveries)
        if frame.value(8, False):  # drain: deliver what is there, then give the rest of the credit up
            self._deliver(len(self._partition.messages))
            self._deliveries += self._credit
            self._credit = 0
        if frame.value(8, False) or frame.value(9, False):
            self._session.send_flow(self._handle, self._deliveries, self._credit, drain=frame.value(8, False))

    def wake(self) -> None:
        """Delivers what is there, after the latency tests ask for."""
        end = len(self._partition.messages)
        if not self._credit or self._position >= end:
            return
        latency_s = self._session.broker.faults.latency_s
        if latency_s > 0:
            asyncio.get_running_loop().call_later(latency_s, self._deliver, end)
        else:
            self._deliver(end)

    def displace(self, error: AmqpError) -> None:
        """Ends the link because another took its place."""
        self.close()
        self._session.detach(self._handle, error)

    def close(self) -> None:
        """Delivers no more."""
        self._closed = True
        self._partition.leave(self)

    def _deliver(self, end: int) -> None:
        if self._closed:
            return
        session, messages = self._session, self._partition.messages
        while self._position < end and self._credit > 0 and session.open_for_delivery:
            message = messages[self._position]
            if self._wants_metrics:
                message = with_delivery_annotations(message, self._partition.runtime_metrics(now_ms()))
            session.deliver(self._handle, message)
            self._position += 1
            self._deliveries += 1
            self._credit -= 1
        session.connection.flush()
