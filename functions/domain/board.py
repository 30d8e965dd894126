"""The board: what is open on one feeder. The one changing document of its partition, replaced with If-Match."""

from __future__ import annotations

import base64
import hashlib

import msgspec

from functions.domain.context import Suppression
from functions.domain.errors import StoreError
from functions.domain.incidents import Incident, IncidentKind, Severity
from functions.domain.topology import DeviceKind
from functions.domain.troubles import Trouble

BOARD_VERSION = 2
"""Of the form of a stored board. A field with a default leaves it as it is; what older code would misread raises it."""
REMEMBER_DAYS = 8
"""A record may be delivered again for as long as Event Hubs keeps events (seven days); remember a day longer."""
DAY_S = 86_400
STORM_TROUBLES = 50
"""More meters than this that go dark on a feeder within a minute are a storm."""
STORM_EVERY_S = 30
"""In a storm a feeder's incidents are put together this often; in between, records are only taken in."""


class OpenIncident(msgspec.Struct, kw_only=True, omit_defaults=True):
    """An incident on the board; its members are the board's troubles that bear its id."""

    incident_id: str
    kind: IncidentKind
    device_kind: str = DeviceKind.meter
    device_id: str = ""
    started_at: int = 0
    revision: int = 0
    chunks: tuple[str, ...] = ()
    confirmed_at: int | None = None
    affected_meters: int = 0
    affected_customers: int = 0
    severity: Severity = Severity.low
    acknowledged_by: str = ""
    acknowledged_at: int | None = None
    verdict: str = ""
    cause: str = ""
    crew_status: str = ""
    utility_estimate: int | None = None
    crew_since: int | None = None
    """When the crew began what it does."""
    crew_changes: int = 0
    estimate_first: int | None = None
    """The utility's first estimate."""
    estimate_revisions: int = 0
    estimate_revised_at: int | None = None
    """When the utility's estimate became what it is."""
    parent_id: str = ""
    nested_in: str = ""
    merged_into: str = ""
    """The incident its troubles went to; its own id when they are explained after all."""
    pinned: bool = False
    """Its device is back and what stayed dark was set apart: nothing more joins it."""
    estimated_at: int = 0
    presumed: dict[str, int] = {}
    """Meters without a signal of their own whose customers were told: when each was seen with power again, or 0."""
    promised: dict[str, tuple[int, int]] = {}
    """Of those meters: when their customers were told that power comes back (0: nobody can say), and when they were."""
    look_at: int | None = None
    """When something becomes due that no signal will tell."""
    last: Incident | None = None
    """Its newest revision."""


class PastIncident(msgspec.Struct, frozen=True, kw_only=True):
    """An incident of a device that is over, kept for what still follows from it."""

    incident_id: str
    kind: IncidentKind
    device_kind: str
    device_id: str
    start: int
    end: int


class Board(msgspec.Struct, kw_only=True, omit_defaults=True):
    """What is open on one feeder."""

    feeder_id: str
    version: int = 1
    """`BOARD_VERSION` of the release that wrote it; those that did not say were the first."""
    incidents: list[OpenIncident] = []
    troubles: dict[str, Trouble] = {}
    """By anomaly id: what the incidents consist of."""
    suppressed: dict[str, tuple[Suppression, Trouble]] = {}
    """Anomalies that are explained for now, by anomaly id."""
    handled: dict[int, list[str]] = {}
    """Anomaly records already taken in: fingerprints of their ids by the day they came."""
    live: dict[str, list[tuple[str, int]]] = {}
    """By transformer: meters that had power while others were dark, and when."""
    past: list[PastIncident] = []
    told_back: dict[str, int] = {}
    """When customers were last told that power is back, for some hours: what relapses is no news at once."""
    retired: dict[str, int] = {}
    """Last revision of incidents that were merged into others: one that comes apart again goes on from there."""
    context_mark: str = ""
    """Fingerprint of the work orders last looked at."""
    derived_at: int = 0
    """When its incidents were last put together."""
    deferred: bool = False
    """Whether records have come since that are to be put together yet."""
    children: dict[str, Incident] = {}
    """Of a device above the feeders: the newest revision of each feeder's outage, by incident id."""
    etag: str | None = None

    @property
    def release_at(self) -> int | None:
        """When it is to be looked at again, seconds since the epoch; None when nothing is pending."""
        moments = [trouble.release_at for _, trouble in self.suppressed.values()]
        moments += [incident.look_at for incident in self.incidents if incident.look_at is not None]
        if self.deferred:
            moments.append(self.derived_at + STORM_EVERY_S)
        return min(moments, default=None)

    def in_storm(self, now: int) -> bool:
        """Whether so much is coming in that it is put together later."""
        if now >= self.derived_at + STORM_EVERY_S or len(self.troubles) <= STORM_TROUBLES:
            return False
        return sum(each.heard_at > now - 60 for each in self.troubles.values()) > STORM_TROUBLES

    def incident(self, incident_id: str) -> OpenIncident | None:
        """An open incident by id."""
        return next((each for each in self.incidents if each.incident_id == incident_id), None)


def stored_board(board: Board) -> Board:
    """A board as it is written to a store, beside its etag; it bears the version from then on."""
    board.version = BOARD_VERSION
    return msgspec.structs.replace(board, etag=None)


class _Version(msgspec.Struct):
    version: object = 1


def read_board(body: bytes, feeder_id: str) -> Board:
    """A board from its JSON; raises `StoreError` when neither this release nor one before it has written it."""
    try:
        board = msgspec.json.decode(body, type=Board)
    except msgspec.DecodeError as fault:
        raise StoreError(_why_unreadable(body, feeder_id, fault)) from fault
    if board.version > BOARD_VERSION:
        raise StoreError(_too_new(feeder_id, board.version))
    return board


def _why_unreadable(body: bytes, feeder_id: str, fault: msgspec.DecodeError) -> str:
    try:
        version = msgspec.json.decode(body, type=_Version).version
    except msgspec.DecodeError:
        version = None  # it is no document at all: the first fault says so
    if isinstance(version, int) and version > BOARD_VERSION:
        return _too_new(feeder_id, version)
    return (
        f"the board of feeder {feeder_id} cannot be read ({fault}); put back the document `board` of that partition"
        " from a backup, or delete it and judge what stays open, then replay the dead letters"
    )


def _too_new(feeder_id: str, version: int) -> str:
    return (
        f"the board of feeder {feeder_id} has version {version}, and this release reads {BOARD_VERSION};"
        " deploy the newer release again, then replay the dead letters"
    )


class Memory:
    """Which anomaly records a board has taken in; `board` is changed in place."""

    def __init__(self, board: Board, now: int) -> None:
        self._today = now // DAY_S
        for day in [day for day in board.handled if self._today - day > REMEMBER_DAYS]:
            del board.handled[day]
        self._board = board
        self._known = {mark for marks in board.handled.values() for mark in marks}

    def __contains__(self, record_id: str) -> bool:
        return fingerprint(record_id) in self._known

    def add(self, record_id: str) -> None:
        """Note that a record was taken in."""
        mark = fingerprint(record_id)
        if mark not in self._known:
            self._known.add(mark)
            self._board.handled.setdefault(self._today, []).append(mark)


def fingerprint(text: str) -> str:
    """Eight characters that stand for a text: of a million records, two are alike once in five hundred boards."""
    return base64.urlsafe_b64encode(hashlib.blake2b(text.encode(), digest_size=6).digest()).decode()
