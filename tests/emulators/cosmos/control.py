"""The server's own paths, for tests; they need no authorization.

POST   /_emulator/faults   a list of rules in place of those before; see `faults.Rule`
DELETE /_emulator/faults   no more faults
GET    /_emulator/usage    "requests" and "ru" by container and operation; "faults", each with how often it "struck"
POST   /_emulator/reset    as just started: no databases, no faults, no usage, no shift of the clock
POST   /_emulator/clock    {"shift_s": n}: the server's clock runs n seconds ahead of the machine's
"""

from __future__ import annotations

from typing import Any

import msgspec

from emulators.cosmos.errors import Refused, bad_request
from emulators.cosmos.faults import read_rules
from emulators.cosmos.messages import Reply, Request, encode, refusal
from emulators.cosmos.service import Service

PREFIX = "/_emulator/"


class ClockOrder(msgspec.Struct, forbid_unknown_fields=True):
    """How far the clock is to run ahead, in seconds."""

    shift_s: float


def control(service: Service, request: Request) -> Reply:
    """Answer a request to one of the server's own paths."""
    try:
        answer = _control(service, request)
    except Refused as refused:
        return refusal(refused)
    except msgspec.DecodeError as fault:
        return refusal(bad_request(f"The order {request.target!r} is malformed: {fault}."))
    return Reply(200, encode(answer), (("content-type", "application/json"),))


def _control(service: Service, request: Request) -> Any:
    order = (request.method, request.target.removeprefix(PREFIX))
    if order == ("POST", "faults"):
        service.faults.arm(read_rules(request.body))
    elif order == ("DELETE", "faults"):
        service.faults.arm([])
    elif order == ("GET", "usage"):
        return {**service.usage.report(), "faults": service.faults.report()}
    elif order == ("POST", "reset"):
        service.reset()
    elif order == ("POST", "clock"):
        service.clock.shift_s = msgspec.json.decode(request.body, type=ClockOrder).shift_s
    else:
        raise bad_request(f"{request.method} {request.target!r} is none of the server's own paths.")
    return {}
