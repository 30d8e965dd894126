"""What the services need of the outside world. Adapters implement these; one contract suite tests them all.

Every method may raise `TransientFault`, after which the same call may be made again.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from functions.domain.alarm_profile import AlarmProfile
from functions.domain.announcements import Announcement
from functions.domain.anomalies import Anomaly
from functions.domain.audit import AuditEntry
from functions.domain.board import Board
from functions.domain.context import Suppression
from functions.domain.customers import Consent, Customer
from functions.domain.incident_search import Cursor, IncidentSearch
from functions.domain.incidents import Incident, MemberChunk
from functions.domain.letters import Letter
from functions.domain.message_report import MessageReport
from functions.domain.notifications import Delivery, DeliveryState, Intent, Notification
from functions.domain.outcomes import BatchReport, Refusal
from functions.domain.packs import Pack
from functions.domain.rates import Rates
from functions.domain.restoration_learning import Learnt
from functions.domain.risk import InspectionReport
from functions.domain.roster_shard import RosterShard
from functions.domain.status_reports import ProviderStatus
from functions.domain.weather import Observation, WeatherAlert
from functions.domain.work_orders import OrderChange, WorkOrder


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


class PackStore(Protocol):
    """Packs of meter state, one document each, guarded by ETags."""

    async def read(self, ids: Sequence[str]) -> dict[str, Pack]:
        """Packs that exist, by id."""
        ...

    async def write(self, packs: Sequence[Pack]) -> list[str | None]:
        """Write each pack if it is unchanged since its `etag` (None: if it does not exist yet).

        Returns the new ETag of each, or None where somebody else wrote first; the others are written.
        """
        ...

    async def due(self, before: int, limit: int) -> list[Pack]:
        """Packs with a meter overdue before `before`, the longest overdue first."""
        ...

    async def pending(self, before: int, limit: int) -> list[Pack]:
        """Packs whose outbox was committed before `before` and may not have been delivered."""
        ...


class RosterStore(Protocol):
    """Rosters, one document a shard, guarded by ETags."""

    async def read(self, feeder_id: str) -> list[RosterShard]:
        """All shards of a feeder; empty when it has none."""
        ...

    async def write(self, shard: RosterShard) -> str:
        """Write a shard if it is unchanged since its `etag`; returns the new one or raises `Conflict`."""
        ...

    async def feeders(self) -> dict[str, int]:
        """Number of meters of every feeder."""
        ...

    async def feeders_of(self, customer_id: str) -> list[str]:
        """Feeders on whose rosters a customer has a meter, by id."""
        ...


class ReportsOfOutage(Protocol):
    """Where customers' own reports of darkness go, as evidence beside what meters say."""

    async def take(self, customer_id: str) -> int:
        """Note that a customer is without power now; returns how many of their meters that concerns.

        Safe to repeat: within an interval of the meter it is the same report.
        """
        ...


class Webhooks(Protocol):
    """What a provider of messages sends us, and how it is answered."""

    def form(self, path: str, body: bytes, signature: str) -> Mapping[str, str] | None:
        """Fields of a request to a path with its query; None when they are not signed for our public URL."""
        ...

    def reply(self, text: str) -> str:
        """The provider's form of an answer with a text, or with none; XML."""
        ...


class AnomalyStore(Protocol):
    """Anomaly records: insert-only, watched by a change feed."""

    async def insert(self, anomalies: Iterable[Anomaly]) -> int:
        """Insert records whose id is not there yet; returns how many were new."""
        ...

    async def between(self, start: int, end: int, kinds: Collection[str]) -> list[Anomaly]:
        """Both records of every anomaly of these kinds that began before `end` and had not ended before `start`."""
        ...


