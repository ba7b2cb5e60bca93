"""The tubes for an assay: found at a site, and put on a pick list. The fitness rules of the assay decide which are
taken, and every tube that is left out is told with its reasons.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import select

from biobank.actor import Permission
from biobank.assay import gate, rules
from biobank.assay.fitting import Chosen, find_version, rules_of, unfit_tubes
from biobank.paging import cut
from biobank.participant.models import Participant, Visit
from biobank.participant.queries import participant_code
from biobank.picking import commands as picking
from biobank.picking.blocks import Blocked, Reason, refuse_blocked
from biobank.picking.commands import MakePickList
from biobank.picking.gate import Held, claim_blocks, hold
from biobank.picking.queries import PickListView
from biobank.picking.reserving import Command, Purpose, Scanned
from biobank.picking.rules import MOST_TUBES, check_number
from biobank.specimen.models import CollectionEvent, Custody, Specimen
from biobank.specimen.queries import SpecimenRow, rows_of, shown, within
from biobank.study.models import VisitType
from biobank.study.queries import study_and_site
from biobank.tx import ReadTx, Tx

SHOWN = 100
"""Tubes that are judged and shown at once."""


class View(BaseModel):
    model_config = ConfigDict(frozen=True)


class FoundTube(View):
    """A tube that an assay could take, and every reason why it is left out; `fit` when there is none."""

    tube: SpecimenRow
    fit: bool
    reasons: tuple[str, ...]


class FoundTubes(View):
    """Some of the tubes of an assay's materials at a site. `next` asks for more; None: these were the last."""

    study: str
    site: str
    assay: str
    title: str
    version: int
    fit: int
    left_out: int
    tubes: tuple[FoundTube, ...]
    next: int | None


class PickForAssay(Command):
    """Tubes for an assay, by their codes or by the purpose that you reserved them for. One that cannot be taken refuses
    the list; with `leave_out` the list is made of the others, and it is told with its reasons.
    """

    study: Annotated[str, Field(min_length=1, max_length=20)]
    version: Annotated[int | None, Field(ge=1, description="Absent: the latest.")] = None
    tubes: Annotated[tuple[Scanned, ...], Field(max_length=MOST_TUBES)] = ()
    reserved_for: Annotated[str, Field(min_length=3, max_length=200)] | None = None
    purpose: Annotated[Purpose | None, Field(description="Absent: the code of the assay.")] = None
    leave_out: bool = False


class LeftOut(View):
    """A tube that was not put on the list. `reason` is a code, `words` say it."""

    tube: str
    reason: str
    words: str


class PickedForAssay(View):
    """The pick list of an assay, and the tubes that were left out of it."""

    pick_list: PickListView
    left_out: tuple[LeftOut, ...]


async def find(
    tx: ReadTx,
    study: str,
    assay: str,
    site: str,
    *,
    version: int | None = None,
    participants: Sequence[str] = (),
    visit: str | None = None,
    after: int = 0,
) -> FoundTubes:
    """The tubes that a site has of the materials of an assay, each judged by its fitness rules, its state, claims of
    others and consent. Whose a blind duplicate is decides nothing here: a search by participant does not find it.

    Raises:
        NotFound: no such study, site or assay within reach, or no such version.
        Invalid: what is no participant's id.
    """
    chosen = await find_version(tx, study, assay, version)
    _, place = await study_and_site(tx, study, site, Permission.ASSAY_READ)
    materials = {rule.specimen_type for rule in (await rules_of(tx, [chosen.id])).get(chosen.id, ())}
    query = (
        select(Specimen.id)
        .join(Custody, Custody.specimen_id == Specimen.id)
        .where(
            Specimen.study_id == chosen.study_id,
            Custody.site_id == place.id,
            Specimen.existence == "exists",
            within(tx.scope(Permission.SPECIMEN_READ)),
            Specimen.id > after,
        )
        .order_by(Specimen.id)
        .limit(SHOWN + 1)
    )
    if materials:
        query = query.where(Specimen.specimen_type.in_(materials))
    if participants:
        codes = [participant_code(one) for one in participants]
        query = query.join(Participant, Participant.id == Specimen.participant_id)
        query = query.where(Participant.code.in_(codes), shown(tx))
    if visit:
        query = query.join(CollectionEvent, CollectionEvent.id == Specimen.collection_event_id)
        query = query.join(Visit, Visit.id == CollectionEvent.visit_id)
        query = query.join(VisitType, VisitType.id == Visit.visit_type_id).where(VisitType.code == visit, shown(tx))
    page = cut((await tx.session.execute(query)).scalars().all(), SHOWN, lambda one: one)
    reasons = await left_out(tx, chosen, page.rows)
    rows = {row.id: row for row in await rows_of(tx, page.rows)}
    found = tuple(FoundTube(tube=rows[one], fit=one not in reasons, reasons=reasons.get(one, ())) for one in page.rows)
    fit = sum(one.fit for one in found)
    return FoundTubes(
        study=chosen.study,
        site=place.code,
        assay=chosen.code,
        title=chosen.title,
        version=chosen.number,
        fit=fit,
        left_out=len(found) - fit,
        tubes=found,
        next=page.next,
    )


