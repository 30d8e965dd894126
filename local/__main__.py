"""`python -m local`: MeterSentry on one machine."""

from __future__ import annotations

import asyncio
import logging
import sys
from pathlib import Path
from typing import Annotated, Optional

import typer

from functions.domain.errors import InputError, MeterSentryError, SettingError
from local import customers
from local.capacity_page import capacity
from local.dead_letters import app as dead_letters
from local.incident_evaluation.command import evaluate_incidents
from local.indices import indices

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Watch smart meters on one machine: the product that runs in Azure, on SQLite.",
)
app.command()(capacity)
app.add_typer(dead_letters, name="dead-letters")
app.add_typer(customers.app, name="customers")

USAGE_ERROR, FAILED_RUN = 2, 1

Out = Annotated[Path, typer.Option("--out", help="Folder for results; made when missing.", file_okay=False)]
Files = Annotated[list[Path], typer.Argument(help="Parquet or CSV files with meter readings.", show_default=False)]
Mapping = Annotated[
    Optional[list[str]],  # noqa: UP045  # typer reads this at run time
    typer.Option(
        "--map",
        metavar="NAME=COLUMN",
        help="Where to find a column: the name of one in the file, or an SQL expression over its columns,"
        " as in --map energy_kwh=power_w/60000 --map interval_s=60. Repeat for each.",
    ),
]
ContextFile = Annotated[Optional[Path], typer.Option(help="CSV file.", dir_okay=False)]  # noqa: UP045  # as above


@app.command()
def demo(
    meters: Annotated[int, typer.Option(help="Meters of the simulated utility.", min=1)] = 2000,
    days: Annotated[int, typer.Option(help="Simulated days.", min=1)] = 7,
    seed: Annotated[int, typer.Option(help="The same seed gives the same utility.", min=0)] = 7,
    out: Out = Path("out/demo"),
) -> None:
    """Simulate a utility with faults and theft, watch it, and show what was found against the truth."""
    from local import demo as demonstration
    from local.console import progress_bar, show_demo
    from simulator import Scenario

    scenario = Scenario(meters=meters, days=days, seed=seed)
    utility = demonstration.prepare(scenario, out)
    with progress_bar("watching", demonstration.steps(scenario)) as progress:
        result = asyncio.run(demonstration.run(utility, out, progress))
    show_demo(result, out)


@app.command("demo-cloud")
def demo_cloud(
    meters: Annotated[int, typer.Option(help="Meters of the simulated utility.", min=1)] = 1000,
    days: Annotated[int, typer.Option(help="Simulated days.", min=1)] = 3,
    seed: Annotated[int, typer.Option(help="The same seed gives the same utility.", min=0)] = 7,
    out: Out = Path("out/demo-cloud"),
) -> None:
    """Run the demo over Event Hubs, Cosmos DB and Storage, through the real SDKs; `make demo-cloud` emulates them.

    The settings are those of `consume`. The services should be empty: what an earlier run left there would be taken in.
    """
    from functions.settings import cloud
    from local import demo_cloud as demonstration
    from local.console import progress_bar, show_cloud_demo
    from local.demo import prepare, steps
    from simulator import Scenario

    links, scenario = cloud(), Scenario(meters=meters, days=days, seed=seed)
    utility = prepare(scenario, out)
    _log_our_own()
    with progress_bar("watching", steps(scenario)) as progress:
        result = asyncio.run(demonstration.run(utility, links, out, progress))
    show_cloud_demo(result, out)


@app.command()
def replay(
    files: Files,
    out: Out = Path("out/replay"),
    store: Annotated[
        str, typer.Option(help="sqlite:///PATH keeps the state; the same store again continues it.", metavar="URL")
    ] = "",
    mapping: Mapping = None,
    roster: ContextFile = None,
    work_orders: ContextFile = None,
    weather: ContextFile = None,
    device_events: ContextFile = None,
) -> None:
    """Run history files through the product and write scores, anomalies, incidents, messages and an inspection list.

    Files have the columns meter_id (or customer_id), feeder_id, timestamp (naive = UTC), voltage_v, energy_kwh and
    optionally transformer_id, nominal_voltage_v, customer_type and interval_s. They need not be in time order, nor fit
    in memory. CSV files tell what the utility knew at the time: --roster, --work-orders (each known from its issued_at
    on), --weather and --device-events; docs/replay.md has their columns and an example.
    """
    from local import replay as replaying
    from local.columns import parse_mapping
    from local.console import progress_bar, show_replay, status
    from local.history import History
    from local.surroundings import ContextFiles, Surroundings

    path, known = _store_path(store), ContextFiles(roster, work_orders, weather, device_events)
    with status("reading"):
        history = History(files, parse_mapping(mapping or []))
    with history:
        surroundings = None
        if known != ContextFiles():
            with status("reading what was known"):
                surroundings = asyncio.run(Surroundings.read(known, history.meters))
        with progress_bar("replaying", history.rows) as progress:
            summary = asyncio.run(replaying.replay(history, out, path, progress, surroundings))
    show_replay(summary, out)


