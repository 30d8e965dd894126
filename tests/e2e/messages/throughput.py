"""How many messages a second one process hands to Twilio's loopback server, everything recorded, no faults.

`PYTHONPATH=tests:. python -m e2e.messages.throughput [COUNT]`
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from e2e.messages.sender_process import customer
from emulators.twilio import TwilioServer

from functions.adapters.sqlite.composition import sqlite_stores
from functions.adapters.sqlite.database import Database
from functions.ports import Stores

COUNT = 4_000
Result = TypeVar("Result")


def over(store: Path, use: Callable[[Stores], Result]) -> Result:
    """Use the stores of a file."""
    database = Database(store)
    try:
        return use(sqlite_stores(database, store.parent))
    finally:
        database.close()


def main(count: int) -> None:
    """Send `count` messages and print the rate, the start of the process included."""
    with tempfile.TemporaryDirectory() as folder, TwilioServer() as twilio:
        store = Path(folder) / "messages.db"
        over(store, lambda stores: asyncio.run(stores.customers.put([customer(number) for number in range(count)])))
        arguments = [str(store), twilio.url, "0", str(count), str(int(time.time()))]
        began = time.monotonic()
        subprocess.run(
            [sys.executable, "-m", "e2e.messages.sender_process", *arguments], env=dict(os.environ), check=True
        )
        took = time.monotonic() - began
        told = over(store, lambda stores: asyncio.run(stores.deliveries.counts()))
    sys.stdout.write(f"{told}: {count / took:.0f} messages a second\n")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else COUNT)