class IncidentStore(Protocol):
    """A feeder's board, its incident revisions, suppressions and intents; revisions and intents feed `fan_out`."""

    async def board(self, feeder_id: str) -> Board:
        """The feeder's board; an empty one with no `etag` when it has none."""
        ...

    async def put_chunks(self, chunks: Iterable[MemberChunk]) -> None:
        """Write member chunks, replacing those of an attempt that was not committed."""
        ...

    async def commit(
        self,
        board: Board,
        incidents: Sequence[Incident],
        suppressions: Sequence[Suppression],
        intents: Sequence[Intent],
    ) -> None:
        """Replace the board if unchanged and insert the records, all or nothing; raises `Conflict`."""
        ...

    async def chunks(self, feeder_id: str, ids: Sequence[str]) -> list[MemberChunk]:
        """Member chunks by id."""
        ...

    async def due_boards(self, before: int, limit: int) -> list[str]:
        """Partitions whose board is to be looked at again at or before `before`: `Board.release_at`."""
        ...

    async def latest(self, *, state: str | None, feeder_id: str | None, limit: int) -> list[Incident]:
        """Newest revision of incidents, latest start first."""
        ...

    async def head(self, feeder_id: str, incident_id: str) -> Incident | None:
        """Newest revision of one incident; None when there is none."""

    async def page(self, search: IncidentSearch, after: Cursor | None, limit: int) -> list[Incident]:
        """Newest revision of incidents behind a cursor, latest start first; by state, feeder and start only."""
        ...

    async def find(self, incident_id: str) -> Incident | None:
        """Newest revision of one incident on whatever feeder; None when there is none."""
        ...

    async def history(self, feeder_id: str, incident_id: str) -> list[Incident]:
        """Every revision of an incident, oldest first."""
        ...

    async def log(self, start: int, end: int) -> list[Incident]:
        """Newest revision of every incident that began in a period, earliest first; `end` is exclusive."""
        ...

    async def suppressions(self, feeder_id: str | None, limit: int, since: int = 0) -> list[Suppression]:
        """Lines of the suppression ledger written from a moment on, newest first."""
        ...


class AnnouncementStore(Protocol):
    """What customers are told of planned work, by order; its intents feed `fan_out`."""

    async def read(self, order_id: str) -> Announcement | None:
        """The announcement of an order; None when it was never heard of."""
        ...

    async def commit(self, announcement: Announcement, intents: Sequence[Intent]) -> None:
        """Replace an announcement unchanged since its `etag` and insert intents, all or nothing; raises `Conflict`."""
        ...

    async def due(self, before: int, limit: int) -> list[str]:
        """Orders whose announcement is to be looked at again at or before `before`, the longest due first."""
        ...


class ContextStore(Protocol):
    """Work orders by feeder or substation, weather by area, and what operators' verdicts taught of each feeder."""

    async def put_orders(self, orders: Iterable[WorkOrder]) -> list[OrderChange]:
        """Write orders, each in place of the version there is, wherever that is, unless that was changed later.

        Returns those written. After a fault some may be written; the same call may be made again.
        """
        ...

    async def orders(self, scope: str | None, ending_after: int) -> list[WorkOrder]:
        """Orders of a feeder or substation, or of all, that end after a moment, by id."""
        ...

    async def put_weather(self, observations: Iterable[Observation], alerts: Iterable[WeatherAlert]) -> None:
        """Write weather; one of the same area and time, or an alert of the same id, replaces the earlier."""
        ...

    async def observations(self, area: str, after: int) -> list[Observation]:
        """Observations of an area after a moment, earliest first."""
        ...

    async def alerts(self, area: str, ending_after: int) -> list[WeatherAlert]:
        """Alerts of an area that end after a moment, by start."""
        ...

    async def profile(self, feeder_id: str) -> AlarmProfile:
        """What verdicts have taught of a feeder; a neutral profile with no `etag` when there were none."""
        ...

    async def put_profile(self, profile: AlarmProfile) -> None:
        """Write a profile if it is unchanged since its `etag`; raises `Conflict`."""
        ...


class ExpectationStore(Protocol):
    """What the utility's outages have taught of restoration times: one document for all."""

    async def read(self) -> Learnt:
        """What is known; nothing, with no `etag`, at first."""
        ...

    async def write(self, learnt: Learnt) -> str:
        """Write it if it is unchanged since its `etag`; returns the new one or raises `Conflict`."""
        ...


class CustomerStore(Protocol):
    """How customers are reached."""

    async def put(self, customers: Iterable[Customer]) -> None:
        """Write customers."""
        ...

    async def read(self, customer_id: str) -> Customer | None:
        """One customer; None when unknown."""
        ...

    async def read_many(self, customer_ids: Collection[str]) -> dict[str, Customer]:
        """Those of some customers that are known, by id."""
        ...

    async def with_phone(self, phone: str) -> list[Customer]:
        """Customers of a number, E.164, by id."""
        ...

    async def remove(self, customer_id: str) -> bool:
        """Forget a customer; False when unknown."""
        ...


class NumberingPlans(Protocol):
    """What numbers there are in the world."""

    def e164(self, text: str) -> str:
        """A number with its country code as E.164; raises `RejectedDocument`."""
        ...


