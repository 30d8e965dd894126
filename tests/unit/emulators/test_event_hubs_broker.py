"""The broker as the real SDK sees it."""

import asyncio
import gc
import socket
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime, timedelta

import pytest
from azure.eventhub import EventData, EventHubConsumerClient, EventHubProducerClient
from azure.eventhub._buffered_producer._partition_resolver import generate_hash_code
from azure.eventhub._pyamqp._decode import decode_payload
from azure.eventhub.aio import CheckpointStore, PartitionContext
from azure.eventhub.aio import EventHubConsumerClient as AsyncConsumer
from azure.eventhub.aio import EventHubProducerClient as AsyncProducer
from azure.eventhub.aio._eventprocessor.in_memory_checkpoint_store import InMemoryCheckpointStore
from azure.eventhub.exceptions import ConnectError, EventDataSendError
from emulators.event_hubs import BrokerFailed, EventHubsBroker
from emulators.event_hubs.amqp_types import NULL, TRUE, amqp_list, described, string, uint
from emulators.event_hubs.frames import AMQP_HEADER, EMPTY_FRAME, Frame, FrameReader, Performative, encode
from emulators.event_hubs.messages import data_message, stamped
from emulators.event_hubs.partition_key import partition_of

HUB, PARTITIONS = "meter-readings", 4
# Of one partition, so that a producer need not name it: naming one costs the SDK a second to open more links.
NARROW_HUB = "grid-incidents"
MEGABYTE = 1024 * 1024
# The SDK's own pace is meant for the wide world: how soon it tries again, and how long it waits on a socket.
QUICK = {"retry_backoff_factor": 0.05, "retry_backoff_max": 0.2, "retry_mode": "fixed", "socket_timeout": 0.02}
TIMEOUT_S = 10.0


@pytest.fixture(autouse=True)
def hurried_polls(monkeypatch: pytest.MonkeyPatch) -> None:
    """The async SDK opens links by looking every 50 ms and closes by looking every second: here, ten times as often."""
    sleep = asyncio.sleep
    monkeypatch.setattr(asyncio, "sleep", lambda delay, *result: sleep(delay / 10, *result))


@pytest.fixture
def broker() -> Iterator[EventHubsBroker]:
    with EventHubsBroker({HUB: PARTITIONS, NARROW_HUB: 1}) as running:
        yield running
    gc.collect()  # so that what a test left open is laid to its own charge


# The SDK leaves the socket of a connection that broke, or whose opening was cancelled, to the garbage collector.
breaks_connections = pytest.mark.filterwarnings("ignore:(unclosed|loop is closed):ResourceWarning")


class Received:
    """Events of one consumer, as they arrive."""

    def __init__(self) -> None:
        self.events: list[EventData] = []
        self.places: list[tuple[str, int]] = []  # partition and sequence number of each
        self.last_enqueued: dict | None = None
        self.errors: list[Exception] = []
        self._news = asyncio.Event()

    async def on_batch(self, context: PartitionContext, events: list[EventData]) -> None:
        self.events += events
        self.places += [(context.partition_id, event.sequence_number) for event in events]
        self.last_enqueued = context.last_enqueued_event_properties
        await context.update_checkpoint()
        self._news.set()

    async def on_error(self, _, error: Exception) -> None:
        self.errors.append(error)
        self._news.set()

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(TIMEOUT_S):
            while not condition():
                self._news.clear()
                await self._news.wait()

    @property
    def bodies(self) -> list[bytes]:
        return [b"".join(event.body) for event in self.events]


@asynccontextmanager
async def consuming(
    broker: EventHubsBroker,
    store: CheckpointStore | None = None,
    *,
    hub: str = HUB,
    enough: int | None = None,
    **options,
) -> AsyncIterator[Received]:
    """A consumer that runs while the block lasts; it reads partition 0 from the start unless told otherwise."""
    received = Received()
    client = AsyncConsumer.from_connection_string(
        broker.connection_for(hub),
        options.pop("group", "$Default"),
        checkpoint_store=store,
        load_balancing_interval=options.pop("load_balancing_interval", 60),
        partition_ownership_expiration_interval=5,
        retry_total=options.pop("retry_total", 3),
        **QUICK,
    )
    if store is None:
        options.setdefault("partition_id", "0")
    options.setdefault("starting_position", "-1")
    task = asyncio.create_task(client.receive_batch(received.on_batch, on_error=received.on_error, **options))
    try:
        yield received
    finally:
        await client.close()
        task.cancel()  # closing leaves it asleep until its next round of balancing
        await asyncio.gather(task, return_exceptions=True)


