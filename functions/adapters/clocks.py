"""Clocks: the machine's, and one that stands where it is put."""

from __future__ import annotations

import time


class SystemClock:
    """The machine's clock."""

    def now(self) -> int:
        """Seconds since the epoch, UTC."""
        return int(time.time())


class SetClock:
    """A clock that a simulation or a replay moves; it never goes back."""

    def __init__(self, start: int) -> None:
        self._now = start

    def now(self) -> int:
        """Seconds since the epoch, UTC."""
        return self._now

    def set(self, moment: int) -> None:
        """Move forward to `moment`."""
        self._now = max(self._now, moment)
