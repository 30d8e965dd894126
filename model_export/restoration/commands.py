"""The commands `train-restoration` and `evaluate-restoration`."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from functions.adapters.restoration_model import MODELS
from model_export.terminal import bars, console, need_libraries, one_sentence, stage

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from model_export.restoration.evaluation import Evaluated
    from model_export.restoration.results import Found

LIBRARIES = ("sklearn", "onnx", "duckdb", "matplotlib")
EVALUATION = Path("out") / "restoration"
TIME_ZONE = "America/Los_Angeles"
EventsFile = Annotated[Path, typer.Option(help="Records of outages, parquet or CSV; columns in docs/restoration.md.")]
UpdatesFile = Annotated[
    Path | None, typer.Option(help="Every change of what was published; without it only what was published first.")
]
TimeZone = Annotated[str, typer.Option(help="Of the utility: nights and weekends are slower.")]


def train_restoration(
    events: EventsFile,
    updates: UpdatesFile = None,
    out: Annotated[Path, typer.Option(help="Folder of restoration.onnx and restoration.json.")] = MODELS,
    time_zone: TimeZone = TIME_ZONE,
) -> None:
    """Train the model of restoration times on all records, prove the export, and replace the model.

    To know how well it does on what it has not seen, use `evaluate-restoration`. About five minutes on two cores for
    400,000 outages.
    """
    with one_sentence():
        need_libraries(LIBRARIES)
        from model_export.restoration.events import read_events
        from model_export.restoration.export import export
        from model_export.restoration.fitting import Plan, fit
        from model_export.restoration.known import moments

        with bars() as progress:
            begin = partial(stage, progress)
            known = moments(read_events(events, updates), time_zone, begin("what was known"))
            every = known.now > 0
            boosted = fit(known, every, Plan(), begin("training"))
        manifest = export(boosted, known, every, events.name, out)
        size = (out / manifest.file).stat().st_size / 1e6
        console.print(
            f"{out / manifest.file}: {size:.2f} MB, {manifest.trees} trees, {manifest.outages:,} outages; "
            f"differs from scikit-learn by at most {manifest.parity:.1e} log hours on {manifest.parity_rows:,} rows"
        )


def evaluate_restoration(
    events: EventsFile,
    updates: UpdatesFile = None,
    predictions: Annotated[
        Path | None, typer.Option(help="Write id, start, elapsed_h, q10, q50, q80, q90 (remaining hours) as parquet.")
    ] = None,
    split: Annotated[
        datetime, typer.Option(formats=["%Y-%m-%d"], help="Trained on outages before this day, tested on those after.")
    ] = datetime(2021, 1, 1),  # noqa: DTZ001 - typer wants a naive default; it is taken as UTC
    time_zone: TimeZone = TIME_ZONE,
    out: Annotated[Path, typer.Option(help="Folder of results.json.")] = EVALUATION,
    page: Annotated[Path | None, typer.Option(help="Page whose tables are written anew.")] = None,
    robustness: Annotated[bool, typer.Option(help="Measure also with facts taken away.")] = True,
) -> None:
    """Measure forecasts of restoration times on outages the model has not seen, in the order of time.

    Trains on the outages before the split; if the file has fewer than a thousand of them, the shipped model is
    measured. About five minutes on two cores for 140,000 outages before and after.
    """
    with one_sentence():
        need_libraries(LIBRARIES)
        from model_export.restoration.evaluation import evaluate
        from model_export.restoration.events import read_events
        from model_export.restoration.report import write_page
        from model_export.restoration.results import write_results

        with bars() as progress:
            begin = partial(stage, progress)
            records = read_events(events, updates)
            after = int(split.replace(tzinfo=UTC).timestamp())
            done = evaluate(records, events.name, after, begin, time_zone=time_zone, robustness=robustness)
        write_results(done.found, out)
        if predictions is not None:
            _write_predictions(done, records.id, records.start, predictions)
        if page is not None:
            write_page(done.found, page, page.parent / "images")
        console.print(_table(done.found))


def _write_predictions(done: Evaluated, ids: NDArray[np.int64], start: NDArray[np.int64], path: Path) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    from functions.domain.restoration import Quantiles

    event, hours = done.moments.event[done.tested], done.hours[done.tested]
    columns = {"id": ids[event], "start": start[event], "elapsed_h": done.moments.elapsed_h[done.tested]}
    columns |= dict(zip(Quantiles._fields, hours.T, strict=True))
    path.parent.mkdir(parents=True, exist_ok=True)
    parquet.write_table(pa.table(columns), path)


def _table(found: Found) -> Table:
    from model_export.restoration.measures import EVERY

    table = Table(
        *("elapsed", "outages", "pinball, h", "below constant", "10-90 % covers", "mean error, h", "utility's, h"),
        title=f"{found.source}: {found.model}",
    )
    for each in found.measured:
        if each.group == EVERY:
            table.add_row(
                f"{each.elapsed_h} h, {each.span}" if each.elapsed_h else f"first sight, {each.span}",
                f"{each.outages:,}",
                f"{each.pinball:.3f}",
                f"{each.gain:.1%}",
                f"{each.coverage:.1%}",
                f"{each.mean_error_h:.3f}",
                f"{each.utility_error_h:.3f}",
            )
    return table
