"""Participants and tubes for tests of later slices, made by direct inserts so that those tests stand on their own
feet.
"""

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from sqlalchemy import select

from biobank import ids
from biobank.access.rules import ROLES
from biobank.actor import Actor, Grant
from biobank.db import Database
from biobank.participant.models import Consent, ConsentDecision, Participant, Visit
from biobank.specimen.custody import WithHolder, begin_custody
from biobank.specimen.models import CollectionEvent, Specimen
from biobank.specimen.quantity import Posting, post
from biobank.study.models import ConsentDocument, ConsentScope, Site, Study, VisitType
from biobank.tx import Tx, open_tx
from tests.world import USERS, World


@dataclass(frozen=True)
class Material:
    """A participant with tubes of one type, held by `holder` at `site`."""

    participant: str
    participant_id: int
    tubes: tuple[str, ...]
    tube_ids: tuple[int, ...]


async def actor(database: Database, world: World, username: str) -> Actor:
    """The actor that a user of the world is, for calling commands directly."""
    role, study, site = USERS[username]
    async with database.engine.connect() as connection:
        study_id = (await connection.execute(select(Study.id).where(Study.code == study))).scalar_one_or_none()
        site_id = (await connection.execute(select(Site.id).where(Site.code == site))).scalar_one_or_none()
    return Actor(world.user_ids[username], username, username, (Grant(role, ROLES[role], study_id, site_id),))


async def make_material(
    database: Database,
    world: World,
    *,
    tubes: int = 3,
    holder: str = "technician",
    study: str = "LLS",
    site: str = "CHI",
    at: str = "LAB",
    specimen_type: str = "SER",
    tube_type: str = "CRYO05",
    quantity: Decimal = Decimal(500),
    consented: bool = True,
) -> Material:
    """A consented participant of `site` with a baseline visit and `tubes` primary tubes that lie with `holder` at
    `at`.
    """
    async with open_tx(database, await actor(database, world, holder)) as tx:
        return await _make(tx, world, tubes, holder, study, site, at, specimen_type, tube_type, quantity, consented)


async def _make(
    tx: Tx,
    world: World,
    tubes: int,
    holder: str,
    study: str,
    site: str,
    at: str,
    specimen_type: str,
    tube_type: str,
    quantity: Decimal,
    consented: bool,
) -> Material:
    one = lambda column, value: select(column.class_.id).where(column == value)  # noqa: E731
    study_id = (await tx.session.execute(one(Study.code, study))).scalar_one()
    site_id = (await tx.session.execute(one(Site.code, site))).scalar_one()
    at_id = (await tx.session.execute(one(Site.code, at))).scalar_one()
    day = (tx.now - timedelta(days=40)).date()
    code = ids.mint(ids.Kind.PARTICIPANT)
    (participant_id,) = await tx.insert(
        Participant, [{"code": code, "study_id": study_id, "site_id": site_id, "enrolled_on": day, "t0": day}]
    )
    if consented:
        document = (
            await tx.session.execute(select(ConsentDocument.id).where(ConsentDocument.study_id == study_id))
        ).scalar_one()
        signed = tx.now - timedelta(days=40)
        given = {
            "participant_id": participant_id,
            "study_id": study_id,
            "document_id": document,
            "signed_at": signed,
            "effective_from": signed,
        }
        (consent,) = await tx.insert(Consent, [{**given, "recorded_by": tx.actor.user_id}])
        scopes = (await tx.session.execute(select(ConsentScope.code))).scalars().all()
        await tx.insert(
            ConsentDecision, [{"consent_id": consent, "scope_code": scope, "decision": "granted"} for scope in scopes]
        )
    kind = (
        await tx.session.execute(select(VisitType.id).where(VisitType.study_id == study_id, VisitType.code == "BASE"))
    ).scalar_one()
    (visit,) = await tx.insert(
        Visit,
        [
            {
                "participant_id": participant_id,
                "study_id": study_id,
                "site_id": site_id,
                "visit_type_id": kind,
                "status": "done",
                "occurred_on": day,
            }
        ],
    )
    (collection,) = await tx.insert(
        CollectionEvent,
        [
            {
                "visit_id": visit,
                "participant_id": participant_id,
                "collected_at": tx.now - timedelta(days=40),
                "timezone": "America/Chicago",
                "recorded_by": tx.actor.user_id,
            }
        ],
    )
    codes = tuple(ids.mint(ids.Kind.TUBE) for _ in range(tubes))
    common = {
        "study_id": study_id,
        "site_id": site_id,
        "participant_id": participant_id,
        "collection_event_id": collection,
    }
    made = await tx.insert(
        Specimen,
        [
            {
                **common,
                "code": tube,
                "level": "primary",
                "specimen_type": specimen_type,
                "tube_type": tube_type,
                "unit": "uL",
                "ordinal": number,
            }
            for number, tube in enumerate(codes, start=1)
        ],
    )
    await begin_custody(tx, [(tube, WithHolder(world.user_ids[holder], at_id)) for tube in made])
    await post(tx, [Posting(tube, quantity, "uL", "initial") for tube in made])
    tx.record("material.made", subject="participant", subject_id=participant_id, study_id=study_id, site_id=site_id)
    return Material(code, participant_id, codes, tuple(made))
