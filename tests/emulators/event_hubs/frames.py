"""AMQP 1.0 frames (OASIS AMQP 1.0, part 2): what travels on the connection.

azure-eventhub indexes the fields of a frame without looking at their count, so every frame goes out with
all of its fields, trailing nulls included.
"""

import struct
from collections.abc import Iterator
from enum import IntEnum
from typing import Any

from . import amqp_types as amqp
from .errors import AmqpError

MAX_FRAME_BYTES = 65_536
EMPTY_FRAME = struct.pack(">IBBH", 8, 2, 0, 0)
AMQP_HEADER, SASL_HEADER = b"AMQP\x00\x01\x00\x00", b"AMQP\x03\x01\x00\x00"

_FRAME = struct.Struct(">IBBH")  # size, data offset in words, type (0 AMQP, 1 SASL), channel
_AMQP_FRAME, _SASL_FRAME = 0, 1
# Eleven fields in a short list: handle, delivery id, tag of one octet, format 0, settled, more, five nulls.
_TRANSFER = struct.Struct(">IBBH 6s B I B I 5s s 5s")
_TRANSFER_START, _TAG_FORMAT_SETTLED = b"\x00\x53\x14\xc0\x16\x0b", b"\xa0\x01\x00\x43\x41"
TRANSFER_OVERHEAD_BYTES = _TRANSFER.size


class Performative(IntEnum):
    """Descriptor codes of frame bodies."""

    OPEN = 0x10
    BEGIN = 0x11
    ATTACH = 0x12
    FLOW = 0x13
    TRANSFER = 0x14
    DISPOSITION = 0x15
    DETACH = 0x16
    END = 0x17
    CLOSE = 0x18
    SASL_MECHANISMS = 0x40
    SASL_INIT = 0x41
    SASL_OUTCOME = 0x44


_FIELDS = {
    Performative.OPEN: 10,
    Performative.BEGIN: 8,
    Performative.ATTACH: 14,
    Performative.FLOW: 11,
    Performative.DISPOSITION: 6,
    Performative.DETACH: 3,
    Performative.END: 1,
    Performative.CLOSE: 1,
    Performative.SASL_MECHANISMS: 1,
    Performative.SASL_OUTCOME: 2,
}


class Frame:
    """One frame received: its performative, its fields by index, and the payload behind them."""

    __slots__ = ("_body", "_spans", "channel", "code")

    def __init__(self, channel: int, body: bytes):
        self.channel = channel
        self.code: int = amqp.decode(body, 1)
        self._body = body
        self._spans = amqp.items(body, amqp.end_of(body, 1))

    def value(self, index: int, default: Any = None) -> Any:
        """Decoded field, or the default where it is null or left out."""
        if index >= len(self._spans):
            return default
        value = amqp.decode(self._body, self._spans[index][0])
        return default if value is None else value

    def raw(self, index: int) -> bytes:
        """Field as it was encoded."""
        if index >= len(self._spans):
            return amqp.NULL
        start, end = self._spans[index]
        return self._body[start:end]

    def payload(self) -> bytes:
        """What follows the fields of a transfer."""
        return self._body[self._spans[-1][1] :]


class FrameReader:
    """Cuts the bytes of a connection into protocol headers and frame bodies."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[bytes | Frame | None]:
        """Yields a protocol header as bytes, a frame, or None for an empty frame; raises AmqpError on nonsense."""
        buffer = self._buffer
        buffer += data
        position = 0
        try:
            while len(buffer) - position >= 8:
                if buffer.startswith(b"AMQP", position):  # as a size it would exceed any frame
                    position += 8
                    yield bytes(buffer[position - 8 : position])
                    continue
                size, offset, _, channel = _FRAME.unpack_from(buffer, position)
                if not 8 <= size <= MAX_FRAME_BYTES or not 8 <= 4 * offset <= size:
                    raise AmqpError("amqp:connection:framing-error", f"A frame of {size} bytes is not allowed.")
                if len(buffer) - position < size:
                    break
                body = bytes(buffer[position + 4 * offset : position + size])
                position += size
                yield Frame(channel, body) if body else None
        finally:
            del buffer[:position]


def encode(channel: int, performative: Performative, *fields: bytes) -> bytes:
    """Frame of encoded fields; those left out at the end are null."""
    padding = (amqp.NULL,) * (_FIELDS[performative] - len(fields))
    body = amqp.described(performative, amqp.amqp_list(fields + padding))
    kind = _SASL_FRAME if performative >= Performative.SASL_MECHANISMS else _AMQP_FRAME
    return _FRAME.pack(8 + len(body), 2, kind, channel) + body


def transfer_head(channel: int, handle: int, delivery: int, payload_bytes: int, more: bool) -> bytes:
    """Everything of a settled transfer but its payload; all share one tag, as nothing has to settle them."""
    return _TRANSFER.pack(
        _TRANSFER.size + payload_bytes, 2, _AMQP_FRAME, channel,
        _TRANSFER_START, 0x70, handle, 0x70, delivery, _TAG_FORMAT_SETTLED,
        amqp.TRUE if more else amqp.FALSE, b"\x40\x40\x40\x40\x40",
    )  # fmt: skip


def error_value(error: AmqpError) -> bytes:
    """The error as a field of detach, end, close or a rejected outcome."""
    return amqp.described(
        0x1D, amqp.amqp_list((amqp.symbol(error.condition), amqp.string(error.description), amqp.NULL))
    )
