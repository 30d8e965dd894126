"""What a running process needs: the time, a way to the services outside, and somebody to tell how it goes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from functions.domain.incidents import Incident
from functions.domain.message_report import MessageReport
from functions.domain.outcomes import BatchReport


class Link(NamedTuple):
    """How a service outside is reached: at an address with the process's identity, or by a connection string."""

    address: str = ""
    """URL or host name, used with a managed identity."""
    client_id: str = ""
    """Of a user-assigned identity; empty for the identity the environment offers."""
    connection: str = ""
    """Connection string with a key: of emulators only."""


class Clock(Protocol):
    """The time, in seconds since the epoch, UTC."""

    def now(self) -> int:
        """Return the current second."""
        ...


class ScoreBatch(NamedTuple):
    """Scores of a batch for whoever wants all of them; arrays of one length `[n]`."""

    meter_id: list[str]
    timestamp: NDArray[np.int64]
    score: NDArray[np.float32]
    threshold: NDArray[np.float32]
    is_anomaly: NDArray[np.bool_]
    kind: list[str | None]


class ScoreSink(Protocol):
    """Takes every score of a batch after its state is committed; replay writes them to a file, Azure does not."""

    def take(self, scores: ScoreBatch) -> None:
        """Take one batch."""
        ...


class Telemetry(Protocol):
    """What operators watch: a line a batch, never a line a reading."""

    def batch(self, report: BatchReport) -> None:
        """Take what became of a batch."""
        ...

    def messages(self, report: MessageReport) -> None:
        """Take what became of messages."""
        ...

    def incidents(self, revisions: Sequence[Incident]) -> None:
        """Take revisions of incidents that have been committed."""
        ...

    def dead_letter(self, source: str) -> None:
        """Take that something of a hub, container or queue has become a dead letter."""
        ...
