"""AMQP 1.0 messages (OASIS AMQP 1.0, part 3): reading the sections a broker reads, stamping what it stamps."""

import struct
from collections.abc import Iterator

from . import amqp_types as amqp
from .errors import DecodeError

# Message format of one transfer that carries many events, each a message of its own in a data section.
BATCH_FORMAT = 0x80013700

HEADER, DELIVERY_ANNOTATIONS, MESSAGE_ANNOTATIONS, PROPERTIES = 0x70, 0x71, 0x72, 0x73
APPLICATION_PROPERTIES, DATA, VALUE = 0x74, 0x75, 0x77

_PARTITION_KEY = "x-opt-partition-key"
_BROKER_KEYS = ("x-opt-sequence-number", "x-opt-enqueued-time", "x-opt-offset")
_BROKER_KEY_BYTES = tuple(key.encode() for key in _BROKER_KEYS)
_SEQUENCE, _TIME, _OFFSET = (amqp.symbol(key) for key in _BROKER_KEYS)
_STAMP = struct.Struct(f">{len(_SEQUENCE)}s B q {len(_TIME)}s B q {len(_OFFSET)}s")
_ANNOTATIONS = struct.Struct(">4s II")  # described map: octets, items


def sections(message: amqp.Buffer) -> Iterator[tuple[int, int, int]]:
    """(descriptor, start of the value, end) of each section; raises DecodeError for what is no section."""
    position = 0
    while position < len(message):
        if message[position] != amqp.DESCRIBED:
            raise DecodeError(f"Octet {position} of the message starts no section.")
        descriptor = amqp.decode(message, position + 1)
        start = amqp.end_of(message, position + 1)
        position = amqp.end_of(message, start)
        if position > len(message):
            raise DecodeError(f"Section 0x{descriptor:02x} of the message is cut short.")
        yield descriptor, start, position


def partition_key(message: bytes) -> str | None:
    """Partition key the sender asked for, if any."""
    for descriptor, start, _ in sections(message):
        if descriptor == MESSAGE_ANNOTATIONS:
            key = (amqp.decode(message, start) or {}).get(_PARTITION_KEY)
            return key.decode() if isinstance(key, bytes) else key
        if descriptor >= PROPERTIES:
            return None
    return None


def batched(message: bytes) -> list[bytes]:
    """The encoded messages within a message of BATCH_FORMAT."""
    return [
        message[start + amqp.content_offset(message[start]) : end]
        for descriptor, start, end in sections(message)
        if descriptor == DATA
    ]


def data_message(body: bytes) -> bytes:
    """Message of one data section."""
    return amqp.described(DATA, amqp.binary(body))


def stamped(message: bytes, key: str | None, sequence: int, offset: int, enqueued_ms: int) -> bytes:
    """The message with the broker's annotations: sequence number, offset, enqueued time and partition key."""
    header_end, annotations, count, position = 0, b"", 0, 0
    while message[position + 1 : position + 2] == b"\x53" and message[position + 2] < PROPERTIES:
        section, end = message[position + 2], amqp.end_of(message, position + 3)
        if section == HEADER:
            header_end = end
        elif section == MESSAGE_ANNOTATIONS:
            annotations, count = _sender_annotations(message, position + 3, end)
        position = end
    if key is not None and _PARTITION_KEY.encode() not in annotations:
        annotations += amqp.symbol(_PARTITION_KEY) + amqp.string(key)
        count += 2
    text = b"%d" % offset
    stamp = _STAMP.pack(_SEQUENCE, 0x81, sequence, _TIME, 0x83, enqueued_ms, _OFFSET)
    size = len(annotations) + len(stamp) + 2 + len(text)
    head = _ANNOTATIONS.pack(b"\x00\x53\x72\xd1", size + 4, count + 6)
    return b"".join(
        (message[:header_end], head, annotations, stamp, bytes((0xA1, len(text))), text, message[position:])
    )


def with_delivery_annotations(message: bytes, values: dict[bytes, bytes]) -> bytes:
    """The message with delivery annotations, which stand behind the header."""
    header_end = amqp.end_of(message, 3) if message[2] == HEADER else 0
    section = amqp.described(DELIVERY_ANNOTATIONS, amqp.amqp_map(values))
    return message[:header_end] + section + message[header_end:]


def _sender_annotations(message: bytes, start: int, end: int) -> tuple[bytes, int]:
    """Content and number of items of the sender's annotations, without those that are the broker's."""
    spans = amqp.items(message, start)
    if not spans:
        return b"", 0
    content = message[spans[0][0] : end]
    if not any(key in content for key in _BROKER_KEY_BYTES):
        return content, len(spans)
    kept = [
        message[key_start:value_end]
        for (key_start, _), (_, value_end) in zip(spans[::2], spans[1::2], strict=True)
        if amqp.decode(message, key_start) not in _BROKER_KEYS
    ]
    return b"".join(kept), 2 * len(kept)
