"""Faults that tests ask for."""

import time
from dataclasses import dataclass


@dataclass
class Faults:
    """What goes wrong at present; times in seconds."""

    latency_s: float = 0.0
    acks_to_drop: int = 0
    refused_until: float = 0.0  # on the monotonic clock

    def refuse(self, seconds: float) -> None:
        """New connections are cut for so long from now."""
        self.refused_until = time.monotonic() + seconds

    def refusing(self) -> bool:
        """Whether a new connection is to be cut."""
        return time.monotonic() < self.refused_until

    def drop_ack(self) -> bool:
        """Whether the send just stored must look like one that failed; uses up one."""
        if self.acks_to_drop < 1:
            return False
        self.acks_to_drop -= 1
        return True
