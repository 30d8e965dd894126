"""Every morning → the ranked inspection report."""

from __future__ import annotations

import logging
from collections.abc import Callable

import azure.functions as func

from functions.application import Application

log = logging.getLogger(__name__)


def blueprint(application: Callable[[], Application]) -> func.Blueprint:
    """The trigger, bound to an application that is built at the first call."""
    bp = func.Blueprint()

    @bp.function_name("inspect")
    @bp.timer_trigger(arg_name="timer", schedule="0 0 5 * * *", use_monitor=True)
    async def inspect(timer: func.TimerRequest) -> None:
        report = await application().inspection.publish()
        log.info("%d of %d meters listed, late: %s", len(report.ranked), report.meters_watched, timer.past_due)

    return bp
