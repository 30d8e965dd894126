"""The broker as a subprocess of a test."""

import base64
import http.client
import json
import os
import re
import select
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

_START_TIMEOUT_S = 20.0
_CONTROL_TIMEOUT_S = 10.0
_READY = re.compile(r"ready amqp://([^:]+):(\d+) control http://[^:]+:(\d+)")
_TESTS = Path(__file__).parents[2]


class BrokerFailed(Exception):
    """The broker did not start, or refused a control request."""


class EventHubsBroker:
    """Runs the broker while its `with` block lasts; `hubs` gives each hub's number of partitions."""

    def __init__(self, hubs: Mapping[str, int], *, port: int = 0, idle_timeout_s: float = 120.0):
        self.hubs = dict(hubs)
        self.host = "127.0.0.1"
        self.port = port
        self.control_port = 0
        self._idle_timeout_s = idle_timeout_s
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()

    @property
    def connection_string(self) -> str:
        """Of the namespace: no hub is named."""
        return (
            f"Endpoint=sb://{self.host}:{self.port};SharedAccessKeyName=RootManageSharedAccessKey;"
            "SharedAccessKey=SAS_KEY_VALUE;UseDevelopmentEmulator=true"
        )

    @property
    def pid(self) -> int | None:
        """Process id while it runs."""
        return None if self._process is None else self._process.pid

    def connection_for(self, hub: str) -> str:
        """Connection string of one hub."""
        return f"{self.connection_string};EntityPath={hub}"

    def start(self) -> None:
        """Starts the broker, on the port of its last run; raises BrokerFailed when it does not get ready."""
        command = [sys.executable, "-m", "emulators.event_hubs", "--port", str(self.port)]
        command += ["--control-port", str(self.control_port), "--idle-timeout", str(self._idle_timeout_s)]
        for hub, partitions in self.hubs.items():
            command += ["--hub", f"{hub}={partitions}"]
        environment = os.environ | {"PYTHONPATH": str(_TESTS)}
        self._process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
        output = self._process.stdout
        assert output is not None
        readable, _, _ = select.select([output], [], [], _START_TIMEOUT_S)
        match = _READY.match(output.readline()) if readable else None
        if match is None:
            self.kill()
            raise BrokerFailed(f"The Event Hubs broker did not get ready on port {self.port}, see its error output.")
        self.port, self.control_port = int(match[2]), int(match[3])

    def kill(self) -> None:
        """Ends the broker at once, as a crash would: its events are gone."""
        if self._process is None:
            return
        self._process.kill()
        self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()
        self._process = None

    def state(self) -> dict[str, Any]:
        """Partitions of each hub with their events, sequence numbers and consumers; connections; faults."""
        return self._request("GET", "/state")

    def partition(self, hub: str, partition: int | str) -> dict[str, Any]:
        """State of one partition."""
        state: dict[str, Any] = self.state()["hubs"][hub][int(partition)]
        return state

    def append(
        self, hub: str, partition: int | str, bodies: Sequence[bytes], *, partition_key: str | None = None
    ) -> dict[str, Any]:
        """Stores events without a producer, and returns the partition's state."""
        texts = [base64.b64encode(body).decode() for body in bodies]
        body = {"hub": hub, "partition": str(partition), "bodies": texts, "partition_key": partition_key}
        return self._request("POST", "/append", body)

    def cut(self, count: int | None = None) -> int:
        """Resets connections, all or so many, and says how many."""
        cut: int = self._request("POST", "/cut", {"count": "all" if count is None else count})["cut"]
        return cut

    def refuse(self, seconds: float) -> None:
        """Cuts every new connection for so long; open ones stay."""
        self._request("POST", "/faults", {"refuse_s": seconds})

    def delay(self, seconds: float) -> None:
        """Holds deliveries back by so much, 0 to end it."""
        self._request("POST", "/faults", {"latency_s": seconds})

    def gap(self, hub: str, partition: int | str, skip: int) -> None:
        """Lets the partition's next event leave out so many sequence numbers."""
        self._request("POST", "/faults", {"gap": {"hub": hub, "partition": str(partition), "skip": skip}})

    def drop_send_acks(self, count: int) -> None:
        """Stores the next sends but cuts their connections unacknowledged, so that producers send again."""
        self._request("POST", "/faults", {"drop_send_ack": count})

    def _request(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        connection = http.client.HTTPConnection(self.host, self.control_port, timeout=_CONTROL_TIMEOUT_S)
        try:
            connection.request(method, path, body=None if body is None else json.dumps(body))
            response = connection.getresponse()
            answer: dict[str, Any] = json.loads(response.read())
        finally:
            connection.close()
        if response.status >= 400:
            raise BrokerFailed(answer["error"])
        return answer
