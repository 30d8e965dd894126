"""Which partition a partition key belongs to: Bob Jenkins' lookup3 hash, folded to 16 bits, as the SDKs compute it."""

from functools import lru_cache

_MASK = 0xFFFFFFFF
_SEED = 0xDEADBEEF
_MIX_ROTATIONS = (4, 6, 8, 16, 19, 4)
_FINAL_ROTATIONS = (14, 11, 25, 16, 4, 14, 24)


@lru_cache(maxsize=65_536)
def partition_of(key: str, partitions: int) -> int:
    """Index of the partition that holds events of this key."""
    high, low = _lookup3(key.encode())
    folded = (high ^ low) & 0xFFFF
    return (folded - 0x10000 if folded >= 0x8000 else folded) % partitions


def _lookup3(data: bytes) -> tuple[int, int]:
    """Two 32-bit hashes of the bytes (`hashlittle2` of lookup3.c, both seeds zero)."""
    a = b = c = (_SEED + len(data)) & _MASK
    if not data:
        return c, b
    last = (len(data) - 1) // 12 * 12  # the last one to twelve bytes are finalised, not mixed
    for start in range(0, last, 12):
        a, b, c = _mix(*_added(a, b, c, data[start : start + 12]))
    a, b, c = _added(a, b, c, data[last:])
    # Each step changes one word by the one before it, in the order c, a, b; rotating the names walks that ring.
    for bits in _FINAL_ROTATIONS:
        c = ((c ^ b) - _rotated(b, bits)) & _MASK
        a, b, c = b, c, a
    # Seven steps end one turn further than the six that would restore the names.
    return b, a


def _mix(a: int, b: int, c: int) -> tuple[int, int, int]:
    for bits in _MIX_ROTATIONS:
        a = ((a - c) & _MASK) ^ _rotated(c, bits)
        c = (c + b) & _MASK
        a, b, c = b, c, a
    return a, b, c


def _added(a: int, b: int, c: int, block: bytes) -> tuple[int, int, int]:
    words = (int.from_bytes(block[start : start + 4], "little") for start in (0, 4, 8))
    first, second, third = words
    return (a + first) & _MASK, (b + second) & _MASK, (c + third) & _MASK


def _rotated(word: int, bits: int) -> int:
    return ((word << bits) | (word >> (32 - bits))) & _MASK
