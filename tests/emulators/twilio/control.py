"""The server's own paths, for tests; they need no authentication.

POST   /_emulator/faults    a list of rules in place of those before; see `faults.Rule`
GET    /_emulator/made      every message and call that was made, in order, calls with their `_twiml`
GET    /_emulator/report    `requests` by method and resource, `struck` by rule, `callbacks` by answer, `pending`
POST   /_emulator/webhooks  {"deliver_to": URL, "after_s": n}: where callbacks go in truth, and how soon
POST   /_emulator/inbound   {"url", "from", "to", "body"}: somebody writes to our number; answers `status` and `twiml`
POST   /_emulator/heard     {"from", "body"}: somebody writes STOP or START, and no webhook is called
POST   /_emulator/clock     {"shift_s": n}: the server's clock runs n seconds ahead of the machine's
POST   /_emulator/reset     as just started
"""

from __future__ import annotations

from typing import Any

import msgspec

from emulators.twilio.errors import Refused, not_covered
from emulators.twilio.faults import read_rules
from emulators.twilio.reporting import inbound
from emulators.twilio.service import ACCOUNT_SID, Service
from emulators.twilio.wire import Reply, Request

PREFIX = "/_emulator/"


class Webhooks(msgspec.Struct, forbid_unknown_fields=True):
    """How webhooks are called."""

    deliver_to: str = ""
    after_s: float = 0.02


class Heard(msgspec.Struct, forbid_unknown_fields=True, rename={"sender": "from"}):
    """A word that only Twilio hears."""

    sender: str
    body: str


class ClockOrder(msgspec.Struct, forbid_unknown_fields=True):
    """How far the clock is to run ahead, in seconds."""

    shift_s: float


class Inbound(msgspec.Struct, forbid_unknown_fields=True, rename={"sender": "from"}):
    """A message that somebody writes."""

    url: str
    sender: str
    to: str
    body: str


async def control(service: Service, request: Request) -> Reply:
    """Answer a request to one of the server's own paths."""
    try:
        return Reply.of(200, await _control(service, request))
    except Refused as refused:
        return Reply.refusal(refused)
    except msgspec.DecodeError as fault:
        return Reply.refusal(not_covered(f"the order {request.target} ({fault})"))


async def _control(service: Service, request: Request) -> Any:
    order = (request.method, request.path.removeprefix(PREFIX))
    if order == ("POST", "faults"):
        service.faults.arm(read_rules(request.body))
    elif order == ("GET", "made"):
        return {kind: list(made.values()) for kind, made in service.account.made.items()}
    elif order == ("GET", "report"):
        reporter = service.reporter
        return {
            "requests": service.requests,
            "struck": service.faults.struck(),
            "callbacks": reporter.answers,
            "pending": reporter.pending,
        }
    elif order == ("POST", "webhooks"):
        wanted = msgspec.json.decode(request.body, type=Webhooks)
        service.reporter.deliver_to, service.reporter.after_s = wanted.deliver_to, wanted.after_s
    elif order == ("POST", "inbound"):
        return await _inbound(service, msgspec.json.decode(request.body, type=Inbound))
    elif order == ("POST", "heard"):
        said = msgspec.json.decode(request.body, type=Heard)
        service.account.hear(said.sender, said.body)
    elif order == ("POST", "clock"):
        service.account.shift_s = msgspec.json.decode(request.body, type=ClockOrder).shift_s
    elif order == ("POST", "reset"):
        service.reset()
    else:
        raise not_covered(f"{request.method} {request.target}")
    return {}


async def _inbound(service: Service, said: Inbound) -> dict[str, Any]:
    service.account.hear(said.sender, said.body)
    status, twiml = await service.reporter.post(said.url, inbound(ACCOUNT_SID, said.sender, said.to, said.body))
    return {"status": status, "twiml": twiml}
