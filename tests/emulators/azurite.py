"""Azurite, Microsoft's emulator of Azure Storage, as a subprocess: real blobs and queues, forgotten at the end."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

PROGRAM = Path(__file__).parent / "node_modules" / ".bin" / "azurite"
GIVEN = "METERSENTRY_TEST_STORAGE"
"""A connection string here is used instead of Azurite."""
MISSING = f"Azurite is not installed; run `make setup-emulators`, or set {GIVEN}"
START_S = 30
ACCOUNT = "devstoreaccount1"
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
"""The emulator's account and key are public, and the same everywhere."""


@contextmanager
def storage_account() -> Iterator[str]:
    """A connection string: the one given in the environment, or Azurite's. Skips the test when there is neither."""
    if os.environ.get(GIVEN):
        yield os.environ[GIVEN]
    elif not PROGRAM.exists():
        pytest.skip(MISSING)
    else:
        with Azurite() as azurite:
            yield azurite.connection_string


class Azurite:
    """`with Azurite() as azurite:` runs it on free ports of the loopback address."""

    def __init__(self) -> None:
        self.blob_port, self.queue_port, self._table_port = _free_ports(3)
        self.blob_url = f"http://127.0.0.1:{self.blob_port}/{ACCOUNT}"
        self.queue_url = f"http://127.0.0.1:{self.queue_port}/{ACCOUNT}"

    @property
    def connection_string(self) -> str:
        """As the portal gives it for a real account."""
        return (
            f"DefaultEndpointsProtocol=http;AccountName={ACCOUNT};AccountKey={KEY};"
            f"BlobEndpoint={self.blob_url};QueueEndpoint={self.queue_url};"
        )

    def __enter__(self) -> Azurite:
        ports = {"blob": self.blob_port, "queue": self.queue_port, "table": self._table_port}
        self._process = subprocess.Popen(
            [
                *(str(PROGRAM), "--silent", "--skipApiVersionCheck", "--disableTelemetry", "--inMemoryPersistence"),
                *(text for name, port in ports.items() for text in (f"--{name}Port", str(port))),
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        try:
            for port in ports.values():
                self._wait_for(port)
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._stop()

    def _wait_for(self, port: int) -> None:
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                raise RuntimeError(f"Azurite ended at once: {self._process.communicate()[0].strip()}")
            try:
                socket.create_connection(("127.0.0.1", port)).close()
            except OSError:
                time.sleep(0.05)
            else:
                return
        raise RuntimeError(f"Azurite did not listen on port {port} within {START_S} s")

    def _stop(self) -> None:
        self._process.terminate()
        try:
            self._process.communicate(timeout=5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.communicate()


def _free_ports(count: int) -> list[int]:
    """Ports nobody listens on at the moment, all different."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [int(each.getsockname()[1]) for each in sockets]
    for each in sockets:
        each.close()
    return ports
