"""The AMQP 1.0 type system (OASIS AMQP 1.0, part 1): encoded bytes to Python values and back.

A described value decodes to its value alone; symbols and strings decode to `str`, binary to `bytes`,
timestamps to milliseconds since the epoch.
"""

import struct
from collections.abc import Callable, Iterable
from typing import Any

from .errors import DecodeError

Buffer = bytes | bytearray

NULL, TRUE, FALSE, EMPTY_LIST = b"\x40", b"\x41", b"\x42", b"\x45"
DESCRIBED = 0x00
# The high half of a constructor names its width: fixed in octets, or a length of one or four octets ahead.
_FIXED_WIDTH = {0x4: 0, 0x5: 1, 0x6: 2, 0x7: 4, 0x8: 8, 0x9: 16}
_SHORT_LENGTH, _LONG_LENGTH = {0xA, 0xC, 0xE}, {0xB, 0xD, 0xF}

_CONSTANTS: dict[int, Any] = {0x40: None, 0x41: True, 0x42: False, 0x43: 0, 0x44: 0}
_NUMBERS: dict[int, Callable[..., tuple[Any, ...]]] = {
    constructor: struct.Struct(">" + code).unpack_from
    for constructor, code in {
        0x50: "B", 0x51: "b", 0x52: "B", 0x53: "B", 0x54: "b", 0x55: "b", 0x56: "?",
        0x60: "H", 0x61: "h", 0x70: "I", 0x71: "i", 0x72: "f", 0x80: "Q", 0x81: "q", 0x82: "d", 0x83: "q",
    }.items()
}  # fmt: skip
_LISTS, _MAPS, _ARRAYS = (0x45, 0xC0, 0xD0), (0xC1, 0xD1), (0xE0, 0xF0)
_TEXTS, _BINARIES, _WIDE = (0xA1, 0xA3, 0xB1, 0xB3), (0xA0, 0xB0), (0x74, 0x84, 0x94, 0x98)


def end_of(buffer: Buffer, start: int) -> int:
    """Index behind the value that starts at `start`; raises DecodeError for a constructor AMQP does not know."""
    constructor = buffer[start]
    if constructor == DESCRIBED:
        return end_of(buffer, end_of(buffer, start + 1))
    family = constructor >> 4
    if family in _FIXED_WIDTH:
        return start + 1 + _FIXED_WIDTH[family]
    if family in _SHORT_LENGTH:
        return start + 2 + buffer[start + 1]
    if family in _LONG_LENGTH:
        return start + 5 + int.from_bytes(buffer[start + 1 : start + 5], "big")
    raise DecodeError(f"0x{constructor:02x} is no AMQP constructor.")


def items(buffer: Buffer, start: int) -> list[tuple[int, int]]:
    """(start, end) of each item of the list or map at `start`; a map alternates keys and values, null has none."""
    constructor = buffer[start]
    if constructor in (0x40, 0x45):
        return []
    if constructor in (0xC0, 0xC1):
        count, position = buffer[start + 2], start + 3
    elif constructor in (0xD0, 0xD1):
        count, position = int.from_bytes(buffer[start + 5 : start + 9], "big"), start + 9
    else:
        raise DecodeError(f"A list or map was expected, not constructor 0x{constructor:02x}.")
    spans = []
    for _ in range(count):
        end = end_of(buffer, position)
        spans.append((position, end))
        position = end
    return spans


def decode(buffer: Buffer, start: int = 0) -> Any:
    """The value at `start`; raises DecodeError for a type outside AMQP 1.0."""
    constructor = buffer[start]
    if constructor in _CONSTANTS:
        return _CONSTANTS[constructor]
    if constructor in _NUMBERS:
        return _NUMBERS[constructor](buffer, start + 1)[0]
    if constructor == DESCRIBED:
        return decode(buffer, end_of(buffer, start + 1))
    if constructor in _LISTS:
        return [decode(buffer, item) for item, _ in items(buffer, start)]
    if constructor in _MAPS:
        values = [decode(buffer, item) for item, _ in items(buffer, start)]
        return dict(zip(values[::2], values[1::2], strict=True))
    if constructor in _ARRAYS:
        return _decode_array(buffer, start)
    content = bytes(buffer[start + content_offset(constructor) : end_of(buffer, start)])
    if constructor in _TEXTS:
        return content.decode()
    if constructor in _BINARIES or constructor in _WIDE:
        return content
    raise DecodeError(f"Constructor 0x{constructor:02x} is not supported.")


