"""Links a client sends on: deliveries put together from transfers, accepted or rejected, credit renewed."""

from typing import TYPE_CHECKING

from . import amqp_types as amqp
from . import frames
from .errors import AmqpError
from .frames import Frame, Performative
from .hub import Hub
from .partition import Partition

if TYPE_CHECKING:
    from .session import Session

MAX_MESSAGE_BYTES = 1024 * 1024
_CREDIT = 1000
_ACCEPTED, _REJECTED = 0x24, 0x25


class IncomingLink:
    """Receives deliveries; what they are for is a subclass's business."""

    def __init__(self, session: "Session", attach: Frame):
        self.session = session
        self._handle: int = attach.value(1)
        self._deliveries: int = attach.value(9, 0)
        self._credit = _CREDIT
        self._first: Frame | None = None  # transfer that began the delivery under way
        self._parts: list[bytes] = []
        self._bytes = 0
        session.send_flow(self._handle, self._deliveries, _CREDIT)

    def on_transfer(self, frame: Frame) -> None:
        """Takes one transfer; the last of a delivery stores and settles it."""
        if self._first is None:
            self._first = frame
        payload = frame.payload()
        self._bytes += len(payload)
        if self._bytes <= MAX_MESSAGE_BYTES:  # the rest of a message too large is not kept
            self._parts.append(payload)
        if frame.value(5, False):
            return
        first, parts, size = self._first, self._parts, self._bytes
        self._first, self._parts, self._bytes = None, [], 0
        self._deliveries += 1
        self._credit -= 1
        if not frame.value(9, False):  # an aborted delivery has never been
            self._settle(first, self._outcome(parts, size, first.value(3, 0)))
        if self._credit < _CREDIT // 2:
            self._credit = _CREDIT
            self.session.send_flow(self._handle, self._deliveries, _CREDIT)

    def close(self) -> None:
        """Nothing is held."""

    def receive(self, message: bytes, message_format: int) -> None:
        """Handles a complete message; raises AmqpError to reject it."""
        raise NotImplementedError

    def _outcome(self, parts: list[bytes], size: int, message_format: int) -> bytes:
        if size > MAX_MESSAGE_BYTES:
            text = f"The message has {size} bytes, {MAX_MESSAGE_BYTES} are allowed on this link."
            return _rejected(AmqpError("amqp:link:message-size-exceeded", text))
        try:
            self.receive(b"".join(parts), message_format)
        except AmqpError as error:
            return _rejected(error)
        return amqp.described(_ACCEPTED, amqp.EMPTY_LIST)

    def _settle(self, first: Frame, outcome: bytes) -> None:
        if not first.value(4, False):
            delivery = first.raw(1)
            self.session.send(Performative.DISPOSITION, amqp.TRUE, delivery, delivery, amqp.TRUE, outcome)


def _rejected(error: AmqpError) -> bytes:
    return amqp.described(_REJECTED, amqp.amqp_list((frames.error_value(error),)))


class PublisherLink(IncomingLink):
    """Stores events in a hub, or in one partition of it."""

    def __init__(self, session: "Session", attach: Frame, hub: Hub, partition: Partition | None):
        super().__init__(session, attach)
        self._hub = hub
        self._partition = partition

    def receive(self, message: bytes, message_format: int) -> None:
        broker = self.session.broker
        broker.announce(self._hub.publish(message, message_format, self._partition))
        if broker.faults.drop_ack():
            self.session.connection.abort()
