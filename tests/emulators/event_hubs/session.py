"""One session: its links, its transfer window, and the frames between them and the connection."""

from collections import deque
from typing import TYPE_CHECKING

from . import amqp_types as amqp
from . import frames
from .address import parse_address
from .consuming import ConsumerLink
from .errors import AmqpError
from .frames import Frame, Performative
from .publishing import MAX_MESSAGE_BYTES, IncomingLink, PublisherLink
from .requests import NODES, ReplyLink, RequestLink

if TYPE_CHECKING:
    from .connection import Connection

Link = IncomingLink | ConsumerLink | ReplyLink
_WINDOW = 0x7FFFFFFF  # transfers the client may have in flight; credit limits it far below
_HANDLE_MAX = 255
_RECEIVER, _SENDER = amqp.TRUE, amqp.FALSE
_UNSETTLED, _SETTLED = 0, 1
_TARGET = 0x29


class Session:
    """The broker's end of one session."""

    def __init__(self, connection: "Connection", begin: Frame):
        self.connection = connection
        self.broker = connection.broker
        self.links: dict[int, Link] = {}
        self._channel = begin.channel
        self._received = begin.value(1, 0)  # transfer id expected next
        self._window = begin.value(2, 0)  # transfers the client still takes
        self._sent = 0  # transfer id and, as one transfer may be part of a delivery, delivery id to be given next
        self._deliveries = 0
        self._held: deque[tuple[bytes, bytes]] = deque()  # transfers of deliveries begun, for which the window is shut
        self.send(
            Performative.BEGIN, amqp.ushort(self._channel), amqp.uint(self._sent), amqp.uint(_WINDOW),
            amqp.uint(_WINDOW), amqp.uint(_HANDLE_MAX),
        )  # fmt: skip

    @property
    def open_for_delivery(self) -> bool:
        """Whether another delivery may begin: the window is open and the socket keeps up."""
        return self._window > 0 and not self._held and self.connection.writable

    def send(self, performative: Performative, *fields: bytes) -> None:
        """Queues a frame on this session's channel."""
        self.connection.send(self._channel, performative, *fields)

    def send_flow(self, handle: int, deliveries: int, credit: int, *, drain: bool = False) -> None:
        """Tells the client a link's state and the session's."""
        self.send(
            Performative.FLOW, amqp.uint(self._received), amqp.uint(_WINDOW), amqp.uint(self._sent),
            amqp.uint(_WINDOW), amqp.uint(handle), amqp.uint(deliveries), amqp.uint(credit), amqp.NULL,
            amqp.boolean(drain),
        )  # fmt: skip

    def deliver(self, handle: int, message: bytes) -> None:
        """Queues one settled delivery, in as many transfers as the peer's frames need."""
        room = self.connection.max_frame_bytes - frames.TRANSFER_OVERHEAD_BYTES
        size = len(message)
        for start in range(0, size, room):
            part = message[start : start + room]
            more = start + room < size
            head = frames.transfer_head(self._channel, handle, self._deliveries, len(part), more)
            if self._window > 0:
                self._transfer(head, part)
            else:
                self._held.append((head, part))
        self._deliveries += 1

    def wake(self) -> None:
        """Delivers what the window, the socket and the links' credit allow by now."""
        while self._held and self._window > 0:
            self._transfer(*self._held.popleft())
        for link in list(self.links.values()):
            if isinstance(link, ConsumerLink):
                link.wake()

    def detach(self, handle: int, error: AmqpError) -> None:
        """Closes a link from this side."""
        self.links.pop(handle, None)
        self.send(Performative.DETACH, amqp.uint(handle), amqp.TRUE, frames.error_value(error))
        self.connection.flush()

    def close(self) -> None:
        """Ends all links without a word."""
        for link in self.links.values():
            link.close()
        self.links.clear()
        self._held.clear()

    def on_frame(self, frame: Frame) -> None:
        """Handles a frame on this session's channel."""
        match frame.code:
            case Performative.TRANSFER:
                self._received += 1
                link = self.links.get(frame.value(0))
                if isinstance(link, IncomingLink):  # anything else was in flight when the link was detached
                    link.on_transfer(frame)
            case Performative.FLOW:
                self._on_flow(frame)
            case Performative.ATTACH:
                self._on_attach(frame)
            case Performative.DETACH:
                link = self.links.pop(frame.value(0), None)
                if link is not None:
                    link.close()
                    self.send(Performative.DETACH, frame.raw(0), amqp.boolean(frame.value(1, False)))
            case Performative.DISPOSITION:
                pass  # all deliveries leave settled, so it says nothing new
            case _:
                raise AmqpError("amqp:not-implemented", f"Performative 0x{frame.code:02x} is unknown.")

    def _transfer(self, head: bytes, part: bytes) -> None:
        self._window -= 1
        self._sent += 1
        self.connection.write(head, part)

    def _on_flow(self, frame: Frame) -> None:
        self._window = frame.value(0, 0) + frame.value(1, 0) - self._sent
        link = self.links.get(frame.value(4, -1))
        if isinstance(link, ConsumerLink):
            link.on_flow(frame)
        self.wake()

    def _on_attach(self, frame: Frame) -> None:
        client_receives = frame.value(2)
        handle = frame.value(1)
        # The SDK ignores an attach without source or target, so both go back even when the link is refused.
        target = frame.raw(6) if frame.value(6) else amqp.described(_TARGET, amqp.EMPTY_LIST)
        self.send(
            Performative.ATTACH, frame.raw(0), frame.raw(1), _SENDER if client_receives else _RECEIVER,
            amqp.ubyte(_SETTLED if client_receives else _UNSETTLED), amqp.ubyte(0), frame.raw(5), target,
            amqp.NULL, amqp.NULL, amqp.uint(0) if client_receives else amqp.NULL, amqp.ulong(MAX_MESSAGE_BYTES),
            amqp.NULL, amqp.NULL, frame.raw(13),
        )  # fmt: skip
        try:
            self.links[handle] = self._outgoing(frame) if client_receives else self._incoming(frame)
        except AmqpError as error:
            self.detach(handle, error)

    def _incoming(self, frame: Frame) -> IncomingLink:
        text = (frame.value(6) or [""])[0]
        if text in NODES:
            return RequestLink(self, frame, text)
        address = parse_address(text)
        hub = self.broker.hub(address.hub)
        return PublisherLink(self, frame, hub, hub.partition(address.partition) if address.partition else None)

    def _outgoing(self, frame: Frame) -> ConsumerLink | ReplyLink:
        text = (frame.value(5) or [""])[0]
        if text in NODES:
            return ReplyLink(self, frame, text)
        address = parse_address(text)
        hub = self.broker.hub(address.hub)
        if address.group is None or address.partition is None:
            raise AmqpError("amqp:not-allowed", f"A receiver's address names group and partition, '{text}' does not.")
        return ConsumerLink(self, frame, hub.partition(address.partition), address.group)