@app.command()
def push(
    file: Annotated[Path, typer.Argument(help="Parquet or CSV file with meter readings.", show_default=False)],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Pack and count, send nothing.")] = False,
    connection: Annotated[
        str, typer.Option(help="Event Hubs connection string.", envvar="EVENTHUB_CONNECTION_STRING", metavar="STRING")
    ] = "",
    namespace: Annotated[
        str,
        typer.Option(
            help="Instead of a connection string: the namespace, reached with your own identity.",
            metavar="NAME.servicebus.windows.net",
        ),
    ] = "",
    hub: Annotated[str, typer.Option(help="Event hub to send to.")] = "meter-readings",
    mapping: Mapping = None,
) -> None:
    """Pack a file into events of one feeder each (at most 500 readings, 1 MB), as a utility sends them."""
    from functions.ports import Link
    from local import push as pushing
    from local.columns import parse_mapping
    from local.console import progress_bar, show_push, status
    from local.history import History

    if not dry_run and not connection and not namespace:
        raise typer.BadParameter("give --dry-run, --connection STRING or --namespace NAME", param_hint="--connection")
    link = Link(address=namespace) if namespace else Link(connection=connection)
    with status("reading"):
        history = History([file], parse_mapping(mapping or []))
    with history, progress_bar("packing" if dry_run else "sending", history.rows) as progress:
        counts = pushing.push(history, None if dry_run else pushing.sender(link, hub), progress)
    show_push(counts, sent=not dry_run)


@app.command()
def serve(
    store: Annotated[
        str, typer.Option(help="sqlite:///PATH keeps the state.", metavar="URL", envvar="METERSENTRY_STORE")
    ] = "sqlite:///out/serve/metersentry.db",
    out: Annotated[
        Path, typer.Option("--out", help="Folder for results; made when missing.", envvar="METERSENTRY_OUT")
    ] = Path("out/serve"),
    port: Annotated[int, typer.Option(help="Port on 127.0.0.1.", min=0, max=65535)] = 7071,
) -> None:
    """Run until Ctrl-C: HTTP under /api, timers on the real clock, events accepted at POST /local/events."""
    from local.serve import serve as serving

    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    serving(_store_path(store), out, port)


@app.command()
def consume(
    out: Annotated[
        Path, typer.Option("--out", help="Folder for messages; made when missing.", envvar="METERSENTRY_OUT")
    ] = Path("out/consume"),
    timers: Annotated[bool, typer.Option(help="Also do what is due by the clock, in one process of all.")] = True,
) -> None:
    """Run the product in a container, without the Functions host, until SIGTERM or Ctrl-C.

    Readings come from Event Hubs, state is in Cosmos DB; any number of processes share the work. The settings are those
    of the function app: EventHubConnection__fullyQualifiedNamespace, COSMOS__accountEndpoint and
    AzureWebJobsStorage__accountName, or, for emulators, connection strings in the names without an ending.
    """
    from functions.settings import Settings, cloud
    from local.consume import run

    _log_our_own()
    asyncio.run(run(Settings.of(), cloud(), out, timers=timers))


@app.command()
def provision() -> None:
    """Create database, containers and queue in emulators; in Azure the templates in infra/ do it."""
    from functions.settings import cloud
    from local.cloud import provision as provisioning

    for line in asyncio.run(provisioning(cloud())):
        typer.echo(f"there is now: {line}")


@app.command()
def bench(
    out: Annotated[Path, typer.Option("--out", help="JSON file for the figures.")] = Path("out/bench.json"),
    quick: Annotated[bool, typer.Option("--quick", help="Small sizes, to see that it runs.")] = False,
) -> None:
    """Measure readings per second from event body to committed state, beside the notebook's per-reading detector."""
    from local.bench import run

    run(out, quick=quick)


@app.command("bench-cloud")
def bench_cloud(
    out: Annotated[Path, typer.Option("--out", help="JSON file for the figures.")] = Path("out/bench-cloud.json"),
    quick: Annotated[bool, typer.Option("--quick", help="Small sizes, to see that it runs.")] = False,
) -> None:
    """Measure the consumer over Event Hubs and Cosmos DB; the settings are those of `consume`, the services empty."""
    from functions.settings import cloud
    from local.bench_cloud import run

    _log_our_own()
    run(cloud(), out, quick=quick)


app.command()(indices)
app.command()(evaluate_incidents)


def _log_our_own() -> None:
    """The product's lines and everybody's warnings: the SDKs tell of every request at lower levels."""
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    for ours in ("metersentry", "functions", "local"):
        logging.getLogger(ours).setLevel(logging.INFO)


def _store_path(store: str) -> Path | str:
    from functions.settings import Settings

    return Settings(store=store).sqlite_path if store else ":memory:"


def main() -> None:
    """Run the command line; an expected fault is one sentence."""
    try:
        app()
    except (InputError, SettingError) as fault:
        typer.echo(f"error: {fault}", err=True)
        sys.exit(USAGE_ERROR)
    except MeterSentryError as fault:
        typer.echo(f"error: {fault}", err=True)
        sys.exit(FAILED_RUN)
    except OSError as fault:
        typer.echo(
            f"error: {fault.strerror or fault}: {fault.filename or 'a file'}; check the path and its rights", err=True
        )
        sys.exit(FAILED_RUN)


if __name__ == "__main__":
    main()
