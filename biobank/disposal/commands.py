"""Making a disposal list, confirming its tubes one by one by two people, and taking a tube off it."""

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import select

from biobank import ids
from biobank.actor import Permission
from biobank.disposal import queries, rules
from biobank.disposal.models import Disposal, DisposalTube
from biobank.disposal.queries import DisposalView
from biobank.errors import Forbidden, NotFound
from biobank.picking.claims import override_claims
from biobank.specimen.custody import Ended, WithHolder, hand_over
from biobank.specimen.models import Custody, Specimen
from biobank.specimen.queries import find_specimens, tube_code
from biobank.specimen.rules import check_each_once
from biobank.specimen.work import Override, unclaimed
from biobank.storage.places import places
from biobank.study.commands import Code
from biobank.study.queries import study_and_site
from biobank.tx import Tx

Scanned = Annotated[str, Field(min_length=1, max_length=60, description="A tube's id as scanned or typed.")]
Words = Annotated[str, Field(min_length=3, max_length=500)]
Method = Literal["autoclaved", "incinerated", "chemical", "returned_to_origin"]


class Command(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class PlanDisposal(Command):
    """Tubes of one study at one site that are to be destroyed. Those of a withdrawal are listed by the withdrawal.
    `override`: why others' reservations of them end.
    """

    study: Code
    site: Code
    reason: Literal["expired", "unfit", "surplus", "study_closed"]
    words: Words
    tubes: Annotated[tuple[Scanned, ...], Field(min_length=1, max_length=2000)]
    override: Override = None


class ConfirmTube(Command):
    """One person's word on one tube: found, and destroyed by this method, or looked for and not found."""

    tube: Scanned
    found: bool = True
    method: Method | None = None


class StrikeTube(Command):
    tube: Scanned
    reason: Words


async def plan(tx: Tx, command: PlanDisposal) -> DisposalView:
    """Make a disposal list. Nothing is destroyed by it.

    Raises:
        NotFound: a tube, the study or the site is unknown or out of reach.
        OnDisposalList: a tube is on another open list.
        NotToDispose: a tube is gone, in a shipment or with a partner.
        TubeReserved: somebody else reserved a tube, and no reason to override that was given.
    """
    study, site = await study_and_site(tx, command.study, command.site, Permission.DISPOSAL_PLAN)
    codes = [tube_code(text, "tubes") for text in command.tubes]
    check_each_once(codes, "tubes")
    found = await find_specimens(tx, codes, Permission.DISPOSAL_PLAN, lock=True)
    lists = await queries.picked(tx, [tube.id for tube, _ in found])
    for tube, custody in found:
        rules.check_place(tube.code, tube.existence, queries.place_of(custody), here=True, found=False)
    rules.check_not_picked({tube.code: lists.get(tube.id) for tube, _ in found})
    rules.check_one_place({(tube.study_id, custody.site_id) for tube, custody in found}, study.id, site.id)
    await _free(tx, [tube for tube, _ in found], command.override)
    made = await make_list(tx, study.id, site.id, command.reason, command.words, [tube.id for tube, _ in found])
    return await queries.disposal_view(tx, made)


async def _free(tx: Tx, tubes: Sequence[Specimen], override: str | None) -> None:
    """See that nobody else has reserved these locked tubes, or end their reservations where a reason says so."""
    overridden = await unclaimed(tx, tubes, override, "No list was made")
    if override is not None and overridden:
        await override_claims(tx, [tube for tube in tubes if tube.code in overridden], override)


async def make_list(
    tx: Tx, study_id: int, site_id: int, reason: str, words: str, specimen_ids: Sequence[int]
) -> Disposal:
    """Write a list of tubes that the caller holds and has found fit for it."""
    made = Disposal(
        number=ids.new_uuid(),
        study_id=study_id,
        site_id=site_id,
        reason=reason,
        words=words,
        created_by=person(tx),
        created_at=tx.now,
    )
    tx.session.add(made)
    await tx.session.flush()
    line = {"disposal_id": made.id, "study_id": study_id}
    await tx.insert(DisposalTube, [{**line, "specimen_id": one} for one in specimen_ids])
    _record(tx, "disposal.planned", made, words, tubes=len(specimen_ids))
    return made


async def confirm(tx: Tx, number: str, command: ConfirmTube) -> DisposalView:
    """Give one person's word on a tube. With the second, different person's word it is disposed of, or lost.

    After the first word the tube is in the hands of who took it out. A disposed tube never comes back.

    Raises:
        NotFound: no such list within reach, or the tube is not on it.
        SecondPerson: the same person says it again.
        TubeReserved: somebody reserved it since the list was made: strike it off, or they release it.
        DisposalClosed, NotToDispose, Invalid: as the rules say.
    """
    disposal = await queries.find_disposal(tx, number, Permission.DISPOSAL_CONFIRM)
    tube, custody, line = await _on_list(tx, disposal, command.tube, Permission.DISPOSAL_CONFIRM)
    word = rules.Word(person(tx), command.found, command.method)
    status = rules.after(rules.Line(tube.code, line.status, line.first_by, line.method), word)
    if disposal.reason != "consent_withdrawn" and command.found:
        await unclaimed(tx, [tube], None, "Leave it where it is")
    here = custody.site_id == disposal.site_id
    rules.check_place(tube.code, tube.existence, queries.place_of(custody), here=here, found=command.found)
    line.status = status
    if status in {"disposed", "not_found"}:
        line.second_by, line.second_at = word.person, tx.now
        await tx.session.flush()
        ending = "disposed" if status == "disposed" else "lost"
        await hand_over(tx, [(tube.id, Ended(ending, disposal.site_id))])
    else:
        line.first_by, line.first_at = word.person, tx.now
        line.method = command.method if command.found else None
        line.was_at = (await places(tx, [tube.id]))[tube.id].words
        await tx.session.flush()
        if command.found:
            await hand_over(tx, [(tube.id, WithHolder(word.person, disposal.site_id))])
    verbs = {"confirmed": "tube.disposal_begun", "missed": "tube.missed", "not_found": "tube.not_found"}
    _record(tx, verbs.get(status, "tube.disposed"), disposal, None, tube=tube.code, method=line.method)
    return await queries.disposal_view(tx, disposal)


async def strike(tx: Tx, number: str, command: StrikeTube) -> DisposalView:
    """Take a tube off a list, with a reason.

    Raises:
        NotFound: no such list within reach, or the tube is not on it.
        DisposalClosed, NotToDispose: as the rules say.
    """
    disposal = await queries.find_disposal(tx, number, Permission.DISPOSAL_PLAN)
    tube, _, line = await _on_list(tx, disposal, command.tube, Permission.DISPOSAL_PLAN)
    rules.check_strikable(tube.code, line.status, disposal.reason)
    line.status, line.struck_reason, line.method = "struck", command.reason, None
    await tx.session.flush()
    _record(tx, "tube.struck_off", disposal, command.reason, tube=tube.code)
    return await queries.disposal_view(tx, disposal)


async def _on_list(
    tx: Tx, disposal: Disposal, text: str, permission: Permission
) -> tuple[Specimen, Custody, DisposalTube]:
    """The tube with its custody and its line, all locked. Two people who scan at once take turns."""
    ((tube, custody),) = await find_specimens(tx, [tube_code(text, "tube")], permission, lock=True)
    line = (
        await tx.session.execute(
            select(DisposalTube)
            .where(DisposalTube.disposal_id == disposal.id, DisposalTube.specimen_id == tube.id)
            .with_for_update()
        )
    ).scalar_one_or_none()
    if line is None:
        raise NotFound(f"{ids.grouped(tube.code)} is not on this disposal list: leave it where it is.", tube=tube.code)
    return tube, custody, line


def person(tx: Tx) -> int:
    if tx.actor.user_id is None:
        raise Forbidden("Only a person disposes of tubes: log in.")
    return tx.actor.user_id


def _record(tx: Tx, verb: str, disposal: Disposal, reason: str | None, **details: object) -> None:
    tx.record(
        verb,
        subject="disposal",
        subject_id=disposal.id,
        study_id=disposal.study_id,
        site_id=disposal.site_id,
        reason=reason,
        **details,
    )
