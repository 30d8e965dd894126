"""The sending of messages over a real store, with channels that remember, refuse, lose answers and die."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import msgspec

from functions.adapters.clocks import SetClock
from functions.domain.board import Board
from functions.domain.customers import Customer
from functions.domain.errors import NotSent, Unknown
from functions.domain.incidents import Incident, IncidentKind, IncidentState
from functions.domain.message_report import MessageReport
from functions.domain.messages import Letterhead
from functions.domain.notifications import Delivery, IntentKind, Notification, send_key
from functions.domain.rates import Limits
from functions.ports import Stores
from functions.services.allowance import Allowance
from functions.services.delivery import DeliveryService
from functions.services.releasing import ReleaseService
from functions.services.standing import Standing

NOON = 1_718_625_600
"""2024-06-17T12:00Z, a Monday."""

NO_LIMITS = Limits()


class Killed(BaseException):
    """The process has died: nothing catches it."""


class Channel:
    """A provider with a memory. `faults` are taken one a send: an exception, or what to do with the message."""

    def __init__(self, name: str = "console", *faults: object, fault_of: Callable[[int], object] | None = None) -> None:
        self.name = name
        self.faults = list(faults)
        self.fault_of = fault_of
        self.tries = 0
        self.sent: list[tuple[str, str]] = []
        self.bodies: dict[tuple[str, str], str] = {}
        self.answers = True

    async def send(self, notification: Notification, customer: Customer, body: str) -> str:
        fault = self.faults.pop(0) if self.faults else self.fault_of and self.fault_of(self.tries)
        self.tries += 1
        if fault == "killed before":
            raise Killed
        if fault == "not heard":
            raise Unknown("nobody answered")
        if isinstance(fault, BaseException):
            raise fault
        self.sent.append((customer.customer_id, body))
        self.bodies[customer.customer_id, body] = f"SM{len(self.sent)}"
        if fault == "killed after":
            raise Killed
        if fault == "answer lost":
            raise Unknown("the answer was lost")
        return f"SM{len(self.sent)}"

    async def find(self, claim: Delivery) -> str | None:
        if not self.answers:
            raise NotSent("the provider cannot be asked now")
        return self.bodies.get((claim.customer_id, claim.body))

    @property
    def customers(self) -> list[str]:
        return [customer for customer, _ in self.sent]


class Office:
    """Everything between the queue and the channels. Several over the same stores are several processes."""

    def __init__(
        self, stores: Stores, clock: SetClock, *channels: Channel, limits: Limits = NO_LIMITS, zone: str = "UTC"
    ) -> None:
        self.stores = stores
        self.clock = clock
        self.channels = {each.name: each for each in channels or (Channel(),)}
        self.reports: list[MessageReport] = []
        allowance = Allowance(stores.deliveries, limits, clock)
        standing = Standing(stores.deliveries, stores.incidents)
        letterhead = Letterhead("", zone)
        shared = (self.channels, allowance)
        self.delivery = DeliveryService(stores.deliveries, stores.customers, standing, *shared, letterhead, self, clock)
        self.releasing = ReleaseService(stores.deliveries, self.delivery, *shared, self, clock)

    def messages(self, report: MessageReport) -> None:
        self.reports.append(report)

    async def tell(self, *notifications: Notification) -> list[str | None]:
        return [await self.delivery.deliver(each) for each in notifications]

    async def pass_time(self, seconds: int, step: int = 60) -> None:
        """Let time pass, with a release every minute."""
        end = self.clock.now() + seconds
        while self.clock.now() < end:
            self.clock.set(min(end, self.clock.now() + step))
            await self.releasing.release()

    async def states(self, customer_id: str = "C1") -> dict[str, str]:
        """State of every message of a customer, by kind and attempt."""
        found = await self.stores.deliveries.of_customer(customer_id)
        return {f"{each.kind} {each.key.rpartition('|')[2]}": each.state.value for each in found}

    async def ends(self, customer_id: str = "C1") -> list[str]:
        """States of all messages of a customer, sorted."""
        return sorted(each.state.value for each in await self.stores.deliveries.of_customer(customer_id))

    async def reasons(self, customer_id: str = "C1") -> dict[str, str]:
        return {each.kind.value: each.reason for each in await self.stores.deliveries.of_customer(customer_id)}


def message(kind: IntentKind = IntentKind.outage_seen, customer: str = "C1", at: int = NOON, **more) -> Notification:
    """A notification of incident inc:A on feeder F."""
    incident = more.pop("incident_id", "inc:A")
    fields = {"started_at": at - 300, "restored_at": at if kind is IntentKind.restored else None, "revision": 1} | more
    return Notification(
        key=send_key(incident, customer, kind, fields["revision"]), customer_id=customer, incident_id=incident,
        kind=kind, created_at=at, feeder_id="F", **fields,
    )  # fmt: skip


async def put_incident(stores: Stores, *, over: bool, incident_id: str = "inc:A", revision: int = 1) -> None:
    """Write a revision of an incident on feeder F."""
    board = await stores.incidents.board("F")
    incident = Incident(
        id=f"{incident_id}:r{revision}", incident_id=incident_id, revision=revision, feeder_id="F",
        kind=IncidentKind.outage, state=IncidentState.closed if over else IncidentState.confirmed, device_kind="meter",
        device_id="M1", started_at=NOON, restored_at=NOON + 900 if over else None, meters_out=0 if over else 1,
        meters_affected=1, customers_affected=1, chunks=(), updated_at=NOON,
    )  # fmt: skip
    await stores.incidents.commit(board if board.etag else Board(feeder_id="F"), [incident], [], [])


def replaced(value: msgspec.Struct, **changes: object):
    return msgspec.structs.replace(value, **changes)


def counted(reports: Sequence[MessageReport]) -> Mapping[str, int]:
    """Messages by outcome, over all reports."""
    total = MessageReport().outcomes
    for report in reports:
        total.update(report.outcomes)
    return total
