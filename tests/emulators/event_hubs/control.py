"""The control port: a few JSON requests over HTTP/1.1, one a connection, by which tests look in and break things."""

import asyncio
import base64
import json
from collections.abc import Callable
from dataclasses import asdict
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from .errors import AmqpError

if TYPE_CHECKING:
    from .broker import Broker
    from .hub import Hub
    from .partition import Partition

Json = dict[str, Any]
_FAULTS = ("refuse_s", "latency_s", "gap", "drop_send_ack")


class BadRequest(Exception):
    """A request that says the wrong thing."""


class Control:
    """Answers the control port for one broker."""

    def __init__(self, broker: "Broker"):
        self._broker = broker
        self._routes: dict[tuple[str, str], Callable[[Json], Json]] = {
            ("GET", "/state"): self._state,
            ("POST", "/cut"): self._cut,
            ("POST", "/faults"): self._faults,
            ("POST", "/append"): self._append,
        }

    async def listen(self, host: str, port: int) -> tuple[asyncio.Server, int]:
        """Opens the port, 0 for any free one, and says which."""
        server = await asyncio.start_server(self._serve, host, port)
        return server, server.sockets[0].getsockname()[1]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").splitlines()
            method, path, _ = head[0].split(" ")
            headers = dict(line.lower().split(": ", 1) for line in head[1:] if line)
            content = await reader.readexactly(int(headers.get("content-length", "0")))
            status, answer = self._answer(method, path, content)
            body = json.dumps(answer).encode()
            writer.write(
                f"HTTP/1.1 {status.value} {status.phrase}\r\nContent-Type: application/json\r\n"
                f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode()
                + body
            )
            await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            return  # the client went away, there is nobody to tell
        finally:
            writer.close()

    def _answer(self, method: str, path: str, content: bytes) -> tuple[HTTPStatus, Json]:
        route = self._routes.get((method, path))
        if route is None:
            known = ", ".join(" ".join(known) for known in self._routes)
            return HTTPStatus.NOT_FOUND, {"error": f"There is no {method} {path}, only {known}."}
        try:
            return HTTPStatus.OK, route(json.loads(content or b"{}"))
        except AmqpError as error:
            return HTTPStatus.NOT_FOUND, {"error": error.description}
        except BadRequest as error:
            return HTTPStatus.BAD_REQUEST, {"error": str(error)}
        except (ValueError, TypeError, KeyError) as error:
            return HTTPStatus.BAD_REQUEST, {"error": f"{method} {path} cannot use this body: {error!r}."}

    def _state(self, _: Json) -> Json:
        hubs = {
            hub.name: [_partition_state(partition) for partition in hub.partitions]
            for hub in self._broker.hubs.values()
        }
        return {"hubs": hubs, "connections": len(self._broker.connections), "faults": asdict(self._broker.faults)}

    def _cut(self, body: Json) -> Json:
        count = body.get("count", "all")
        return {"cut": self._broker.cut(None if count == "all" else int(count))}

    def _faults(self, body: Json) -> Json:
        unknown = set(body) - set(_FAULTS)
        if unknown:
            raise BadRequest(f"There is no fault '{unknown.pop()}', only {', '.join(_FAULTS)}.")
        faults = self._broker.faults
        if "gap" in body:
            self._place(body["gap"])[1].skip(int(body["gap"]["skip"]))
        if "refuse_s" in body:
            faults.refuse(float(body["refuse_s"]))
        if "latency_s" in body:
            faults.latency_s = float(body["latency_s"])
        if "drop_send_ack" in body:
            faults.acks_to_drop = int(body["drop_send_ack"])
        return asdict(faults)

    def _append(self, body: Json) -> Json:
        hub, partition = self._place(body)
        bodies = [base64.b64decode(text, validate=True) for text in body["bodies"]]
        hub.append(partition, bodies, body.get("partition_key"))
        self._broker.announce(partition)
        return _partition_state(partition)

    def _place(self, body: Json) -> "tuple[Hub, Partition]":
        hub = self._broker.hub(body["hub"])
        return hub, hub.partition(str(body["partition"]))


def _partition_state(partition: "Partition") -> Json:
    return {
        "partition": partition.id,
        "events": len(partition.messages),
        "first_sequence": partition.first_sequence,
        "last_sequence": partition.last_sequence,
        "consumers": [{"group": consumer.group, "epoch": consumer.epoch} for consumer in partition.consumers],
    }
