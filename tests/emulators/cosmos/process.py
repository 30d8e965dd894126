"""The server as a process of its own, for tests."""

from __future__ import annotations

import http.client
import os
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import msgspec

from emulators.cosmos.authorization import KEY
from emulators.cosmos.faults import Rule

READY = "ready "
_STOP_WITHIN_S = 5.0
_ANSWER_WITHIN_S = 10.0


class CosmosServer:
    """`with CosmosServer() as server:` runs a server on a free port; `url` and `key` are what a client needs.

    The methods are for tests to steer it and to look at what it did; see `control`.
    """

    key = KEY

    def __init__(self) -> None:
        self.url = ""
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        package = Path(__file__).resolve().parents[2]
        self._process = subprocess.Popen(
            [sys.executable, "-m", "emulators.cosmos", "--port", "0", "--until-stdin-closes"],
            env={**os.environ, "PYTHONPATH": str(package)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line.startswith(READY):
            self._stop()
            raise RuntimeError(
                f"The Cosmos DB emulator did not start but said {line!r}; run `python -m emulators.cosmos`."
            )
        self.url = line.removeprefix(READY).strip()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()

    @property
    def pid(self) -> int:
        """The process's id; 0 while there is none."""
        return self._process.pid if self._process is not None else 0

    def set_faults(self, *rules: Rule) -> None:
        """Put rules in force in place of those before."""
        self._order("POST", "faults", [msgspec.to_builtins(rule) for rule in rules])

    def clear_faults(self) -> None:
        """No more faults."""
        self._order("DELETE", "faults")

    def usage(self) -> dict[str, Any]:
        """`requests` and `ru` by container and operation, and `faults` with how often each `struck`."""
        report: dict[str, Any] = self._order("GET", "usage")
        return report

    def reset(self) -> None:
        """Be as just started: no databases, no faults, no usage, no shift of the clock."""
        self._order("POST", "reset")

    def shift_clock(self, shift_s: float) -> None:
        """Let the server's clock run `shift_s` seconds ahead of the machine's; items expire by it."""
        self._order("POST", "clock", {"shift_s": shift_s})

    def struck(self) -> list[int]:
        """How often each rule in force struck, in their order."""
        return [rule["struck"] for rule in self.usage()["faults"]]

    def _order(self, method: str, path: str, body: object = None) -> Any:
        connection = http.client.HTTPConnection(self.url.removeprefix("http://"), timeout=_ANSWER_WITHIN_S)
        try:
            connection.request(method, f"/_emulator/{path}", None if body is None else msgspec.json.encode(body))
            response = connection.getresponse()
            answer = msgspec.json.decode(response.read())
        finally:
            connection.close()
        if response.status != http.HTTPStatus.OK:
            raise ValueError(answer["message"])
        return answer

    def _stop(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.terminate()
        try:
            process.wait(_STOP_WITHIN_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                stream.close()
