"""Faults by order: rules that make the server throttle, fail, dawdle, or hang up."""

from __future__ import annotations

import random
import time
from typing import Annotated, Literal, NamedTuple

import msgspec

from emulators.cosmos.errors import Refused, bad_request
from emulators.cosmos.messages import ITEM_OPERATIONS, Route

Effect = Literal["throttle", "unavailable", "error", "latency", "cut", "drop_reply", "precondition"]
Count = Annotated[int, msgspec.Meta(ge=0)]
Seconds = Annotated[float, msgspec.Meta(ge=0)]
ANY = "*"


class Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whom a fault strikes, and how often.

    Effects: throttle 429, unavailable 503, error 500, precondition 412, all before anything took effect; latency
    answers late by `delay_s`; cut closes the connection before, drop_reply after the operation took effect.
    A rule without `operation` concerns operations on items; "*" is every request in Cosmos DB's paths.
    `after` matching requests pass, then `times` are struck (None: all) with `probability`, for `seconds` since the
    rule was set (None: for good).
    """

    effect: Effect
    method: str | None = None
    operation: str | None = None
    container: str | None = None
    after: Count = 0
    times: Count | None = 1
    seconds: Seconds | None = None
    probability: Annotated[float, msgspec.Meta(ge=0, le=1)] = 1.0
    seed: int = 0
    delay_s: Seconds = 0.5
    retry_after_ms: Count = 100

    def concerns(self, method: str, route: Route) -> bool:
        """Whether a request is one that this rule counts."""
        operation = route.operation in ITEM_OPERATIONS if self.operation is None else self.operation == route.operation
        return (
            (operation or self.operation == ANY)
            and self.method in (None, method)
            and self.container in (None, route.container)
        )


class Strike(NamedTuple):
    """What is done to one request; `rule` is None for nothing, or the one whose effect it suffers after `delay_s`."""

    delay_s: float = 0.0
    rule: Rule | None = None


class _Armed:
    """A rule in force, with its counts."""

    def __init__(self, rule: Rule) -> None:
        self.rule = rule
        self.struck = 0
        self._seen = 0
        self._set_at = time.monotonic()
        self._random = random.Random(rule.seed)

    def strikes(self, method: str, route: Route) -> bool:
        rule = self.rule
        if rule.seconds is not None and time.monotonic() - self._set_at > rule.seconds:
            return False
        if not rule.concerns(method, route):
            return False
        self._seen += 1
        if self._seen <= rule.after or (rule.times is not None and self.struck >= rule.times):
            return False
        hit = self._random.random() < rule.probability
        self.struck += hit
        return hit


class Faults:
    """The rules in force; of those that strike, delays add up and the first other effect counts."""

    def __init__(self) -> None:
        self._armed: list[_Armed] = []

    def arm(self, rules: list[Rule]) -> None:
        """Put rules in force in place of those before; their counts start at zero."""
        self._armed = [_Armed(rule) for rule in rules]

    def strike(self, method: str, route: Route) -> Strike:
        """Decide what happens to a request."""
        delay_s = 0.0
        for armed in self._armed:
            if not armed.strikes(method, route):
                continue
            if armed.rule.effect != "latency":
                return Strike(delay_s, armed.rule)
            delay_s += armed.rule.delay_s
        return Strike(delay_s)

    def report(self) -> list[dict[str, object]]:
        """Each rule with how often it struck."""
        return [{**msgspec.to_builtins(armed.rule), "struck": armed.struck} for armed in self._armed]


def read_rules(body: bytes) -> list[Rule]:
    """Decode a list of rules; raises Refused (400) naming the field at fault."""
    try:
        return msgspec.json.decode(body, type=list[Rule])
    except msgspec.DecodeError as fault:
        raise bad_request(f"The fault rules are not a list of rules: {fault}.") from fault


def refused_by(rule: Rule) -> Refused | None:
    """The answer that a rule gives in the operation's place; None for effects without one."""
    if rule.effect == "throttle":
        return Refused(429, "TooManyRequests", "Throttled by order.", 3200, rule.retry_after_ms)
    answers = {
        "unavailable": (503, "ServiceUnavailable", "Unavailable by order."),
        "error": (500, "InternalServerError", "Failed by order."),
        "precondition": (412, "PreconditionFailed", "Precondition failed by order."),
    }
    return Refused(*answers[rule.effect]) if rule.effect in answers else None
