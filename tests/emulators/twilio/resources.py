"""Messages and Calls: what a request must say, and how Twilio shows what it made of it."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any
from uuid import uuid4
from xml.etree import ElementTree as ET

from emulators.twilio.errors import Refused, bad_number, not_covered
from emulators.twilio.wire import Fields

Resource = dict[str, Any]
VERSION = "2010-04-01"
LONGEST_BODY = 1_600
LONGEST_TWIML = 4_000
_E164 = re.compile(r"\+[1-9]\d{6,14}")
MESSAGE_FIELDS = frozenset({"To", "From", "MessagingServiceSid", "Body", "StatusCallback", "ValidityPeriod"})
CALL_FIELDS = frozenset({"To", "From", "Twiml", "Timeout", "StatusCallback", "StatusCallbackEvent"})
_UNICODE_BEYOND = 127
"""A rough measure of segments is enough here: what is within ASCII takes the longer ones."""


def create(kind: str, account_sid: str, form: Fields, shift_s: float = 0.0) -> Resource:
    """Check the fields of a request and make the resource; raises Refused as Twilio words it."""
    made = _message(account_sid, form) if kind == "Messages" else _call(account_sid, form)
    return {**made, **dict.fromkeys(("date_created", "date_updated"), rfc_2822(shift_s))}


def _message(account_sid: str, form: Fields) -> Resource:
    said = _single(form, MESSAGE_FIELDS)
    _check_to(said)
    if not said.get("From") and not said.get("MessagingServiceSid"):
        raise Refused(400, 21603, "A 'From' phone number is required.")
    if said.get("From") and not _E164.fullmatch(said["From"]):
        raise Refused(400, 21212, f"Invalid From Number (caller ID): {said['From']}")
    body = said.get("Body", "")
    if not body:
        raise Refused(400, 21602, "Message body is required.")
    if len(body) > LONGEST_BODY:
        raise Refused(400, 21617, "The concatenated message body exceeds the 1600 character limit")
    if not 1 <= int(said.get("ValidityPeriod", "36000")) <= 36_000:
        raise Refused(400, 21624, "ValidityPeriod is invalid")
    by_service = bool(said.get("MessagingServiceSid"))
    wide = any(ord(letter) > _UNICODE_BEYOND for letter in body)
    return {
        **_common("SM", "Messages", account_sid, said),
        "body": body,
        "status": "accepted" if by_service else "queued",
        "direction": "outbound-api",
        "num_segments": "0" if by_service else str(-(-len(body) // (67 if wide else 153))),
        "num_media": "0",
        "messaging_service_sid": said.get("MessagingServiceSid"),
        "date_sent": None,
        "error_code": None,
        "error_message": None,
        "tags": None,
    }


def _call(account_sid: str, form: Fields) -> Resource:
    said = _single({name: values for name, values in form.items() if name != "StatusCallbackEvent"}, CALL_FIELDS)
    _check_to(said)
    if not said.get("From"):
        raise Refused(400, 21213, "'From' is required.")
    twiml = said.get("Twiml", "")
    if not twiml:
        raise Refused(400, 21205, "Url parameter is required.")
    if len(twiml) > LONGEST_TWIML:
        raise Refused(400, 21218, "Twiml is too long")
    try:
        ET.fromstring(twiml)
    except ET.ParseError as fault:
        raise Refused(400, 12100, f"Document parse failure: {fault}") from fault
    nothing_yet = ("parent_call_sid", "start_time", "end_time", "duration", "answered_by", "forwarded_from")
    nothing_ever = ("group_sid", "caller_name", "trunk_sid")
    return {
        **_common("CA", "Calls", account_sid, said),
        **dict.fromkeys((*nothing_yet, *nothing_ever)),
        "status": "queued",
        "direction": "outbound-api",
        "to_formatted": said["To"],
        "from_formatted": said["From"],
        "phone_number_sid": f"PN{uuid4().hex}",
        "queue_time": "0",
        "_twiml": twiml,
    }


def _common(prefix: str, kind: str, account_sid: str, said: dict[str, str]) -> Resource:
    sid = f"{prefix}{uuid4().hex}"
    uri = f"/{VERSION}/Accounts/{account_sid}/{kind}/{sid}"
    below = ("media", "feedback") if kind == "Messages" else ("notifications", "recordings", "events")
    return {
        "sid": sid,
        "account_sid": account_sid,
        "api_version": VERSION,
        "to": said["To"],
        "from": said.get("From"),
        "price": None,
        "price_unit": "USD",
        "uri": f"{uri}.json",
        "subresource_uris": {name: f"{uri}/{name.capitalize()}.json" for name in below},
        "_status_callback": said.get("StatusCallback", ""),
    }


def shown(resource: Resource) -> Resource:
    """As Twilio shows it."""
    return {name: value for name, value in resource.items() if not name.startswith("_")}


def rfc_2822(shift_s: float = 0.0) -> str:
    """This moment, or one so much later, as Twilio writes it."""
    return format_datetime(datetime.now(UTC) + timedelta(seconds=shift_s))


def _check_to(said: dict[str, str]) -> None:
    to = said.get("To", "")
    if not to:
        raise Refused(400, 21604, "A 'To' phone number is required.")
    if not _E164.fullmatch(to):
        raise bad_number(to)
    url = said.get("StatusCallback")
    if url is not None and not re.match(r"https?://[^/\s]+", url):
        raise Refused(400, 21609, f"The 'StatusCallback' URL {url} is not a valid URL.")


def _single(form: Fields, covered: frozenset[str]) -> dict[str, str]:
    unknown = sorted(set(form) - covered)
    if unknown:
        raise not_covered(f"the field {unknown[0]}")
    repeated = sorted(name for name, values in form.items() if len(values) > 1)
    if repeated:
        raise not_covered(f"a repeated {repeated[0]}")
    return {name: values[0] for name, values in form.items()}
