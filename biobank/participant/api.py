"""Participants, consent and visits over JSON."""

from litestar import Controller, Router, get, post
from litestar.params import FromPath, FromQuery, JSONBody

from biobank.actor import Permission
from biobank.http.deps import Key, Reading, Writing
from biobank.http.paging import After, Limit
from biobank.paging import Page
from biobank.participant import commands, queries, visiting
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

    @post("/{code:str}/consents", operation_id="recordConsent", opt={"permission": Permission.CONSENT_RECORD})
    async def consent(
        self, tx: Writing, code: FromPath[str], data: JSONBody[commands.RecordConsent], key: Key
    ) -> ParticipantView:
        return await tx.once(key, data, ParticipantView, lambda: commands.record_consent(tx, code, data), of=code)

    @post("/{code:str}/withdrawals", operation_id="withdrawParticipant", opt={"permission": Permission.CONSENT_RECORD})
    async def withdraw(
        self, tx: Writing, code: FromPath[str], data: JSONBody[commands.Withdraw], key: Key
    ) -> ParticipantView:
        return await tx.once(key, data, ParticipantView, lambda: commands.withdraw(tx, code, data), of=code)

    @post("/{code:str}/visits", operation_id="recordVisit", opt={"permission": Permission.VISIT_RECORD})
    async def visit(
        self, tx: Writing, code: FromPath[str], data: JSONBody[visiting.RecordVisit], key: Key
    ) -> ParticipantView:
        return await tx.once(key, data, ParticipantView, lambda: visiting.record_visit(tx, code, data), of=code)


router = Router("/api/v1", route_handlers=[ParticipantController])
