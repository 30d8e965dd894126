"""MeterSentry on Azure Functions: settings → adapters → services → triggers.

One reading's way: `triggers/score_readings.py` → `services/scoring.py` → `services/states.py` → anomalies → change feed
→ `triggers/correlate_anomalies.py` → incidents → `triggers/fan_out.py` → queue → `triggers/send_notification.py`.
"""

import os
from functools import cache

import azure.functions as func

from functions.application import Application
from functions.ports import Stores, Telemetry
from functions.settings import Settings, cloud
from functions.triggers import register

SETTINGS = Settings.of()
CLOUD = cloud() if SETTINGS.in_cloud else None
"""Read at start, so that a setting at fault is named before the first event."""


@cache
def application() -> Application:
    """Build the application at the first event, so that a cold start indexes quickly."""
    from functions.adapters.channels import Channels
    from functions.adapters.clocks import SystemClock
    from functions.adapters.onnx_scorer import OnnxScorer
    from functions.adapters.phone_numbers import PhoneNumbers
    from functions.adapters.restoration_model import OnnxRestorationModel

    scorer = OnnxScorer.load()
    stores, telemetry = _stores()
    clock = SystemClock()
    channels = Channels.open(SETTINGS.channels, SETTINGS.output, clock)
    return Application.build(
        SETTINGS,
        stores,
        score=scorer,
        prior=scorer.prior,
        alerts_per_window=scorer.alerts_per_window,
        notifiers=channels.notifiers,
        plans=PhoneNumbers(),
        webhooks=channels.webhooks,
        restoration=OnnxRestorationModel(),
        telemetry=telemetry,
        clock=clock,
    )


def _stores() -> tuple[Stores, Telemetry]:
    from functions.adapters.open_telemetry import telemetry

    if CLOUD is None:
        from functions.adapters.sqlite.composition import sqlite_stores

        return sqlite_stores(SETTINGS.sqlite_path, SETTINGS.output), telemetry(os.environ, dict)
    from functions.adapters.azure_stores import AzureStores

    azure = AzureStores.over(CLOUD.cosmos, CLOUD.blobs)
    return azure.stores, telemetry(os.environ, azure.database.usage.take)


app = register(func.FunctionApp(), application)
