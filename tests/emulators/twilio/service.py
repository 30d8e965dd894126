"""The service: a request comes in, perhaps struck by a fault, and is answered."""

from __future__ import annotations

from typing import NamedTuple

from emulators.twilio.account import Account, route
from emulators.twilio.errors import NOT_FOUND, Refused, not_covered
from emulators.twilio.faults import Faults, Rule, refused_by
from emulators.twilio.reporting import Reporter
from emulators.twilio.resources import shown
from emulators.twilio.wire import Reply, Request, check_credentials

ACCOUNT_SID = "AC" + "0123456789abcdef" * 2
AUTH_TOKEN = "the token of the loopback Twilio"
"""No secret, as the server listens on the loopback address."""
_REPLACED = {"error_after": (500, 20500, "An internal server error has occurred")}


class Answer(NamedTuple):
    """A reply, or None to hang up without one, after a while."""

    reply: Reply | None
    after_s: float = 0.0


class Service:
    """All state of the server, and its answers."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Be as just started."""
        self.account = Account(ACCOUNT_SID)
        self.faults = Faults()
        self.reporter = Reporter(AUTH_TOKEN)
        self.requests: dict[str, int] = {}

    def answer(self, request: Request) -> Answer:
        """Answer one request to Twilio's paths."""
        try:
            kind, sid = route(request.path)
            check_credentials(request, ACCOUNT_SID, AUTH_TOKEN)
            name = f"{request.method} {kind}"
            self.requests[name] = self.requests.get(name, 0) + 1
            if request.method == "GET":
                return self._tell(request, kind, sid)
            if request.method != "POST":
                raise not_covered(request.method)
            if sid:
                raise NOT_FOUND
            return self._make(request, kind)
        except Refused as refused:
            return Answer(Reply.refusal(refused))
        except ValueError as fault:
            return Answer(Reply.refusal(not_covered(str(fault))))

    def _tell(self, request: Request, kind: str, sid: str) -> Answer:
        rule = self.faults.strike("GET", kind, request.query.get("To", [""])[0])
        refused = refused_by(rule, "")
        if refused is not None:
            raise refused
        if rule is not None and rule.effect in ("cut", "drop_reply"):
            return Answer(None)
        found = self.account.fetch(kind, sid) if sid else self.account.page(kind, request.query)
        return Answer(Reply.of(200, found), rule.delay_s if rule is not None and rule.effect == "late" else 0.0)

    def _make(self, request: Request, kind: str) -> Answer:
        form = request.form
        to = form.get("To", [""])[0]
        rule = self.faults.strike("POST", kind, to)
        refused = refused_by(rule, to)
        if refused is not None:
            raise refused
        if rule is not None and rule.effect == "cut":
            return Answer(None)
        resource = self.account.create(kind, form)
        made = Reply.of(201, shown(resource))
        self.reporter.follow(resource, rule)
        return _after(rule, made)


def _after(rule: Rule | None, made: Reply) -> Answer:
    if rule is None:
        return Answer(made)
    if rule.effect == "drop_reply":
        return Answer(None)
    if rule.effect in _REPLACED:
        return Answer(Reply.refusal(Refused(*_REPLACED[rule.effect])))
    return Answer(made, rule.delay_s if rule.effect == "late" else 0.0)
