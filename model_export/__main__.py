"""Command line: `python -m model_export train`, `export`, `verify`, `evaluate`, and the two of restoration times."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from functions.adapters.onnx_scorer import MODELS, OUTPUTS, OnnxScorer
from functions.domain.errors import InputError, ModelMismatch
from model_export.golden import worst
from model_export.restoration.commands import evaluate_restoration, train_restoration
from model_export.terminal import bars, console, need_libraries, one_sentence
from model_export.terminal import stage as stage_bar

if TYPE_CHECKING:
    from collections.abc import Callable

    from functions.adapters.model_manifest import Manifest, Parity
    from model_export.plan import Plan

    Advance = Callable[[float], None]

GOLDEN = Path(__file__).resolve().parent.parent / "tests" / "golden" / "detector.npz"
EVALUATION = Path("out") / "evaluation"
PAGE = Path(__file__).resolve().parent.parent / "docs" / "detection.md"
TRAINED = Path("out") / "training" / "trained.pickle"
TRAINING_LIBRARIES = ("torch", "sklearn", "onnx", "duckdb")

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Train the models, export them to ONNX, prove that an export is right, and measure what it does.",
)
app.command()(train_restoration)
app.command()(evaluate_restoration)


@app.command()
def train(
    data: Annotated[
        Path | None, typer.Option(help="Your own history, parquet or CSV, instead of simulated utilities.")
    ] = None,
    map_: Annotated[list[str] | None, typer.Option("--map", help="KEY=COLUMN of --data, as for `replay`.")] = None,
    interval_s: Annotated[int | None, typer.Option(min=60, help="Interval of --data, where it is not clear.")] = None,
    meters: Annotated[int, typer.Option(min=30, help="Meters of each simulated utility.")] = 700,
    days: Annotated[int, typer.Option(min=14, help="Days simulated.")] = 42,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same model and metrics.")] = 1,
    epochs: Annotated[int, typer.Option(min=1, help="Passes of the networks over their windows.")] = 12,
    out: Annotated[Path, typer.Option(help="Folder of detector.onnx and manifest.json.")] = MODELS,
    golden: Annotated[Path, typer.Option(help="Golden answers, written with the model.")] = GOLDEN,
    trained: Annotated[Path, typer.Option(help="Where the trained parts are kept for `export`.")] = TRAINED,
) -> None:
    """Train, measure, export, verify, and replace the model.

    The old model stays until the new one has proven that its graph says the same as torch and scikit-learn. With the
    defaults it takes about eight minutes on two cores.
    """
    with one_sentence():
        need_libraries(TRAINING_LIBRARIES)
        from model_export import training  # torch is needed by this command alone
        from model_export.export import export as export_model
        from model_export.plan import simulated_plan

        with bars() as progress:
            stage = partial(stage_bar, progress)
            if data is None:
                plan = simulated_plan(meters, days, seed, epochs)
            else:
                plan = _history_plan(data, map_ or [], interval_s, seed, epochs, stage)
            result = training.train(plan, stage)
        result.write(trained)
        manifest = export_model(result, out, golden)
        console.print(_summary(manifest))
        console.print(f"{out / manifest.file}: {(out / manifest.file).stat().st_size / 1e6:.2f} MB")


@app.command()
def export(
    trained: Annotated[Path, typer.Option(help="What `train` kept.")] = TRAINED,
    out: Annotated[Path, typer.Option(help="Folder of detector.onnx and manifest.json.")] = MODELS,
    golden: Annotated[Path, typer.Option(help="Golden answers, written with the model.")] = GOLDEN,
) -> None:
    """Write the model of an earlier training again, with its manifest and golden answers."""
    with one_sentence():
        need_libraries(TRAINING_LIBRARIES)
        from model_export.export import export as export_model
        from model_export.training import Trained

        console.print(_summary(export_model(Trained.read(trained), out, golden)))


@app.command()
def verify(
    models: Annotated[Path, typer.Option(help="Folder of detector.onnx and manifest.json.")] = MODELS,
    golden: Annotated[Path, typer.Option(help="Golden answers written when the model was trained.")] = GOLDEN,
) -> None:
    """Prove that a model is the one of its manifest and still gives its golden answers; needs no torch."""
    from model_export.golden import Golden, holds, parity  # keeps --help quick

    with one_sentence():
        scorer, answers = OnnxScorer.load(models), Golden.read(golden)
        if answers.sha256 != scorer.manifest.sha256:
            raise InputError(
                f"{golden} belongs to model {answers.sha256[:12]}, not {scorer.model_id}; "
                "write both with `python -m model_export train`"
            )
        found = parity(scorer, answers)
        console.print(_parity_table(found))
        if not holds(found):
            raise ModelMismatch(
                f"{models / scorer.manifest.file} differs from its golden answers by more than {found.tolerance:g}; "
                "use the onnxruntime of requirements.txt, or train it again"
            )
        console.print(f"model {scorer.model_id} gives its golden answers")


@app.command()
def evaluate(
    seeds: Annotated[int, typer.Option(min=1, help="Trainings, each on utilities of its own.")] = 3,
    meters: Annotated[
        int, typer.Option(min=30, help="Meters of each simulated utility; measured on three times as many.")
    ] = 500,
    days: Annotated[int, typer.Option(min=14, help="Days simulated.")] = 42,
    epochs: Annotated[int, typer.Option(min=1, help="Passes of the networks over their windows.")] = 12,
    leave_one_out: Annotated[bool, typer.Option(help="Train the head once more without each kind of fault.")] = True,
    out: Annotated[Path, typer.Option(help="Folder of results.json, tables and plots.")] = EVALUATION,
    page: Annotated[Path | None, typer.Option(help="Page whose tables are written anew.", show_default=False)] = PAGE,
) -> None:
    """Measure the detector beside the notebook's and others, on meters and weeks it has not seen.

    Trains a detector for every seed, so it takes about half an hour on two cores; the model in use stays. Real series
    are replayed where the environment variable METERSENTRY_BENCHMARK_DATA names their folder.
    """
    with one_sentence():
        need_libraries(TRAINING_LIBRARIES)
        from local.real_series import benchmark_data, real_series
        from model_export import evaluation
        from model_export.plan import simulated_plan
        from model_export.report import write_docs

        with bars() as progress:
            stage = partial(stage_bar, progress)
            real = real_series(benchmark_data(), out / "replays", stage)
            plans = [simulated_plan(meters, days, seed, epochs) for seed in range(1, seeds + 1)]
            found = evaluation.evaluate(plans, out, stage, leave_one_out, real_series=real)
        if page is not None:
            write_docs(found, page, page.parent / "images")
        console.print(f"{out / 'tables.md'} has the tables, {out} the plots" + (f"; {page} shows them" if page else ""))


def _history_plan(
    data: Path, mapping: list[str], interval_s: int | None, seed: int, epochs: int, stage: Callable[[str], Advance]
) -> Plan:
    from local.columns import parse_mapping
    from model_export.history import read_history
    from model_export.plan import history_plan

    history = read_history(
        data, interval_s=interval_s, mapping=parse_mapping(mapping), advance=stage(f"reading {data.name}")
    )
    if history.left_out:
        console.print(f"{history.left_out} meters left out: another interval, or no possible voltage")
    return history_plan(history.readings, data.name, seed, epochs)


def _parity_table(found: Parity) -> Table:
    table = Table("output", "largest difference", title=f"parity on {found.windows} golden windows")
    for name in OUTPUTS:
        table.add_row(name, f"{getattr(found, name):.1e}")
    return table


def _figure(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _summary(manifest: Manifest) -> Table:
    metrics = manifest.metrics
    table = Table("metric", "value", title=f"model {manifest.sha256[:12]}")
    for name, value in metrics.average_precision.items():
        table.add_row(f"average precision at 2 %, {name} kinds", _figure(value))
    for kind in metrics.kinds:
        delay = "" if kind.median_delay_intervals is None else f", after {kind.median_delay_intervals:g} intervals"
        value = f"AP {_figure(kind.average_precision)}, caught {kind.caught} of {kind.events}{delay}"
        table.add_row(kind.kind, value)
    for name, shares in (("healthy", metrics.healthy), ("voltage only", metrics.healthy_voltage_only)):
        for share in shares:
            table.add_row(f"{name}: share above {share.score:g}", f"{share.observed:.2e} (nominal {share.nominal:.0e})")
    table.add_row(f"false alerts per 1,000 meter-days (budget {metrics.budget:g})", f"{metrics.false_alerts:.2f}")
    table.add_row("clean meter-days they were counted on", f"{metrics.clean_meter_days:,}")
    table.add_row("active latents", f"{metrics.active_latents} of 4")
    table.add_row("largest difference from the reference", f"{worst(manifest.parity):.1e}")
    table.add_row("windows/s, one thread", f"{manifest.windows_per_second:,}")
    return table


if __name__ == "__main__":
    app()
