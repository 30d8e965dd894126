"""Every minute → what happens because time passes."""

from __future__ import annotations

import logging
from collections.abc import Callable

import azure.functions as func

from functions.application import Application

log = logging.getLogger(__name__)


def blueprint(application: Callable[[], Application]) -> func.Blueprint:
    """The trigger, bound to an application that is built at the first call."""
    bp = func.Blueprint()

    @bp.function_name("advance")
    @bp.timer_trigger(arg_name="timer", schedule="0 * * * * *", use_monitor=True)
    async def advance(timer: func.TimerRequest) -> None:
        report = await application().advancing.advance()
        if any(vars(report).values()):
            done = vars(report).values()
            log.info("%d silent, %d flushed, %d released, %d announced, %d messages, late: %s", *done, timer.past_due)

    return bp
