"""What there is of a participant at this moment, and the statement of what a withdrawal would do with it."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict
from sqlalchemy import ColumnElement, Text, and_, cast, func, or_, select

from biobank import ids
from biobank.access.models import AppUser
from biobank.assay.models import Result, ResultVersion
from biobank.participant.belief import governing, standing
from biobank.participant.models import Consent, Participant, Visit, Withdrawal
from biobank.participant.rules import STOPPING_LEVELS
from biobank.picking.models import PickList, PickListLine, Reservation
from biobank.release.models import DataPull
from biobank.shipment.keeping import HERE
from biobank.shipment.models import ExternalParty, Package, Shipment
from biobank.signature.rules import canonical, digest
from biobank.specimen.lineage import holding
from biobank.specimen.models import Custody, Specimen
from biobank.storage.places import TubePlace, places
from biobank.study.models import ConsentDocument, Site, Study
from biobank.tx import ReadTx
from biobank.withdrawal import rules
from biobank.withdrawal.policy import policy_of, reversible_of


class View(BaseModel):
    model_config = ConfigDict(frozen=True)


class StatedTube(View):
    """A tube that the withdrawal reaches, and where it is. A pool holds material of others as well."""

    tube: str
    place: str
    is_pool: bool = False


class PulledBefore(View):
    """A pull of results that holds results of the participant, and who made it."""

    number: UUID
    pulled_at: datetime
    pulled_by: str


class Statement(View):
    """What a withdrawal of this level would do now, and what it would not. `sha256` names exactly this statement; a
    signature binds to it. `form` is the consent form whose policy counts; none means the house's.
    """

    participant: str
    study: str
    level: str
    level_title: str
    form: str | None
    policy: dict[str, str]
    reversible: dict[str, bool] = {}
    will: tuple[str, ...]
    will_not: tuple[str, ...]
    tubes: tuple[StatedTube, ...]
    pulls: tuple[PulledBefore, ...]
    sha256: str


@dataclass(frozen=True, slots=True)
class Partner:
    """Who has a tube outside the house."""

    external_party_id: int
    name: str


@dataclass(frozen=True, slots=True)
class Survey:
    """All that a withdrawal reaches: the tubes in the house, those on the way between its sites among them, in the
    order in which one walks; and by tube, the partner who has it. `pools` are those of both that hold material of
    others: none where the policy leaves them to the consent gate.
    """

    here: tuple[TubePlace, ...]
    away: Mapping[int, Partner]
    pools: frozenset[int]
    policy: Mapping[str, str]
    statement: Statement


async def survey(tx: ReadTx, person: Participant, level: str) -> Survey:
    """Look at everything of a participant. In a withdrawal it is done behind the participant's lock."""
    form, version = await _form(tx, person)
    policy = (await policy_of(tx, person.study_id, version))[0][level]
    reversible = await reversible_of(tx, person.study_id, version, level)
    tubes, pools = await _tubes(tx, person.id)
    reached_pools = frozenset() if policy["pools"] == "keep" else frozenset(pools)
    tubes = {one: tube for one, tube in tubes.items() if one not in pools or one in reached_pools}
    away, packed, coming = await _out_of_storage(tx, tubes)
    here = tuple(sorted((tube for one, tube in tubes.items() if one not in away), key=lambda tube: tube.order))
    pulls = await _pulls(tx, person)
    own = [tube for tube in here if tube.specimen_id not in pools]
    facts = rules.Facts(
        stored=_counted(tube.unit for tube in own if tube.kind == "position"),
        in_hand=_counted(tube.words for tube in own if tube.kind == "holder"),
        packed=_counted(words for one, words in packed.items() if one not in pools),
        coming=_counted(words for one, words in coming.items() if one not in pools),
        picked=_counted(await _claimed(tx, [tube.specimen_id for tube in here])),
        away=_counted(partner.name for one, partner in away.items() if one not in pools),
        pools=len(pools),
        pulls=len(pulls),
        earlier=set(
            (
                await tx.session.execute(
                    select(Withdrawal.level).where(Withdrawal.participant_id == person.id, standing())
                )
            ).scalars()
        ),
        **await _counts(tx, person.id),
    )
    will, will_not = rules.stated(level, policy, facts)
    reached = [*here, *(tubes[one] for one in away)] if level in STOPPING_LEVELS else []
    words = {one: f"with {partner.name}" for one, partner in away.items()} | packed | coming
    study = (await tx.session.execute(select(Study.code).where(Study.id == person.study_id))).scalar_one()
    statement = Statement(
        participant=person.code,
        study=study,
        level=level,
        level_title=rules.LEVEL_TITLES[level],
        form=form,
        policy=dict(policy),
        reversible=reversible,
        will=will,
        will_not=will_not,
        tubes=tuple(
            StatedTube(tube=one.code, place=words.get(one.specimen_id, one.words), is_pool=one.specimen_id in pools)
            for one in reached
        ),
        pulls=pulls,
        sha256="",
    )
    return Survey(
        here, away, reached_pools, policy, statement.model_copy(update={"sha256": statement_digest(statement)})
    )


def statement_digest(statement: Statement) -> str:
    """The digest of everything that a statement says."""
    return digest(canonical(statement.model_dump(mode="json", exclude={"sha256"})))


def _counted(names: Iterable[str]) -> tuple[rules.Counted, ...]:
    return tuple(rules.Counted(name, tubes) for name, tubes in sorted(Counter(names).items()))


