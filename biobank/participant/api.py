"""Participants, consent and visits over JSON."""

from datetime import datetime

from litestar import Controller, Router, get, post
from litestar.params import FromPath, FromQuery, JSONBody

from biobank.actor import Permission
from biobank.http.deps import Key, Reading, Writing
from biobank.http.paging import After, Limit
from biobank.paging import Page
from biobank.participant import commands, consents, queries, rules, visiting
from biobank.participant.belief import BeliefView, belief
from biobank.participant.queries import ParticipantRow, ParticipantView


class ParticipantController(Controller):
    path = "/participants"
    tags = ("Participants",)

    @get(operation_id="listParticipants", opt={"permission": Permission.PARTICIPANT_READ})
    async def participants(
        self,
        tx: Reading,
        study: FromQuery[str | None] = None,
        site: FromQuery[str | None] = None,
        cohort: FromQuery[str | None] = None,
        status: FromQuery[str | None] = None,
        after: After = 0,
        limit: Limit = 50,
    ) -> Page[ParticipantRow]:
        return await queries.participants(
            tx, study=study, site=site, cohort=cohort, status=status, after=after, limit=limit
        )

    @post(operation_id="enrolParticipant", opt={"permission": Permission.PARTICIPANT_ENROL})
    async def enrol(self, tx: Writing, data: JSONBody[commands.Enrol], key: Key) -> ParticipantView:
        return await tx.once(key, data, ParticipantView, lambda: commands.enrol(tx, data))

    @get("/{code:str}", operation_id="getParticipant", opt={"permission": Permission.PARTICIPANT_READ})
    async def participant(self, tx: Reading, code: FromPath[str]) -> ParticipantView:
        return await queries.participant(tx, code)

    @get("/{code:str}/consents", operation_id="consentBelieved", opt={"permission": Permission.PARTICIPANT_READ})
    async def believed(
        self,
        tx: Reading,
        code: FromPath[str],
        believed_at: FromQuery[datetime | None] = None,
        in_force_at: FromQuery[datetime | None] = None,
    ) -> BeliefView:
        """What was believed at one moment to be in force at another; each is now where it is left out."""
        person = await queries.find_participant(tx, code, Permission.PARTICIPANT_READ)
        return await belief(
            tx,
            person,
            believed_at=rules.with_zone(believed_at, "believed_at"),
            in_force_at=rules.with_zone(in_force_at, "in_force_at"),
        )

    @post("/{code:str}/consents", operation_id="recordConsent", opt={"permission": Permission.CONSENT_RECORD})
    async def consent(
        self, tx: Writing, code: FromPath[str], data: JSONBody[consents.RecordConsent], key: Key
    ) -> ParticipantView:
        return await tx.once(key, data, ParticipantView, lambda: consents.record_consent(tx, code, data), of=code)

    @post(
        "/{code:str}/consents/{consent:int}/entered-in-error",
        operation_id="markConsentInError",
        opt={"permission": Permission.CONSENT_RECORD},
    )
    async def consent_in_error(
        self,
        tx: Writing,
        code: FromPath[str],
        consent: FromPath[int],
        data: JSONBody[consents.MarkConsentInError],
        key: Key,
    ) -> ParticipantView:
        return await tx.once(
            key,
            data,
            ParticipantView,
            lambda: consents.mark_in_error(tx, code, consent, data),
            of=f"{code}/{consent}",
        )

    @post("/{code:str}/visits", operation_id="recordVisit", opt={"permission": Permission.VISIT_RECORD})
    async def visit(
        self, tx: Writing, code: FromPath[str], data: JSONBody[visiting.RecordVisit], key: Key
    ) -> ParticipantView:
        return await tx.once(key, data, ParticipantView, lambda: visiting.record_visit(tx, code, data), of=code)


router = Router("/api/v1", route_handlers=[ParticipantController])
