"""What Twilio's refusals mean: try again, never again, mend a setting, or nobody knows.

Codes: https://www.twilio.com/docs/api/errors. Twilio takes no idempotency key, so a message is made again only where an
answer proves that it was not made.
"""

from __future__ import annotations

import logging
import time
from http import HTTPStatus

from requests import ConnectionError as NotConnected
from requests import ConnectTimeout, RequestException
from twilio.base.exceptions import TwilioException, TwilioRestException
from urllib3.exceptions import MaxRetryError, NameResolutionError, NewConnectionError

from functions.domain.errors import NotSent, Unknown

log = logging.getLogger("metersentry.twilio")

SENDER_AT_FAULT = frozenset({"21212", "21408", "21603", "21606", "21607", "21659", "21660", "21703", "21704", "21705"})
"""Our own number, messaging service or permissions: what holds one message up holds up all."""
TOO_MANY_S = 5
"""Least wait after a 429, before the jitter of whoever tries again: https://www.twilio.com/docs/api/errors/20429."""
SETTING_S = 60
"""Wait while a setting is at fault: somebody has to mend it."""
UNREACHABLE_S = 5

_told: dict[str, float] = {}
"""When operators were last told what, by the monotonic clock."""


def fault_of(fault: Exception, doing: str) -> NotSent | Unknown:
    """What a fault of the SDK or of HTTP says of a message or call; `doing` names it without the number.

    Its own text is not used where it may hold a number.
    """
    if isinstance(fault, TwilioRestException):
        return _refusal(fault, doing)
    if isinstance(fault, ConnectTimeout) or (isinstance(fault, NotConnected) and _never_connected(fault)):
        return NotSent(f"Twilio cannot be reached for {doing}; check the network", retry_after_s=UNREACHABLE_S)
    if isinstance(fault, RequestException | TwilioException | ValueError):
        return Unknown(f"Twilio did not answer {doing} ({type(fault).__name__}); ask it for the message")
    raise fault


def _refusal(fault: TwilioRestException, doing: str) -> NotSent | Unknown:
    status, code = int(fault.status), str(fault.code or "")
    said = f"HTTP {status}" + (f", code {code}" if code else "")
    if status == HTTPStatus.TOO_MANY_REQUESTS or code == "20429":
        return NotSent(
            f"Twilio has too many requests to take {doing}; it waits", retry_after_s=TOO_MANY_S, code=code or "20429"
        )
    if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN) or code == "20003":
        text = f"Twilio refuses the account ({said}); set TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN"
        _tell_operator(text)
        return NotSent(text, retry_after_s=SETTING_S, code=code or "20003")
    if code in SENDER_AT_FAULT:
        text = f"Twilio refuses the sender ({said}); set TWILIO_FROM or TWILIO_MESSAGING_SERVICE_SID to one it may use"
        _tell_operator(text)
        return NotSent(text, retry_after_s=SETTING_S, code=code)
    if HTTPStatus.BAD_REQUEST <= status < HTTPStatus.INTERNAL_SERVER_ERROR and status != HTTPStatus.REQUEST_TIMEOUT:
        return NotSent(f"Twilio refuses {doing} ({said})", permanent=True, code=code)
    return Unknown(f"Twilio failed at {doing} ({said}); ask it for the message")


def _tell_operator(text: str) -> None:
    """Once a minute: in a storm, every message meets the same fault."""
    now = time.monotonic()
    if now - _told.get(text, -SETTING_S) >= SETTING_S:
        _told[text] = now
        log.error(text)


def _never_connected(fault: NotConnected) -> bool:
    """Whether no connection was made, so that nothing can have been heard."""
    cause = fault.args[0] if fault.args else None
    reason = cause.reason if isinstance(cause, MaxRetryError) else cause
    return isinstance(reason, NewConnectionError | NameResolutionError)
