"""An HTTP emulator as a process of its own, steered over its control address."""

from __future__ import annotations

import http.client
import os
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import msgspec

READY = "ready "
"""What an emulator says before its address when it listens."""
_STOP_WITHIN_S = 5.0
_ANSWER_WITHIN_S = 20.0


class ServerProcess:
    """`with` one of its kind: the module `MODULE` runs on a free port of the loopback address, at `url`."""

    MODULE: str

    def __init__(self) -> None:
        self.url = ""
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, "-m", self.MODULE, "--port", "0", "--until-stdin-closes"],
            env={**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[1])},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line.startswith(READY):
            self._stop()
            raise RuntimeError(f"{self.MODULE} did not start but said {line!r}; run `python -m {self.MODULE}`.")
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

    def set_faults(self, *rules: msgspec.Struct) -> None:
        """Put rules in force in place of those before."""
        self._order("POST", "faults", [msgspec.to_builtins(rule) for rule in rules])

    def shift_clock(self, shift_s: float) -> None:
        """Let the server's clock run `shift_s` seconds ahead of the machine's."""
        self._order("POST", "clock", {"shift_s": shift_s})

    def reset(self) -> None:
        """Be as just started: no data, no faults, no shift of the clock."""
        self._order("POST", "reset")

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
