"""What an operator does to an incident: acknowledge it, judge it, tell what is known. Every action is on record."""

from __future__ import annotations

from typing import Literal, Protocol

import msgspec

from functions.domain.documents import Document, moment, read_as
from functions.domain.errors import RejectedDocument
from functions.domain.incidents import Incident
from functions.ports import Clock, IncidentStore
from functions.services.audit import AuditService

FACT_CHARACTERS = 64


class Judgement(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whether it was real; the feeder's alarm profile learns from it."""

    verdict: Literal["confirmed", "false_alarm"]


class Facts(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What has become known of an incident; what is absent stays as it was."""

    cause: str | None = None
    crew_status: str | None = None
    utility_estimate: int | None = None
    """The utility's own estimate of restoration, seconds since the epoch, UTC."""

    @classmethod
    def of(cls, document: Document) -> Facts:
        """The facts a person sent; raises `RejectedDocument` naming the field at fault."""
        estimate = document.get("utility_estimate")
        told = {**document, "utility_estimate": None if estimate is None else moment("utility_estimate", estimate)}
        facts = read_as(cls, told)
        if not facts.known:
            raise RejectedDocument("body", "has none of cause, crew_status and utility_estimate; send at least one")
        for field in ("cause", "crew_status"):
            text = getattr(facts, field)
            if text is not None and not (0 < len(text.strip()) <= FACT_CHARACTERS and text.isprintable()):
                raise RejectedDocument(field, f"is no short text; send 1 to {FACT_CHARACTERS} printable characters")
        return facts

    @property
    def known(self) -> dict[str, str]:
        """What is told, by field, as text for the record."""
        return {field: str(value) for field, value in msgspec.structs.asdict(self).items() if value is not None}


class IncidentActions(Protocol):
    """Correlation's part: each commits a new revision of an incident and returns it."""

    async def acknowledge(self, feeder_id: str, incident_id: str, by: str, at: int) -> Incident:
        """Note that somebody looks after it."""
        ...

    async def judge(self, feeder_id: str, incident_id: str, verdict: str, by: str, at: int) -> Incident:
        """Note whether it was real."""
        ...

    async def inform(
        self,
        feeder_id: str,
        incident_id: str,
        *,
        cause: str | None = None,
        crew_status: str | None = None,
        utility_estimate: int | None = None,
    ) -> Incident:
        """Note what has become known."""
        ...


class IncidentActionService:
    """Actions by incident id. Each returns the new revision, or None when there is no incident of that id."""

    def __init__(
        self, incidents: IncidentStore, correlation: IncidentActions, audit: AuditService, clock: Clock
    ) -> None:
        self._incidents = incidents
        self._correlation = correlation
        self._audit = audit
        self._clock = clock

    async def acknowledge(self, incident_id: str, by: str) -> Incident | None:
        """Somebody looks after it: it is not escalated any further."""
        incident = await self._incidents.find(incident_id)
        if incident is None:
            return None
        async with self._audit.action(by, "acknowledge", incident_id):
            return await self._correlation.acknowledge(incident.feeder_id, incident_id, by, self._clock.now())

    async def judge(self, incident_id: str, judgement: Judgement, by: str) -> Incident | None:
        """It was real, or it was not."""
        incident = await self._incidents.find(incident_id)
        if incident is None:
            return None
        verdict = judgement.verdict
        async with self._audit.action(by, "verdict", incident_id, {"verdict": verdict}):
            return await self._correlation.judge(incident.feeder_id, incident_id, verdict, by, self._clock.now())

    async def inform(self, incident_id: str, facts: Facts, by: str) -> Incident | None:
        """What has become known of it: cause, crew, the utility's own estimate."""
        incident = await self._incidents.find(incident_id)
        if incident is None:
            return None
        async with self._audit.action(by, "facts", incident_id, facts.known):
            return await self._correlation.inform(
                incident.feeder_id,
                incident_id,
                cause=facts.cause,
                crew_status=facts.crew_status,
                utility_estimate=facts.utility_estimate,
            )
