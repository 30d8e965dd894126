"""One connection: handshake, frames in and out, heartbeats."""

import asyncio
import logging
import struct
from collections.abc import Callable
from typing import TYPE_CHECKING, cast

from . import amqp_types as amqp
from . import frames
from .errors import AmqpError, DecodeError
from .frames import Frame, FrameReader, Performative
from .session import Session

if TYPE_CHECKING:
    from .broker import Broker

_LOGGER = logging.getLogger(__name__)
_FLUSH_BYTES = 256 * 1024  # enough for one write, and few enough to notice a slow reader
_CHANNEL_MAX = 4_999


class Connection(asyncio.Protocol):
    """The broker's end of one TCP connection."""

    def __init__(self, broker: "Broker"):
        self.broker = broker
        self.max_frame_bytes = 512  # until the peer says more
        self.writable = True
        self._sessions: dict[int, Session] = {}
        self._reader = FrameReader()
        self._pending: list[bytes] = []
        self._pending_bytes = 0
        self._heard = 0.0
        self._timers: dict[str, asyncio.TimerHandle] = {}

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        if self.broker.faults.refusing():
            self._transport.abort()
            return
        self.broker.connections.add(self)
        self._heard = asyncio.get_running_loop().time()
        self._every(self.broker.idle_timeout_s, self._drop_if_silent)

    def connection_lost(self, exc: Exception | None) -> None:
        self.broker.connections.discard(self)
        for timer in self._timers.values():
            timer.cancel()
        for session in self._sessions.values():
            session.close()
        self._sessions.clear()

    def pause_writing(self) -> None:
        self.writable = False

    def resume_writing(self) -> None:
        self.writable = True
        for session in list(self._sessions.values()):
            session.wake()

    def data_received(self, data: bytes) -> None:
        self._heard = asyncio.get_running_loop().time()
        try:
            for item in self._reader.feed(data):
                if isinstance(item, bytes):
                    self._on_header(item)
                elif item is not None:
                    self._on_frame(item)
                if self._transport.is_closing():
                    return  # frames behind a cut must have no effect
        except (AmqpError, IndexError, struct.error, UnicodeDecodeError) as error:
            # A truncated value runs over the end of its frame: an IndexError means a malformed frame, or a bug here.
            _LOGGER.warning("A connection is closed for what it sent.", exc_info=error)
            condition = error if isinstance(error, AmqpError) else DecodeError(f"A frame is malformed: {error!r}.")
            self.send(0, Performative.CLOSE, frames.error_value(condition))
            self.flush()
            self._transport.close()
        self.flush()

    def send(self, channel: int, performative: Performative, *fields: bytes) -> None:
        """Queues a frame of encoded fields."""
        self.write(frames.encode(channel, performative, *fields))

    def write(self, *chunks: bytes) -> None:
        """Queues encoded bytes; they leave together at the next flush."""
        self._pending.extend(chunks)
        self._pending_bytes += sum(map(len, chunks))
        if self._pending_bytes > _FLUSH_BYTES:
            self.flush()

    def flush(self) -> None:
        """Hands what is queued to the socket."""
        if self._pending and not self._transport.is_closing():
            self._transport.write(b"".join(self._pending))
        self._pending.clear()
        self._pending_bytes = 0

    def abort(self) -> None:
        """Resets the connection without a word, as a failing network does."""
        self._pending.clear()
        self._transport.abort()

    def _on_header(self, header: bytes) -> None:
        if header not in (frames.AMQP_HEADER, frames.SASL_HEADER):
            raise AmqpError("amqp:not-implemented", "Only AMQP 1.0.0, with or without SASL, is spoken here.")
        self.write(header)
        if header == frames.SASL_HEADER:
            mechanisms = amqp.symbol_array(("MSSBCBS", "PLAIN", "ANONYMOUS", "EXTERNAL"))
            self.send(0, Performative.SASL_MECHANISMS, mechanisms)

    def _on_frame(self, frame: Frame) -> None:
        session = self._sessions.get(frame.channel)
        match frame.code:
            case Performative.SASL_INIT:
                self.send(0, Performative.SASL_OUTCOME, amqp.ubyte(0))
            case Performative.OPEN:
                self._on_open(frame)
            case Performative.BEGIN:
                self._sessions[frame.channel] = Session(self, frame)
            case Performative.END:
                if session is not None:
                    session.close()
                    del self._sessions[frame.channel]
                self.send(frame.channel, Performative.END)
            case Performative.CLOSE:
                self.send(0, Performative.CLOSE)
                self.flush()
                self._transport.close()
            case _ if session is not None:  # the SDK detaches links of a session it has ended
                session.on_frame(frame)

    def _on_open(self, frame: Frame) -> None:
        self.max_frame_bytes = min(frame.value(2, frames.MAX_FRAME_BYTES), frames.MAX_FRAME_BYTES)
        self.send(
            0, Performative.OPEN, amqp.string("event-hubs-emulator"), amqp.NULL, amqp.uint(frames.MAX_FRAME_BYTES),
            amqp.ushort(_CHANNEL_MAX), amqp.uint(int(self.broker.idle_timeout_s * 1000)),
        )  # fmt: skip
        peer_timeout_ms = frame.value(4, 0)
        if peer_timeout_ms:
            self._every(peer_timeout_ms / 2000, self._send_heartbeat)

    def _every(self, seconds: float, action: Callable[[], None]) -> None:
        def tick() -> None:
            action()
            self._timers[action.__name__] = asyncio.get_running_loop().call_later(seconds, tick)

        self._timers[action.__name__] = asyncio.get_running_loop().call_later(seconds, tick)

    def _send_heartbeat(self) -> None:
        self.write(frames.EMPTY_FRAME)
        self.flush()

    def _drop_if_silent(self) -> None:
        # Twice the time the peer was told: half of it is its allowance for being slow.
        if asyncio.get_running_loop().time() - self._heard > 2 * self.broker.idle_timeout_s:
            self.abort()
