"""SMS segments: how many messages a text is billed and carried as.

3GPP TS 23.038, 6.2.1: the GSM 7 bit default alphabet and its extension table, whose characters take two places; a text
with any other character is UCS-2. 3GPP TS 23.040, 9.2.3.24.1: the parts of a long message give up six octets each to
the header that joins them.
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENDED = frozenset("\f^{}\\[~]|€")
_GSM_7 = _BASIC | _EXTENDED


class Encoding(StrEnum):
    """How the characters of a text are carried."""

    gsm_7 = "GSM-7"
    ucs_2 = "UCS-2"


class Segments(NamedTuple):
    """How a text is carried."""

    encoding: Encoding
    parts: int


_ALONE = {Encoding.gsm_7: 160, Encoding.ucs_2: 70}
_JOINED = {Encoding.gsm_7: 153, Encoding.ucs_2: 67}


def segments(text: str) -> Segments:
    """Encoding and number of segments of a text.

    >>> [segments(text).parts for text in ("é" * 160, "é" * 161, "á" * 70, "á" * 71)], segments("á").encoding.value
    ([1, 2, 1, 2], 'UCS-2')
    """
    if _GSM_7.issuperset(text):
        encoding, sizes = Encoding.gsm_7, [2 if character in _EXTENDED else 1 for character in text]
    else:
        encoding, sizes = Encoding.ucs_2, [len(character.encode("utf-16-be")) // 2 for character in text]
    if sum(sizes) <= _ALONE[encoding]:
        return Segments(encoding, 1)
    count, room = 0, 0
    for size in sizes:  # a character of two places is never cut in two
        if size > room:
            count, room = count + 1, _JOINED[encoding]
        room -= size
    return Segments(encoding, count)