async def left_out(tx: ReadTx, chosen: Chosen, specimen_ids: Sequence[int]) -> Mapping[int, tuple[str, ...]]:
    """By tube, all reasons why it is not taken for an assay at this moment; tubes that would be taken are left out."""
    states = await tx.session.execute(
        select(
            Specimen.id,
            Specimen.existence,
            Specimen.quality,
            Specimen.hold,
            Custody.package_id,
            Custody.external_party_id,
        )
        .join(Custody, Custody.specimen_id == Specimen.id)
        .where(Specimen.id.in_(specimen_ids))
    )
    claimed = await gate.claimed(tx, chosen.purposes, specimen_ids)
    stopped = await gate.would_be_refused(tx, specimen_ids)
    unfit = await unfit_tubes(tx, specimen_ids, chosen.id)
    found = {}
    for row in states:
        state = rules.tube_problem(
            row.existence,
            row.quality,
            row.hold,
            packed=row.package_id is not None,
            outside=row.external_party_id is not None,
        )
        # A tube on hold by a withdrawal says so once.
        consent = None if row.hold == "consent_withdrawn" and state is not None else stopped.get(row.id)
        told = (state, claimed.get(row.id), consent)
        if words := (*(one for one in told if one), *unfit.get(row.id, ())):
            found[row.id] = words
    return found


async def pick_for(tx: Tx, assay: str, command: PickForAssay) -> PickedForAssay:
    """Make a pick list of tubes for an assay: what keeps a tube off any list, consent to research, and the fitness
    rules are judged under the locks that the list is made under.

    Raises:
        NotFound: no such study or assay within reach, or no such version.
        TubesBlocked: naming each tube that is not taken with its reasons, where none may be left out or none is left.
        Invalid: no tube is named, or they are not of one study at one site.
    """
    chosen = await find_version(tx, command.study, assay, command.version, Permission.SPECIMEN_PICK)
    purpose = command.purpose or chosen.code
    codes = await picking.wanted(tx, command.tubes, command.reserved_for)
    check_number(codes)
    held = await hold(tx, Specimen.code.in_(codes), Permission.SPECIMEN_PICK)
    blocked = {one.tube: one for one in await claim_blocks(tx, held, codes, purpose)}
    blocked |= await _unfit(tx, chosen, held, set(codes) - set(blocked))
    taken = [code for code in codes if code not in blocked]
    if not (command.leave_out and taken):
        refuse_blocked([blocked[code] for code in codes if code in blocked], "No list was made. These are left out")
    made = await picking.make(tx, MakePickList(purpose=purpose, destination="bench", tubes=tuple(taken)))
    tx.record(
        "assay.tubes_selected",
        subject="assay_version",
        subject_id=chosen.id,
        study_id=chosen.study_id,
        assay=chosen.code,
        version=chosen.number,
        pick_list=made.code,
        tubes=len(taken),
        left_out=len(blocked),
    )
    return PickedForAssay(
        pick_list=made,
        left_out=tuple(LeftOut(**blocked[code].as_field()) for code in codes if code in blocked),
    )


async def _unfit(tx: Tx, chosen: Chosen, held: Held, codes: Collection[str]) -> dict[str, Blocked]:
    """By code, why tubes that may be picked are not taken for the assay."""
    by_id = {held.tubes[code][0].id: code for code in codes}
    stopped = await gate.refused(tx, by_id)
    unfit = await unfit_tubes(tx, by_id, chosen.id)
    found = {}
    for one, code in by_id.items():
        if held.tubes[code][0].study_id != chosen.study_id:
            found[code] = Blocked(code, Reason.OTHER_STUDY, "belongs to another study")
        elif one in stopped:
            found[code] = Blocked(code, Reason.NOT_CONSENTED, f"may not be assayed: {stopped[one]}")
        elif one in unfit:
            words = f"is unfit for {chosen.code}: {'; '.join(unfit[one])}"
            found[code] = Blocked(code, Reason.UNFIT, words)
    return found
