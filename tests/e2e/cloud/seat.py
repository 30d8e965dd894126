"""A seat for one consumer after the other, as a test sees it."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Self

import msgspec
from e2e.cloud.order import Order

ROOT = Path(__file__).resolve().parents[3]
END_S = 20.0


class Seat:
    """`with Seat() as seat:` one consumer at a time lives here."""

    def __init__(self) -> None:
        self.pid = 0
        """Of the life that is lived; 0 when there is none."""

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "e2e.cloud.consumer_process"],
            env={**os.environ, "PYTHONPATH": f"{ROOT / 'tests'}{os.pathsep}{ROOT}"},
            bufsize=0,  # nothing may wait where `select` does not look
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        try:
            self._process.wait(END_S)
        finally:
            self._process.kill()
            self._process.wait()
            self._process.stdout.close()

    def start(self, order: Order) -> None:
        """Begin a life; nothing of the one before is left but its log."""
        assert not self.pid, "somebody lives here"
        assert self._process.stdin is not None
        self._process.stdin.write(msgspec.json.encode(order))
        self._process.stdin.flush()
        self.pid = self._read()

    async def ended(self) -> int:
        """Wait for the end of the life; its exit code, negative for a signal."""
        loop, said = asyncio.get_running_loop(), asyncio.Event()
        loop.add_reader(self._process.stdout, said.set)
        try:
            await said.wait()
        finally:
            loop.remove_reader(self._process.stdout)
        self.pid = 0
        return self._read()

    async def kill(self) -> None:
        """End the life as a power cut does."""
        if self.pid:
            with suppress(ProcessLookupError):  # it was faster
                os.kill(self.pid, signal.SIGKILL)
            await asyncio.wait_for(self.ended(), END_S)

    async def stop(self) -> int:
        """Ask the life to end; returns its exit code."""
        os.kill(self.pid, signal.SIGTERM)
        return await asyncio.wait_for(self.ended(), END_S)

    def memory_mb(self, what: str = "VmRSS") -> float:
        """Resident memory of the life; `VmHWM` is its peak."""
        status = Path(f"/proc/{self.pid}/status").read_text(encoding="ascii")
        return int(status.partition(f"{what}:")[2].split()[0]) / 1024

    def _read(self) -> int:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, "the consumer process is gone; its error output says why"
        return int(line)
