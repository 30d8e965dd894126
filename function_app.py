"""MeterSentry on Azure Functions: settings → adapters → services → triggers.

One reading's way: `triggers/score_readings.py` → `services/scoring.py` → `services/states.py` → anomalies → change feed
→ `triggers/correlate_anomalies.py` → incidents → `triggers/fan_out.py` → queue → `triggers/send_notification.py`.
"""

from functools import cache

import azure.functions as func

from functions.application import Application
from functions.settings import Settings
from functions.triggers import register


@cache
def application() -> Application:
    """Build the application at the first event, so that a cold start indexes quickly."""
    from functions.adapters.clocks import SystemClock
    from functions.adapters.json_lines import JsonLinesNotifier
    from functions.adapters.onnx_scorer import OnnxScorer
    from functions.adapters.sqlite.composition import sqlite_stores
    from functions.adapters.telemetry import LogTelemetry

    settings = Settings.of()
    scorer = OnnxScorer.load()
    return Application.build(
        settings,
        sqlite_stores(settings.sqlite_path, settings.output),
        score=scorer,
        prior=scorer.prior,
        alerts_per_window=scorer.alerts_per_window,
        notifier=JsonLinesNotifier(settings.output / "notifications.jsonl"),
        telemetry=LogTelemetry(),
        clock=SystemClock(),
    )


app = register(func.FunctionApp(), application)