async def read(broker: EventHubsBroker, count: int, **options) -> list[EventData]:
    async with consuming(broker, **options) as received:
        await received.until(lambda: len(received.events) >= count or bool(received.errors))
        assert not received.errors
        return received.events


def numbered(count: int, start: int = 0) -> list[bytes]:
    return [b"%d" % number for number in range(start, start + count)]


def events_of(broker: EventHubsBroker) -> list[int]:
    return [broker.partition(HUB, partition)["events"] for partition in range(PARTITIONS)]


async def eventually(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(TIMEOUT_S):
        while not condition():  # noqa: ASYNC110 (it happens in another process)
            await asyncio.sleep(0.2)


async def test_an_event_arrives_as_it_was_sent(broker):
    event = EventData(b'{"feeder_id": "F1"}')
    event.properties = {"source": "head-end", "attempt": 2}
    event.message_id = "m-1"
    async with AsyncProducer.from_connection_string(broker.connection_for(NARROW_HUB), **QUICK) as producer:
        await producer.send_batch([event])
        await producer.send_event(EventData("second"))
    first, second = await read(broker, 2, hub=NARROW_HUB)
    assert first.body_as_json() == {"feeder_id": "F1"}
    assert first.properties == {b"source": b"head-end", b"attempt": 2}
    assert first.message_id == "m-1"
    assert (first.sequence_number, second.sequence_number) == (0, 1)
    assert int(second.offset) > int(first.offset)
    assert abs(datetime.now(UTC) - first.enqueued_time) < timedelta(seconds=30)
    assert first.partition_key is None


def test_the_synchronous_sdk_sends_and_receives(broker):
    with EventHubProducerClient.from_connection_string(broker.connection_for(NARROW_HUB), **QUICK) as producer:
        batch = producer.create_batch()
        for body in numbered(50):
            batch.add(EventData(body))
        producer.send_batch(batch)
    client = EventHubConsumerClient.from_connection_string(broker.connection_for(NARROW_HUB), "$Default", **QUICK)
    bodies: list[bytes] = []

    def on_event(_, event: EventData) -> None:
        bodies.append(b"".join(event.body))
        if len(bodies) == 50:
            client.close()

    client.receive(on_event, partition_id="0", starting_position="-1")
    assert bodies == numbered(50)


def test_annotations_of_a_broker_before_do_not_survive():
    once = stamped(data_message(b"x"), "feeder-17", sequence=7, offset=700, enqueued_ms=1_700_000_000_000)
    again = decode_payload(memoryview(stamped(once, None, sequence=0, offset=0, enqueued_ms=1_800_000_000_000)))
    assert again.message_annotations == {
        b"x-opt-partition-key": b"feeder-17",
        b"x-opt-sequence-number": 0,
        b"x-opt-enqueued-time": 1_800_000_000_000,
        b"x-opt-offset": b"0",
    }
    assert again.data == [b"x"]


async def test_a_key_decides_the_partition_and_comes_back(broker):
    async with AsyncProducer.from_connection_string(broker.connection_for(HUB), **QUICK) as producer:
        for _ in range(2):
            batch = await producer.create_batch(partition_key="feeder-17")
            batch.add(EventData(b"one"))
            batch.add(EventData(b"two"))
            await producer.send_batch(batch)
    partition = generate_hash_code("feeder-17") % PARTITIONS
    assert events_of(broker)[partition] == sum(events_of(broker)) == 4
    events = await read(broker, 4, partition_id=str(partition))
    assert {event.partition_key for event in events} == {b"feeder-17"}


async def test_without_a_key_partitions_take_turns(broker):
    async with AsyncProducer.from_connection_string(broker.connection_for(HUB), **QUICK) as producer:
        for _ in range(2 * PARTITIONS):
            await producer.send_batch([EventData(b"x")])
    assert events_of(broker) == [2] * PARTITIONS


@pytest.mark.parametrize("length", [0, 1, 11, 12, 13, 24, 25, 100])
def test_keys_hash_as_in_the_sdk(length):
    keys = [f"{number:0{length}d}"[:length] for number in range(50)]
    assert [partition_of(key, 32) for key in keys] == [generate_hash_code(key) % 32 for key in keys]


async def test_reading_starts_where_it_is_told(broker):
    for body in numbered(6):
        broker.append(HUB, 0, [body])
        await asyncio.sleep(0.05)  # so that enqueued times differ
    third = (await read(broker, 6))[2]
    places = [third.offset, third.sequence_number, third.enqueued_time]
    behind, from_it = await asyncio.gather(
        asyncio.gather(*(read(broker, 3, starting_position=place) for place in places)),
        asyncio.gather(
            *(read(broker, 4, starting_position=place, starting_position_inclusive=True) for place in places)
        ),
    )
    assert [[event.sequence_number for event in events] for events in behind] == [[3, 4, 5]] * 3
    assert [[event.sequence_number for event in events] for events in from_it] == [[2, 3, 4, 5]] * 3


async def test_reading_from_the_latest_sees_only_what_is_new(broker):
    broker.append(HUB, 0, numbered(5))
    async with consuming(broker, starting_position="@latest") as received:
        await eventually(lambda: bool(broker.partition(HUB, 0)["consumers"]))
        broker.append(HUB, 0, [b"new"])
        await received.until(lambda: bool(received.events))
        assert received.bodies == [b"new"]


async def test_a_start_behind_the_log_is_refused(broker):
    broker.append(HUB, 0, numbered(5))
    async with consuming(broker, starting_position=99, retry_total=0) as received:
        await received.until(lambda: bool(received.errors))
    assert "last sequence-number in the system is '4'" in str(received.errors[0])


async def test_consumer_groups_read_independently(broker):
    broker.append(HUB, 0, numbered(10))
    async with consuming(broker) as one, consuming(broker, group="dashboard") as other:
        await one.until(lambda: len(one.events) == 10)
        await other.until(lambda: len(other.events) == 10)
        groups = {consumer["group"] for consumer in broker.partition(HUB, 0)["consumers"]}
    assert groups == {"$default", "dashboard"}
    await eventually(lambda: broker.partition(HUB, 0)["consumers"] == [])


async def test_a_higher_epoch_displaces_a_lower_one(broker):
    broker.append(HUB, 0, numbered(3))
    async with consuming(broker, owner_level=1) as low:
        await low.until(lambda: len(low.events) == 3)
        async with consuming(broker, owner_level=2) as high:
            await low.until(lambda: bool(low.errors))
            await high.until(lambda: len(high.events) == 3)
            assert [consumer["epoch"] for consumer in broker.partition(HUB, 0)["consumers"]] == [2]
            async with consuming(broker, owner_level=1) as late:
                await late.until(lambda: bool(late.errors))
    assert "amqp:link:stolen" in str(low.errors[0])
    assert "epoch 1 is too low" in str(late.errors[0])
    assert not high.errors


async def test_a_consumer_can_see_how_far_behind_it_is(broker):
    broker.append(HUB, 0, numbered(20))
    async with consuming(broker, track_last_enqueued_event_properties=True) as received:
        await received.until(lambda: len(received.events) == 20)
        assert received.last_enqueued["sequence_number"] == 19
        assert received.last_enqueued["enqueued_time"] == received.events[-1].enqueued_time


async def test_properties_tell_what_is_there(broker):
    broker.append(HUB, 1, numbered(3))
    async with AsyncConsumer.from_connection_string(broker.connection_for(HUB), "$Default", **QUICK) as client:
        hub = await client.get_eventhub_properties()
        empty = await client.get_partition_properties("0")
        full = await client.get_partition_properties("1")
    assert (hub["eventhub_name"], hub["partition_ids"]) == (HUB, ["0", "1", "2", "3"])
    assert (empty["is_empty"], empty["last_enqueued_sequence_number"]) == (True, -1)
    assert (full["is_empty"], full["beginning_sequence_number"], full["last_enqueued_sequence_number"]) == (False, 0, 2)


async def test_a_hub_or_partition_that_is_not_there_is_refused(broker):
    async with AsyncProducer.from_connection_string(broker.connection_for("nowhere"), retry_total=0) as missing:
        with pytest.raises(ConnectError, match="'nowhere' could not be found, there is grid-incidents"):
            await missing.get_eventhub_properties()
    async with AsyncProducer.from_connection_string(broker.connection_for(HUB), retry_total=0) as producer:
        with pytest.raises(ConnectError, match="has partitions 0 to 3, not '9'"):
            await producer.get_partition_properties("9")


@breaks_connections
async def test_two_consumers_share_the_partitions_and_lose_nothing(broker):
    store = InMemoryCheckpointStore()
    for partition in range(PARTITIONS):
        broker.append(HUB, partition, numbered(100))
    options = {"load_balancing_interval": 3}
    async with consuming(broker, store, **options) as one, consuming(broker, store, **options) as other:
        await one.until(lambda: bool(one.events))
        await other.until(lambda: bool(other.events))
        for partition in range(PARTITIONS):
            broker.append(HUB, partition, numbered(100, 100))
        everything = {(str(partition), number) for partition in range(PARTITIONS) for number in range(200)}
        await eventually(lambda: {*one.places, *other.places} == everything)
        namespace = f"{broker.host}:{broker.port}"
        owners = [claim["owner_id"] for claim in await store.list_ownership(namespace, HUB, "$Default")]
    assert len(owners) == PARTITIONS
    assert len(set(owners)) == 2


@breaks_connections
async def test_connections_cut_mid_stream_lose_nothing(broker):
    count = 60
    async with (
        consuming(broker, hub=NARROW_HUB) as received,
        AsyncProducer.from_connection_string(broker.connection_for(NARROW_HUB), **QUICK) as producer,
    ):
        for number in range(count):
            await producer.send_batch([EventData(body) for body in numbered(20, 20 * number)])
            if number % 20 == 10:
                await eventually(lambda: bool(broker.partition(NARROW_HUB, 0)["consumers"]))
                assert broker.cut() == 2  # the producer, which has just sent, and the consumer
        await received.until(lambda: set(received.bodies) >= set(numbered(20 * count)))
    sequences = [event.sequence_number for event in received.events]
    assert sorted(set(sequences)) == list(range(broker.partition(NARROW_HUB, 0)["events"]))


@breaks_connections
async def test_some_connections_can_be_cut(broker):
    async with consuming(broker), consuming(broker, partition_id="1"):
        await eventually(lambda: broker.state()["connections"] == 2)
        assert broker.cut(1) == 1


async def test_a_gap_shows_in_the_sequence_numbers(broker):
    broker.append(HUB, 0, numbered(2))
    broker.gap(HUB, 0, skip=3)
    broker.append(HUB, 0, numbered(2))
    everything, behind = await asyncio.gather(read(broker, 4), read(broker, 2, starting_position=3))
    assert [event.sequence_number for event in everything] == [0, 1, 5, 6]
    assert [event.sequence_number for event in behind] == [5, 6]
    state = broker.partition(HUB, 0)
    assert (state["events"], state["first_sequence"], state["last_sequence"]) == (4, 0, 6)


@breaks_connections
async def test_a_dropped_acknowledgement_makes_a_duplicate(broker):
    async with AsyncProducer.from_connection_string(broker.connection_for(NARROW_HUB), **QUICK) as producer:
        await producer.send_batch([EventData(b"first")])
        broker.drop_send_acks(1)
        await producer.send_batch([EventData(b"twice")])
        await producer.send_batch([EventData(b"last")])
    events = await read(broker, 4, hub=NARROW_HUB)
    assert [b"".join(event.body) for event in events] == [
        b"first",
        b"twice",
        b"twice",
        b"last",
    ]


async def test_deliveries_can_be_slow(broker):
    async with consuming(broker) as received:
        broker.append(HUB, 0, [b"soon"])
        await received.until(lambda: len(received.events) == 1)
        broker.delay(0.6)
        began = time.monotonic()
        broker.append(HUB, 0, [b"later"])
        await received.until(lambda: len(received.events) == 2)
        assert time.monotonic() - began >= 0.6
        broker.delay(0)


@breaks_connections
async def test_refused_connections_are_tried_again(broker):
    async with AsyncProducer.from_connection_string(
        broker.connection_for(NARROW_HUB), retry_total=300, **QUICK
    ) as producer:
        broker.refuse(0.7)
        began = time.monotonic()
        await producer.send_batch([EventData(b"x")])
        assert time.monotonic() - began >= 0.6
    assert broker.partition(NARROW_HUB, 0)["events"] == 1


async def test_events_of_a_megabyte_pass_whole(broker):
    bodies = [bytes([number]) * (MEGABYTE - 1000) for number in range(1, 4)]
    async with AsyncProducer.from_connection_string(broker.connection_for(NARROW_HUB), **QUICK) as producer:
        for body in bodies:
            batch = await producer.create_batch()
            batch.add(EventData(body))
            await producer.send_batch(batch)
    assert [b"".join(event.body) for event in await read(broker, 3, hub=NARROW_HUB)] == bodies


async def test_an_event_too_large_is_rejected_by_name(broker):
    async with AsyncProducer.from_connection_string(broker.connection_for(NARROW_HUB), **QUICK) as producer:
        with pytest.raises(EventDataSendError, match="LinkMessageSizeExceeded"):
            await producer.send_event(EventData(b"x" * (MEGABYTE + 1)))
        await producer.send_event(EventData(b"small"))
    assert broker.partition(NARROW_HUB, 0)["events"] == 1


def test_a_session_window_holds_transfers_back(broker):
    broker.append(HUB, 0, [b"x" * 1000, b"y"])
    address = described(0x28, amqp_list([string(f"{HUB}/ConsumerGroups/$Default/Partitions/0")]))
    source = described(0x29, amqp_list([string("me")]))

    def flow(received: int, window: int) -> bytes:
        fields = [uint(received), uint(window), uint(0), uint(9), uint(0), uint(0), uint(10)]
        return encode(1, Performative.FLOW, *fields)

    with talking_to(broker) as client:
        client.sendall(
            AMQP_HEADER
            + encode(0, Performative.OPEN, string("me"), NULL, uint(512))
            + encode(1, Performative.BEGIN, NULL, uint(0), uint(1), uint(9))
            + encode(1, Performative.ATTACH, string("l"), uint(0), TRUE, NULL, NULL, address, source)
            + flow(0, 1)
        )
        reader = FrameReader()
        first = transfers(client, reader)
        client.sendall(flow(1, 10))
        rest = transfers(client, reader)
    assert [frame.value(5) for frame in first] == [True]
    assert [frame.value(5) for frame in rest] == [True, False, False]  # the end of the first event, and the second
    assert [frame.value(1) for frame in first + rest] == [0, 0, 0, 1]
    assert b"".join(frame.payload() for frame in first + rest[:2]).endswith(b"x" * 1000)


@breaks_connections
async def test_a_restart_keeps_the_port(broker):
    port = broker.port
    async with AsyncProducer.from_connection_string(broker.connection_for(NARROW_HUB), **QUICK) as producer:
        await producer.send_batch([EventData(b"x")])
        broker.kill()
        broker.start()
        assert broker.port == port
        await producer.send_batch([EventData(b"y")])
    assert broker.partition(NARROW_HUB, 0)["events"] == 1


def test_clients_that_fall_silent_are_dropped():
    with EventHubsBroker({HUB: 1}, idle_timeout_s=0.2) as broker, talking_to(broker) as client:
        client.sendall(AMQP_HEADER)
        assert client.recv(8) == AMQP_HEADER
        assert end_of(client) == b""


def test_heartbeats_come_as_often_as_a_client_asks(broker):
    with talking_to(broker) as client:
        open_frame = encode(0, Performative.OPEN, string("me"), NULL, uint(65_536), NULL, uint(200))
        client.sendall(AMQP_HEADER + open_frame)
        time.sleep(0.5)
        assert client.recv(4096).count(EMPTY_FRAME) >= 3


@pytest.mark.parametrize(
    "nonsense", [b"GET / HTTP/1.1\r\n\r\n", b"AMQP\x00\x00\x09\x01", b"\0\0\0\x0c\x02\0\0\0\0\x53\x10\xc0"]
)
def test_what_is_not_amqp_ends_the_connection(broker, nonsense):
    with talking_to(broker) as client:
        client.sendall(nonsense)
        assert b"amqp:" in end_of(client)  # the close frame names the error


def test_the_control_port_says_what_is_wrong(broker):
    with pytest.raises(BrokerFailed, match="'nowhere' could not be found"):
        broker.append("nowhere", 0, [b"x"])
    with pytest.raises(BrokerFailed, match="no fault 'fire', only refuse_s, latency_s"):
        broker._request("POST", "/faults", {"fire": 1})
    with pytest.raises(BrokerFailed, match="There is no GET /nowhere"):
        broker._request("GET", "/nowhere")
    with pytest.raises(BrokerFailed, match="POST /append cannot use this body"):
        broker._request("POST", "/append", {"hub": HUB, "partition": 0, "bodies": ["%"]})


@contextmanager
def talking_to(broker: EventHubsBroker) -> Iterator[socket.socket]:
    with socket.create_connection((broker.host, broker.port), timeout=TIMEOUT_S) as client:
        yield client


def transfers(client: socket.socket, reader: FrameReader) -> list[Frame]:
    """Transfers that arrive before the client has heard nothing for a while."""
    client.settimeout(0.3)
    found: list[Frame] = []
    try:
        while chunk := client.recv(65_536):
            frames = [item for item in reader.feed(chunk) if isinstance(item, Frame)]
            found += [frame for frame in frames if frame.code == Performative.TRANSFER]
    except TimeoutError:
        return found
    raise AssertionError("The broker ended the connection.")


def end_of(client: socket.socket) -> bytes:
    """Everything up to the end of the connection."""
    received = b""
    try:
        while chunk := client.recv(4096):
            received += chunk
    except ConnectionResetError:
        pass  # an abort is an end as well
    return received
