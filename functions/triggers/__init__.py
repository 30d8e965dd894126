"""One Blueprint a file: binding in, one service call, binding out.

Annotations here are read by Azure's worker, which knows `typing.List` but refuses `list`.
"""

from __future__ import annotations

from collections.abc import Callable

import azure.functions as func

from functions.application import Application
from functions.triggers import (
    advance,
    correlate_anomalies,
    fan_out,
    http,
    inspect,
    score_readings,
    send_notification,
    work_orders,
)


def register(app: func.FunctionApp, application: Callable[[], Application]) -> func.FunctionApp:
    """Register every trigger on a function app."""
    for trigger in (
        *(score_readings, correlate_anomalies, fan_out, send_notification, work_orders),
        *(advance, inspect, http),
    ):
        app.register_functions(trigger.blueprint(application))
    return app
