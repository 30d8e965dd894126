"""Azure Storage in trouble: what may be tried again is told apart from what may not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

import pytest

from functions.adapters.storage.blobs import BlobContainer
from functions.adapters.storage.connection import PATIENCE
from functions.adapters.storage.letters import BlobLetters
from functions.adapters.storage.queues import StorageQueue
from functions.domain.errors import SettingError, StoreError, TransientFault
from functions.ports import Link

KEY = "c2VjcmV0"
RETRIES = 2


@pytest.fixture(autouse=True)
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    quick = {"retry_total": RETRIES, "initial_backoff": 0.01, "increment_base": 0, "random_jitter_range": 0}
    for name, value in quick.items():
        monkeypatch.setitem(PATIENCE, name, value)
    monkeypatch.setitem(PATIENCE, "read_timeout", 0.2)


class Service:
    """An account that gives every request the same answer, or none (status 0), or leaves it waiting (-1)."""

    def __init__(self, status: int, code: str = "Odd") -> None:
        self.status, self.code, self.requests, self.port = status, code, 0, 0
        self.tasks: set[asyncio.Task] = set()

    @property
    def link(self) -> Link:
        url = f"http://127.0.0.1:{self.port}/account"
        return Link(
            connection=f"DefaultEndpointsProtocol=http;AccountName=account;AccountKey={KEY};"
            f"BlobEndpoint={url};QueueEndpoint={url};"
        )

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.tasks.add(asyncio.current_task())
        head = await reader.readuntil(b"\r\n\r\n")
        for line in head.lower().split(b"\r\n"):
            if line.startswith(b"content-length:"):
                await reader.readexactly(int(line.partition(b":")[2]))
        self.requests += 1
        if self.status < 0:
            await reader.read()
        if self.status > 0:
            body = f"<?xml version='1.0'?><Error><Code>{self.code}</Code><Message>no\nmore</Message></Error>".encode()
            fields = f"content-length: {len(body)}\r\ncontent-type: application/xml\r\nx-ms-error-code: {self.code}"
            writer.write(f"HTTP/1.1 {self.status} Odd\r\n{fields}\r\nconnection: close\r\n\r\n".encode() + body)
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()


@asynccontextmanager
async def running(service: Service) -> AsyncIterator[Service]:
    server = await asyncio.start_server(service.answer, "127.0.0.1", 0)
    service.port = server.sockets[0].getsockname()[1]
    async with server:
        yield service
        await asyncio.gather(*service.tasks)


async def find(link: Link) -> object:
    blobs = BlobContainer(link, "letters")
    try:
        return await BlobLetters(blobs).find("3/event:41")
    finally:
        await blobs.close()


async def listing(link: Link) -> object:
    blobs = BlobContainer(link, "letters")
    try:
        return await BlobLetters(blobs).letters(10)
    finally:
        await blobs.close()


async def put(link: Link) -> object:
    queue = StorageQueue(link, "notifications")
    try:
        return await queue.put([b"{}", b"[]"])
    finally:
        await queue.close()


async def take(link: Link) -> object:
    queue = StorageQueue(link, "notifications")
    try:
        return await queue.take(30, 10)
    finally:
        await queue.close()


Call = Callable[[Link], Awaitable[object]]
everywhere = pytest.mark.parametrize("call", [find, listing, put, take])


@everywhere
@pytest.mark.parametrize(("status", "code"), [(503, "ServerBusy"), (500, "InternalError"), (429, "TooManyRequests")])
async def test_a_busy_service_may_be_asked_again(call: Call, status: int, code: str) -> None:
    async with running(Service(status, code)) as service:
        with pytest.raises(TransientFault, match=f"(letters|notifications) is busy .*{code}"):
            await call(service.link)


async def test_retries_are_bounded() -> None:
    async with running(Service(503, "ServerBusy")) as service:
        with pytest.raises(TransientFault):
            await find(service.link)
        assert service.requests == 1 + RETRIES


@everywhere
@pytest.mark.parametrize("status", [0, -1])
async def test_a_line_that_goes_dead_is_a_fault_that_passes(call: Call, status: int) -> None:
    async with running(Service(status)) as service:
        with pytest.raises(TransientFault, match="out of reach"):
            await call(service.link)


@everywhere
async def test_nobody_there_is_a_fault_that_passes(call: Call) -> None:
    async with running(Service(200)) as service:
        link = service.link
    with pytest.raises(TransientFault, match="out of reach"):
        await call(link)


@everywhere
@pytest.mark.parametrize(
    ("status", "code"), [(403, "AuthorizationPermissionMismatch"), (404, "ContainerNotFound"), (404, "QueueNotFound")]
)
async def test_a_refusal_is_one_sentence_and_not_tried_again(call: Call, status: int, code: str) -> None:
    async with running(Service(status, code)) as service:
        with pytest.raises(StoreError, match=f"refused a request .{code}.; see that") as caught:
            await call(service.link)
    assert not isinstance(caught.value, TransientFault)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("connection", ["nonsense", "A=b;C=d"])
async def test_a_link_that_cannot_be_used_is_a_setting_at_fault(connection: str) -> None:
    with pytest.raises(SettingError, match="Azure Storage"):
        BlobContainer(Link(connection=connection), "letters")
