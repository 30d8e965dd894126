"""Command line: `python -m model_export train` and `python -m model_export verify`."""

from __future__ import annotations

import importlib.util
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from functions.adapters.onnx_scorer import MODELS, OnnxScorer
from functions.domain.errors import InputError, MeterSentryError, ModelMismatch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from functions.adapters.model_manifest import Manifest, Parity

GOLDEN = Path(__file__).resolve().parent.parent / "tests" / "golden" / "detector.npz"
FAILED, WRONG_INPUT = 1, 2
TRAINING_LIBRARIES = ("torch", "sklearn", "onnx")

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Train the anomaly detector on simulated utilities and export it to ONNX, or prove that an export is right.",
)
console = Console()


@app.command()
def train(
    meters: Annotated[int, typer.Option(min=50, help="Meters of each simulated utility.")] = 2000,
    days: Annotated[int, typer.Option(min=3, help="Days simulated; the first day is not trained on.")] = 21,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same model and metrics.")] = 1,
    out: Annotated[Path, typer.Option(help="Folder of detector.onnx and manifest.json.")] = MODELS,
    epochs: Annotated[int, typer.Option(min=1, help="Passes of the autoencoder over the training windows.")] = 12,
    golden: Annotated[Path, typer.Option(help="Golden answers, written with the model.")] = GOLDEN,
) -> None:
    """Train, export, verify, and replace the model.

    Four utilities are simulated: to train on, to calibrate on, to measure false alerts on, and one with faults. The
    old model stays until the new one has proven that its graph says the same as torch and scikit-learn. The defaults
    take about three minutes on two cores.
    """
    with _one_sentence():
        missing = [name for name in TRAINING_LIBRARIES if importlib.util.find_spec(name) is None]
        if missing:
            raise InputError(f"training needs {', '.join(missing)}; install the training extra: make setup-training")
        from model_export import training  # torch is needed by this command alone

        with Progress(
            TextColumn("{task.description:<26}"), BarColumn(), TimeElapsedColumn(), console=console
        ) as progress:
            plan = training.Plan(meters, days, seed, epochs)
            trained = training.train(plan, out, golden, lambda name: _stage(progress, name))
        console.print(_summary(trained.manifest))
        console.print(f"{out / trained.manifest.file}: {trained.model_bytes / 1e6:.2f} MB")


@app.command()
def verify(
    models: Annotated[Path, typer.Option(help="Folder of detector.onnx and manifest.json.")] = MODELS,
    golden: Annotated[Path, typer.Option(help="Golden answers written when the model was trained.")] = GOLDEN,
) -> None:
    """Prove that a model is the one of its manifest and still gives its golden answers; needs no torch."""
    from model_export.golden import Golden, holds, parity  # keeps --help quick

    with _one_sentence():
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


@contextmanager
def _one_sentence() -> Iterator[None]:
    """Errors raised on purpose end the command with their sentence: 2 for what a person gave us, 1 for the rest."""
    try:
        yield
    except (MeterSentryError, OSError) as error:
        Console(stderr=True).print(str(error), style="red", markup=False, highlight=False, soft_wrap=True)
        raise typer.Exit(WRONG_INPUT if isinstance(error, InputError) else FAILED) from None


def _stage(progress: Progress, name: str) -> Callable[[float], None]:
    task = progress.add_task(name, total=1 - 1e-6)  # shares add up to one but for rounding
    return lambda share: progress.advance(task, share)


def _parity_table(found: Parity) -> Table:
    table = Table("output", "largest difference", title=f"parity on {found.windows} golden windows")
    for name in ("score", "contribution", "vae", "forest"):
        table.add_row(name, f"{getattr(found, name):.1e}")
    return table


def _summary(manifest: Manifest) -> Table:
    metrics, parity = manifest.metrics, manifest.parity
    table = Table("metric", "value", title=f"model {manifest.sha256[:12]}")
    for name, shares in (
        ("healthy", metrics.healthy),
        ("in operation", metrics.healthy_in_operation),
        ("voltage only", metrics.healthy_voltage_only),
    ):
        for share in shares:
            table.add_row(f"{name}: share above {share.score:g}", f"{share.observed:.2e} (nominal {share.nominal:.0e})")
    for kind in metrics.faults:
        table.add_row(
            f"{kind.kind} ({kind.meter_events} meter events)",
            f"AP {kind.average_precision:.3f}, recall {kind.recall_model:.0%}, with rules {kind.recall_with_rules:.0%}",
        )
    table.add_row("false windows per 1,000 meter-days", f"{metrics.false_windows_per_1000_meter_days:.2f}")
    table.add_row("active latents", f"{metrics.active_latents} of 3")
    table.add_row("ELBO of healthy windows, nats", f"{metrics.healthy_elbo:.3f}")
    table.add_row("largest difference from the reference", f"{max(parity.score, parity.contribution, parity.vae):.1e}")
    table.add_row("windows/s, one thread", f"{manifest.windows_per_second:,}")
    return table


if __name__ == "__main__":
    app()