class DeliveryStore(Protocol):
    """What was sent to whom, what waits, who asked not to be written to, and how much was sent."""

    async def claim(self, delivery: Delivery) -> bool:
        """Insert the record of an attempt; False when its key is taken."""
        ...

    async def read(self, customer_id: str, key: str) -> Delivery | None:
        """The record of one attempt; None when it was never claimed."""
        ...

    async def replace(self, before: Delivery, after: Delivery) -> bool:
        """Replace a record by another of the same key if it still stands as `before`; False when it does not."""
        ...

    async def due(self, now: int, *, critical: bool, limit: int) -> list[Delivery]:
        """Waiting records whose `not_before` has come, of critical customers or of others, the longest due first."""
        ...

    async def unconfirmed(self, now: int, limit: int) -> list[Delivery]:
        """Sent records whose `not_before` has come, the longest due first: the provider is to be asked about them."""
        ...

    async def waiting(self, now: int) -> int:
        """How many held messages there are whose `not_before` has come."""
        ...

    async def in_state(self, state: DeliveryState, limit: int) -> list[Delivery]:
        """Records in a state, the latest claimed first."""
        ...

    async def of_customer(self, customer_id: str) -> list[Delivery]:
        """Every record of one customer, in the order they were claimed."""
        ...

    async def remove(self, customer_id: str) -> int:
        """Forget every record of a customer; returns how many there were."""
        ...

    async def counts(self) -> Mapping[str, int]:
        """Number of deliveries by state."""
        ...

    async def consent(self, phone: str) -> Consent | None:
        """What the owner of a number said last; None when nothing."""
        ...

    async def put_consent(self, consent: Consent) -> None:
        """Keep what the owner of a number said."""
        ...

    async def rates(self) -> Rates:
        """What was spent of the limits; nothing, with no `etag`, at first."""
        ...

    async def put_rates(self, rates: Rates) -> None:
        """Write what was spent if it is unchanged since its `etag`; raises `Conflict`."""
        ...


class AuditStore(Protocol):
    """What people did; entries are added, and completed once with how it ended."""

    async def put(self, entry: AuditEntry) -> None:
        """Write an entry; one of the same id replaces it."""
        ...

    async def entries(self, since: int, until: int, limit: int) -> list[AuditEntry]:
        """Entries of a period, newest first; `until` is exclusive."""
        ...


class LetterSource(NamedTuple):
    """Where in the event stream a refused record came from."""

    partition: str
    sequence_number: int


class DeadLetters(Protocol):
    """What could not be used, kept so that nothing is lost."""

    async def keep(self, source: LetterSource, refusals: Sequence[Refusal]) -> None:
        """Keep refused records; the same source replaces what it left before."""
        ...

    async def keep_event(self, source: LetterSource, reason: str, body: bytes) -> None:
        """Keep a whole event that could not be processed."""
        ...

    async def keep_document(self, origin: str, document: Mapping[str, object], reason: str) -> None:
        """Keep a document of a container or queue that could not be processed; the same id replaces its letter."""
        ...

    async def letters(self, limit: int) -> list[Letter]:
        """What is kept, by partition and sequence number."""
        ...

    async def find(self, letter_id: str) -> Letter | None:
        """One letter; None when there is none of that id."""
        ...

    async def remove(self, letter_id: str) -> None:
        """Forget a letter that has been replayed; one that is gone already is no fault."""
        ...


class Notifier(Protocol):
    """A channel to customers."""

    name: str

    async def send(self, notification: Notification, customer: Customer, body: str) -> str:
        """Send a message; returns the provider's reference.

        Raises `NotSent` when it was not taken, for certain, and `Unknown` when nobody can tell.
        """
        ...

    async def find(self, claim: Delivery) -> str | None:
        """The provider's reference of a claimed message whose sending was interrupted; None when it was not sent.

        It was addressed to `claim.to`. Raises `NotSent` when the provider cannot be asked now.
        """
        ...


@runtime_checkable
class Traceable(Protocol):
    """A channel that knows what became of a message after it took it."""

    async def status(self, delivery: Delivery) -> ProviderStatus:
        """What the provider says of a message by its reference.

        Raises `NotSent` when it cannot be asked now, a `permanent` one when it knows of no such message.
        """
        ...


class ReportStore(Protocol):
    """Where inspection reports go."""

    async def write(self, report: InspectionReport) -> None:
        """Write the report in every form people use."""
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


class Stores(NamedTuple):
    """The stores of one deployment."""

    packs: PackStore
    rosters: RosterStore
    anomalies: AnomalyStore
    incidents: IncidentStore
    announcements: AnnouncementStore
    context: ContextStore
    customers: CustomerStore
    deliveries: DeliveryStore
    letters: DeadLetters
    reports: ReportStore
    audit: AuditStore
    expectations: ExpectationStore
