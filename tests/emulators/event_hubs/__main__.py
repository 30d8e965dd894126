"""Command line: `python -m emulators.event_hubs --hub meter-readings=4`."""

import argparse
import asyncio
import signal
import sys

from .broker import HOST, Broker
from .control import Control
from .hub import Hub

_DEFAULT_PARTITIONS = 4


def main() -> None:
    """Runs the broker until it is interrupted or terminated."""
    arguments = _parser().parse_args()
    hubs = {hub.name.lower(): hub for hub in arguments.hub or [Hub("meter-readings", _DEFAULT_PARTITIONS)]}
    try:
        asyncio.run(_serve(Broker(hubs, arguments.idle_timeout), arguments.port, arguments.control_port))
    except OSError as error:
        sys.exit(f"The broker cannot listen ({error}): choose another --port, or end what uses it.")


async def _serve(broker: Broker, port: int, control_port: int) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    amqp_server, port = await broker.listen(port)
    control_server, control_port = await Control(broker).listen(HOST, control_port)
    print(f"ready amqp://{HOST}:{port} control http://{HOST}:{control_port}", flush=True)
    await stop.wait()
    amqp_server.close()
    control_server.close()
    broker.cut()


def _hub(text: str) -> Hub:
    name, _, partitions = text.partition("=")
    count = partitions or str(_DEFAULT_PARTITIONS)
    if not name or not count.isdecimal() or int(count) < 1:
        raise argparse.ArgumentTypeError(f"'{text}' is no hub, write NAME=PARTITIONS such as meter-readings=4.")
    return Hub(name, int(count))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m emulators.event_hubs",
        description="A loopback Event Hubs broker for tests. Events live in memory and are gone when it ends.",
    )
    parser.add_argument("--port", type=int, default=5672, help="AMQP port, 0 picks a free one (default: 5672)")
    parser.add_argument("--control-port", type=int, default=0, help="HTTP port for faults (default: a free one)")
    parser.add_argument(
        "--hub",
        type=_hub,
        action="append",
        metavar="NAME=PARTITIONS",
        help=f"a hub to serve, may be repeated (default: meter-readings={_DEFAULT_PARTITIONS})",
    )
    parser.add_argument(
        "--idle-timeout",
        type=float,
        default=120.0,
        metavar="SECONDS",
        help="clients must speak so often (default: 120)",
    )
    return parser


if __name__ == "__main__":
    main()