async def _tubes(tx: ReadTx, participant_id: int) -> tuple[Mapping[int, TubePlace], set[int]]:
    """All tubes that hold material of a participant, by id, and which of them are pools with material of others."""
    rows = (
        await tx.session.execute(
            select(Specimen.id, Specimen.participant_id).where(
                Specimen.id.in_(holding(participant_id)), Specimen.existence == "exists"
            )
        )
    ).all()
    pools = {row.id for row in rows if row.participant_id is None}
    return await places(tx, [row.id for row in rows]), pools


async def _out_of_storage(
    tx: ReadTx, tubes: Mapping[int, TubePlace]
) -> tuple[dict[int, Partner], dict[int, str], dict[int, str]]:
    """By tube: the partner who has it; the shipment that it is packed in and that is still here; the shipment in which
    it is on its way to another site.
    """
    rows = await tx.session.execute(
        select(
            Specimen.id,
            Shipment.code.label("shipment"),
            Shipment.status,
            Custody.external_party_id,
            ExternalParty.name.label("party"),
            Site.name.label("site"),
        )
        .join(Custody, Custody.specimen_id == Specimen.id)
        .outerjoin(Package, Package.id == Custody.package_id)
        .outerjoin(Shipment, Shipment.id == Package.shipment_id)
        .outerjoin(ExternalParty, ExternalParty.id == Custody.external_party_id)
        .outerjoin(Site, Site.id == Shipment.to_site_id)
        .where(
            Specimen.id.in_(sorted(tubes)),
            or_(Custody.package_id.is_not(None), Custody.external_party_id.is_not(None)),
        )
        .order_by(Specimen.code)
    )
    away: dict[int, Partner] = {}
    packed: dict[int, str] = {}
    coming: dict[int, str] = {}
    for row in rows:
        if row.external_party_id is not None:
            away[row.id] = Partner(row.external_party_id, row.party)
        elif row.status in HERE:
            packed[row.id] = f"shipment {ids.grouped(row.shipment)}"
        else:
            coming[row.id] = f"on the way to {row.site}, shipment {ids.grouped(row.shipment)}"
    return away, packed, coming


async def _claimed(tx: ReadTx, specimen_ids: Sequence[int]) -> list[str]:
    """The open pick lists that these tubes are on, and the reservations on the others, one entry a tube."""
    lines = await tx.session.execute(
        select(PickListLine.specimen_id, PickList.code)
        .join(PickList, PickList.id == PickListLine.pick_list_id)
        .where(PickListLine.specimen_id.in_(specimen_ids), PickListLine.is_open)
    )
    listed = {row.specimen_id: f"pick list {ids.grouped(row.code)}" for row in lines}
    reserved = await tx.session.execute(
        select(Reservation.specimen_id).where(
            Reservation.specimen_id.in_(specimen_ids), Reservation.ended_at.is_(None), Reservation.expires_at > tx.now
        )
    )
    return [*listed.values(), *("reserved" for tube in reserved.scalars() if tube not in listed)]


async def _form(tx: ReadTx, person: Participant) -> tuple[str | None, str | None]:
    """The consent form that counts: of the consent in force now, else of the latest there is."""
    current = (await tx.session.execute(governing([person.id], tx.now))).one_or_none()
    query = (
        select(ConsentDocument.version, ConsentDocument.language)
        .join(Consent, Consent.document_id == ConsentDocument.id)
        .where(Consent.participant_id == person.id, Consent.in_error_at.is_(None))
        .order_by(Consent.effective_from.desc())
        .limit(1)
    )
    if current is not None:
        query = query.where(Consent.id == current.id)
    row = (await tx.session.execute(query)).one_or_none()
    return (None, None) if row is None else (f"{row.version} ({row.language})", row.version)


async def _counts(tx: ReadTx, participant_id: int) -> dict[str, Any]:
    async def number(query: Any) -> int:
        return int((await tx.session.execute(query)).scalar_one())

    own = Specimen.participant_id == participant_id
    gone = ("consumed", "disposed", "missing", "lost", "transferred")

    def results(condition: ColumnElement[bool], counted: Any) -> Any:
        return (
            select(func.count(counted))
            .select_from(Result)
            .join(ResultVersion, and_(ResultVersion.result_id == Result.id, ResultVersion.is_current))
            .where(Result.participant_id == participant_id, condition)
        )

    waiting = ResultVersion.status.in_(["preliminary", "verified"])
    return {
        "gone": await number(select(func.count()).where(own, Specimen.existence.in_(gone))),
        "visits": await number(
            select(func.count()).where(Visit.participant_id == participant_id, Visit.status == "planned")
        ),
        "unreleased": await number(results(waiting, Result.id)),
        "runs": await number(results(waiting, Result.run_id.distinct())),
        "released": await number(results(ResultVersion.status == "released", Result.id)),
    }


async def _pulls(tx: ReadTx, person: Participant) -> tuple[PulledBefore, ...]:
    """Earlier pulls that name the participant. The text of what was asked lists everybody in it by code."""
    rows = await tx.session.execute(
        select(DataPull.number, DataPull.pulled_at, AppUser.display_name.label("pulled_by"))
        .join(AppUser, AppUser.id == DataPull.pulled_by)
        .where(
            DataPull.study_id == person.study_id,
            DataPull.row_count > 0,
            func.strpos(DataPull.query, cast(f'"{person.code}"', Text)) > 0,
        )
        .order_by(DataPull.id)
    )
    return tuple(PulledBefore(**row._asdict()) for row in rows)
