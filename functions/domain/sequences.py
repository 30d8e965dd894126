"""Sequence numbers of a partition: which of them were never delivered."""

from __future__ import annotations

from collections.abc import Sequence


class SequenceWatch:
    """The highest sequence number this process has seen of each partition.

    A partition that another process read for a while comes back with a gap: only the sum over the processes of what
    was received tells whether something was lost.

    >>> watch = SequenceWatch()
    >>> watch.missing("0", [7, 8]), watch.missing("0", [10, 13]), watch.missing("1", [4])
    (0, 3, 0)

    An older checkpoint goes back and forward again over what was seen already:

    >>> watch.missing("0", [9, 10, 11]), watch.missing("0", [12, 13, 15])
    (0, 1)
    """

    def __init__(self) -> None:
        self._highest: dict[str, int] = {}

    def missing(self, partition: str, numbers: Sequence[int]) -> int:
        """How many numbers were skipped since the highest seen of the partition; what is seen first starts it."""
        if not numbers:
            return 0
        highest = self._highest.get(partition, min(numbers) - 1)
        # Each new number fills one place between the old highest and the new one; what is left over is missing.
        new = {number for number in numbers if number > highest}
        if not new:
            return 0
        self._highest[partition] = max(new)
        return max(new) - highest - len(new)
