"""`python -m emulators.cosmos`: run the server until Ctrl-C."""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys

from emulators.cosmos.authorization import KEY
from emulators.cosmos.connection import Connection
from emulators.cosmos.service import Service
from emulators.server_process import READY

HOST = "127.0.0.1"


async def serve(port: int, *, until_stdin_closes: bool) -> None:
    """Listen on the loopback address until a signal, or the end of standard input, says stop."""
    loop = asyncio.get_running_loop()
    service, stop = Service(), asyncio.Event()
    server = await loop.create_server(lambda: Connection(service), HOST, port)
    for signum in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(signum, stop.set)
    if until_stdin_closes:
        loop.add_reader(sys.stdin, stop.set)
    sys.stdout.write(f"{READY}http://{HOST}:{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await stop.wait()
    server.close()


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m emulators.cosmos",
        description="A Cosmos DB in memory, for tests, on the loopback address. It prints `ready URL` when it listens.",
        epilog=f"Clients sign with the key {KEY} and set enable_endpoint_discovery=False. "
        "Steer it at /_emulator/faults, /usage, /reset and /clock.",
    )
    parser.add_argument("--port", type=int, default=8081, help="port to listen on, 0 for a free one (default: 8081)")
    parser.add_argument(
        "--until-stdin-closes", action="store_true", help="stop with the process that started it, for use by tests"
    )
    options = parser.parse_args()
    asyncio.run(serve(options.port, until_stdin_closes=options.until_stdin_closes))


if __name__ == "__main__":
    main()