def content_offset(constructor: int) -> int:
    """Octets between the start of a value of no parts (a number, a text, a binary) and its content."""
    family = constructor >> 4
    return 2 if family in _SHORT_LENGTH else 5 if family in _LONG_LENGTH else 1


def _decode_array(buffer: Buffer, start: int) -> list[Any]:
    width = 1 if buffer[start] == 0xE0 else 4
    count = int.from_bytes(buffer[start + 1 + width : start + 1 + 2 * width], "big")
    constructor = start + 1 + 2 * width
    content, rest = bytes(buffer[constructor : constructor + 1]), constructor + 1
    values = []
    for _ in range(count):
        item = content + bytes(buffer[rest : end_of(buffer, start)])  # each item borrows the shared constructor
        values.append(decode(item))
        rest += end_of(item, 0) - 1
    return values


def _sized(short: int, content: bytes) -> bytes:
    if len(content) < 256:
        return bytes((short, len(content))) + content
    return struct.pack(">BI", short + 0x10, len(content)) + content


def string(value: str) -> bytes:
    """Encoded string."""
    return _sized(0xA1, value.encode())


def symbol(value: str) -> bytes:
    """Encoded symbol."""
    return _sized(0xA3, value.encode("ascii"))


def binary(value: bytes) -> bytes:
    """Encoded binary."""
    return _sized(0xA0, value)


def boolean(value: bool) -> bytes:
    """Encoded boolean."""
    return TRUE if value else FALSE


def ubyte(value: int) -> bytes:
    """Encoded unsigned 8-bit number."""
    return struct.pack(">BB", 0x50, value)


def ushort(value: int) -> bytes:
    """Encoded unsigned 16-bit number."""
    return struct.pack(">BH", 0x60, value)


def uint(value: int) -> bytes:
    """Encoded unsigned 32-bit number."""
    return struct.pack(">BI", 0x70, value)


def ulong(value: int) -> bytes:
    """Encoded unsigned 64-bit number."""
    return struct.pack(">BQ", 0x80, value)


def int32(value: int) -> bytes:
    """Encoded signed 32-bit number."""
    return struct.pack(">Bi", 0x71, value)


def int64(value: int) -> bytes:
    """Encoded signed 64-bit number."""
    return struct.pack(">Bq", 0x81, value)


def timestamp(milliseconds: int) -> bytes:
    """Encoded timestamp of milliseconds since the epoch."""
    return struct.pack(">Bq", 0x83, milliseconds)


def amqp_list(encoded: Iterable[bytes]) -> bytes:
    """List of values that are encoded already."""
    values = tuple(encoded)
    content = b"".join(values)
    return struct.pack(">BII", 0xD0, len(content) + 4, len(values)) + content


def amqp_map(encoded: dict[bytes, bytes]) -> bytes:
    """Map of keys and values that are encoded already."""
    content = b"".join(key + value for key, value in encoded.items())
    return struct.pack(">BII", 0xD1, len(content) + 4, 2 * len(encoded)) + content


def string_array(values: Iterable[str]) -> bytes:
    """Array of strings."""
    return _array(0xB1, [value.encode() for value in values])


def symbol_array(values: Iterable[str]) -> bytes:
    """Array of symbols."""
    return _array(0xB3, [value.encode("ascii") for value in values])


def _array(constructor: int, contents: list[bytes]) -> bytes:
    content = b"".join(struct.pack(">I", len(item)) + item for item in contents)
    return struct.pack(">BIIB", 0xF0, len(content) + 5, len(contents), constructor) + content


def described(descriptor: int, encoded: bytes) -> bytes:
    """A value with a numeric descriptor below 256, as every performative and section has."""
    return bytes((DESCRIBED, 0x53, descriptor)) + encoded
