"""Faults by order: rules that make the server refuse, fail, dawdle, hang up, or report badly."""

from __future__ import annotations

import random
from typing import Annotated, Literal

import msgspec

from emulators.twilio.errors import BROKEN, TOO_MANY, UNAUTHENTICATED, UNAVAILABLE, Refused, bad_number, not_covered
from emulators.twilio.errors import opted_out as opted_out_refusal

Effect = Literal[
    *("throttle", "error", "unavailable", "unauthenticated", "bad_number", "opted_out", "cut"),
    *("drop_reply", "error_after", "late"),
    *("undelivered", "failed", "no_reports", "repeat_reports", "reverse_reports"),
]
Count = Annotated[int, msgspec.Meta(ge=0)]
Seconds = Annotated[float, msgspec.Meta(ge=0)]


class Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whom a fault strikes, and how often.

    Before anything took effect: throttle 429 (20429), error 500 (20500), unavailable 503, unauthenticated 401 (20003),
    bad_number 400 (21211), opted_out 400 (21610), cut closes the connection.
    After the message was made: drop_reply closes the connection, error_after answers 500, late answers after `delay_s`.
    In the reports: undelivered and failed end so with `code`, no_reports sends none, repeat_reports sends each twice,
    reverse_reports the last first.
    A rule concerns requests that create, or with `method` "GET" those that ask; `to` narrows it to one number. `after`
    matching requests pass, then `times` are struck (None: all) with `probability`.
    """

    effect: Effect
    method: Literal["POST", "GET"] = "POST"
    resource: Literal["Messages", "Calls"] | None = None
    to: str | None = None
    code: Count = 30003
    after: Count = 0
    times: Count | None = 1
    probability: Annotated[float, msgspec.Meta(ge=0, le=1)] = 1.0
    seed: int = 0
    delay_s: Seconds = 0.5


class _Armed:
    def __init__(self, rule: Rule) -> None:
        self.rule = rule
        self.struck = 0
        self._seen = 0
        self._random = random.Random(rule.seed)

    def strikes(self, method: str, resource: str, to: str) -> bool:
        rule = self.rule
        if rule.method != method or rule.resource not in (None, resource) or rule.to not in (None, to):
            return False
        self._seen += 1
        if self._seen <= rule.after or (rule.times is not None and self.struck >= rule.times):
            return False
        hit = self._random.random() < rule.probability
        self.struck += hit
        return hit


class Faults:
    """The rules in force; the first that strikes counts."""

    def __init__(self) -> None:
        self._armed: list[_Armed] = []

    def arm(self, rules: list[Rule]) -> None:
        """Put rules in force in place of those before; their counts start at zero."""
        self._armed = [_Armed(rule) for rule in rules]

    def strike(self, method: str, resource: str, to: str) -> Rule | None:
        """The rule that a request suffers."""
        return next((armed.rule for armed in self._armed if armed.strikes(method, resource, to)), None)

    def struck(self) -> list[int]:
        """How often each rule struck, in their order."""
        return [armed.struck for armed in self._armed]


def read_rules(body: bytes) -> list[Rule]:
    """Decode a list of rules; raises Refused naming the field at fault."""
    try:
        return msgspec.json.decode(body, type=list[Rule])
    except msgspec.DecodeError as fault:
        raise not_covered(f"the list of rules ({fault})") from fault


def refused_by(rule: Rule | None, to: str) -> Refused | None:
    """The answer that a rule gives in place of taking the message; None for effects without one."""
    if rule is None:
        return None
    answers = {
        "throttle": TOO_MANY,
        "error": BROKEN,
        "unavailable": UNAVAILABLE,
        "unauthenticated": UNAUTHENTICATED,
        "bad_number": bad_number(to),
        "opted_out": opted_out_refusal(to),
    }
    return answers.get(rule.effect)
