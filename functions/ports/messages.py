"""What reaching customers needs: who they are, what became of every message, and the channels."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Protocol, runtime_checkable

from functions.domain.customers import Consent, Customer
from functions.domain.notifications import Delivery, DeliveryState, Notification
from functions.domain.rates import Rates
from functions.domain.status_reports import ProviderStatus


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


class Webhooks(Protocol):
    """What a provider of messages sends us, and how it is answered."""

    def form(self, path: str, body: bytes, signature: str) -> Mapping[str, str] | None:
        """Fields of a request to a path with its query; None when they are not signed for our public URL."""
        ...

    def reply(self, text: str) -> str:
        """The provider's form of an answer with a text, or with none; XML."""
        ...


class ReportsOfOutage(Protocol):
    """Where customers' own reports of darkness go, as evidence beside what meters say."""

    async def take(self, customer_id: str) -> int:
        """Note that a customer is without power now; returns how many of their meters that concerns.

        Safe to repeat: within an interval of the meter it is the same report.
        """
        ...
