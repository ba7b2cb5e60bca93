"""Labels are scanned after they were stuck on: the parent first, then each tube that was made of it; the outer place
first, then what stands in it. What was printed and not scanned since is listed, the oldest first.
"""

from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import ColumnElement, Text, and_, case, cast, func, or_, select

from biobank import ids
from biobank.access.models import AppUser
from biobank.actor import Permission
from biobank.db import visible
from biobank.errors import Invalid, NotFound
from biobank.identifier.models import HOUSE, Identifier
from biobank.labelling.models import Kit, LabelRange
from biobank.labelling.rules import LabelVoided
from biobank.labelling.taking import blank
from biobank.paging import Page, cut
from biobank.participant.models import Participant
from biobank.printing import rules
from biobank.printing.commands import VerifyLabel, verify_label
from biobank.printing.models import LabelPrint
from biobank.printing.queries import is_scanned
from biobank.printing.things import PARCEL, PLACES, inside, label_codes, printables, stands_in
from biobank.specimen.models import Custody, Derivation, Specimen
from biobank.specimen.queries import find_specimen, within
from biobank.storage.models import Container
from biobank.storage.queries import reach
from biobank.study.models import Site, Study
from biobank.tx import ReadTx, Tx

Scanned = Annotated[str, Field(min_length=1, max_length=200)]


class View(BaseModel):
    model_config = ConfigDict(frozen=True)


class VerifyApplied(BaseModel):
    """`parent` is a tube, or a participant whose tubes were just collected, and `code` the label on one made of it; or
    a place or shipment, and the label on what stands in it or on its package. What is in nothing that has a label, as
    a freezer, is its own parent.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    parent: Scanned
    code: Scanned


class AppliedView(View):
    """`verdict` is ok, or duplicate where the label was scanned before; `left` are tubes of the parent whose labels are
    still to be scanned.
    """

    parent: str
    code: str
    verdict: str
    words: str
    verified: int
    left: tuple[str, ...]


class LabelState(View):
    code: str
    verified: bool


class UnverifiedRow(View):
    """A label that was printed and not scanned after that. `tube` is the tube's own code, `place` the name of a place,
    a kit or a package, and `href` leads to it. `id` is the key of paging and is not shown.
    """

    id: Annotated[int, Field(exclude=True)]
    code: str
    tube: str | None
    specimen_type: str | None
    place: str | None
    href: str
    copy_no: int
    study: str | None
    site: str | None
    timezone: str
    printed_at: datetime
    printed_by: str


async def verify_applied(tx: Tx, command: VerifyApplied) -> AppliedView:
    """Check the label on a tube against what the tube was made of, and that on a place against what it stands in.

    Raises:
        NotFound: no such parent or label within reach.
        WrongParent: the label is another tube's, or the place stands elsewhere.
        LabelReplaced, LabelVoided: another label took its place, or it was withdrawn.
        LabelNotApplied, LabelNotIssued, LabelOfAnotherSite: a pre-printed label that is on no tube.
        NotPrinted: no label of it was printed here.
    """
    if _is_thing(command.code):
        return await _verify_thing(tx, command)
    parent, mine = await _parent(tx, command.parent)
    code, tube = await _child(tx, command.code)
    if tube.id == parent:
        raise rules.WrongParent(
            f"{ids.grouped(code)} is the parent itself: scan the label of a tube that was made of it.", scanned=code
        )
    children = await _children(tx, mine)
    shown = ids.canonical(command.parent)
    if tube.id not in children:
        raise rules.WrongParent(
            f"{ids.grouped(code)} is not of {ids.grouped(shown)}. {await _whose(tx, tube)} Keep it apart: its label "
            "may be on the wrong tube.",
            scanned=code,
            parent=shown,
        )
    before = children[tube.id][1]
    await verify_label(tx, VerifyLabel(code=code))
    open_ = tuple(label for one, (label, done) in sorted(children.items()) if not done and one != tube.id)
    return AppliedView(
        parent=shown,
        code=code,
        verdict="duplicate" if before else "ok",
        words="It was scanned before." if before else "Its label fits what it was made of.",
        verified=len(children) - len(open_),
        left=open_,
    )


def _is_thing(text: str) -> bool:
    """Whether a text is the code of what is no tube and has a label."""
    code = ids.canonical(text)
    return ids.looks_like_house_id(code) and code[0] in {*PLACES, ids.Kind.SHIPMENT, ids.Kind.KIT, ids.Kind.COMMAND}


async def _verify_thing(tx: Tx, command: VerifyApplied) -> AppliedView:
    (code,), parent = label_codes([command.code]), ids.canonical(command.parent)
    await printables(tx, [code])
    outer = await stands_in(tx, code) or code
    if outer != parent:
        where = f"It stands in {ids.grouped(outer)}." if outer != code else "It is in nothing that has a label."
        way_out = "Look where it stands: its label may be on the wrong one." if outer != code else "Scan it twice."
        raise rules.WrongParent(
            f"{ids.grouped(code)} is not in {ids.grouped(parent)[:40]}. {where} {way_out}", scanned=code, parent=parent
        )
    before = await is_scanned(tx, code)
    await verify_label(tx, VerifyLabel(code=code))
    labels = await _inside(tx, outer) if outer != code else ()
    return AppliedView(
        parent=parent,
        code=code,
        verdict="duplicate" if before else "ok",
        words="It was scanned before." if before else "Its label is on the right one.",
        verified=sum(one.verified for one in labels) or 1,
        left=tuple(one.code for one in labels if not one.verified),
    )


async def _inside(tx: ReadTx, outer: str) -> tuple[LabelState, ...]:
    """The labels that were printed of what stands in a place or is of a shipment."""
    rows = await tx.session.execute(
        select(Identifier.value, LabelPrint.verified_at)
        .join(LabelPrint, LabelPrint.identifier_id == Identifier.id)
        .where(Identifier.namespace == HOUSE, inside(outer), _last())
        .order_by(Identifier.id)
    )
    return tuple(LabelState(code=row.value, verified=row.verified_at is not None) for row in rows)


async def _parent(tx: ReadTx, text: str) -> tuple[int | None, ColumnElement[bool]]:
    """The tube that is the parent, if it is one, and the condition of what was made of it."""
    try:
        kind, code = ids.parse(text)
    except ids.BadIdentifier as error:
        raise Invalid(
            f"{ids.grouped(error.text)[:40]} is no id of the house: {error}.", errors={"parent": str(error)}
        ) from None
    if kind is ids.Kind.PARTICIPANT:
        of = select(Participant.id).where(Participant.code == code)
        return None, and_(Specimen.participant_id.in_(of), Specimen.level == "primary")
    if kind is not ids.Kind.TUBE:
        raise Invalid(
            f"{ids.grouped(code)} is neither a tube nor a participant: scan what the tube was made of.",
            errors={"parent": "is neither a tube nor a participant"},
        )
    tube, _ = await find_specimen(tx, code, Permission.LABEL_PRINT)
    return tube.id, Specimen.id.in_(select(Derivation.child_id).where(Derivation.parent_id == tube.id))


async def _child(tx: ReadTx, text: str) -> tuple[str, Specimen]:
    """The label as scanned and its tube.

    Raises:
        NotFound, LabelReplaced, LabelVoided: as `verify_applied` says.
    """
    code = ids.canonical(text)
    row = (
        await tx.session.execute(
            select(Specimen, Identifier.status)
            .join(Identifier, Identifier.specimen_id == Specimen.id)
            .join(Custody, Custody.specimen_id == Specimen.id)
            .where(Identifier.namespace == HOUSE, Identifier.value == code, within(tx.scope(Permission.LABEL_PRINT)))
        )
    ).one_or_none()
    if row is None:
        said = await blank(tx, code, Permission.LABEL_PRINT)
        raise said or NotFound(f"There is no tube with the label {ids.grouped(code)[:40]}.", codes=[code[:40]])
    if row.status == "void":
        raise LabelVoided(
            f"{ids.grouped(code)} is void: the tube never was. Take the label off and throw it away.", scanned=code
        )
    if row.status != "active":
        now = (
            await tx.session.execute(
                select(Identifier.value).where(
                    Identifier.specimen_id == row.Specimen.id,
                    Identifier.namespace == HOUSE,
                    Identifier.status == "active",
                )
            )
        ).scalar_one()
        raise rules.LabelReplaced(
            f"{ids.grouped(code)} was replaced by {ids.grouped(now)}: take the old label off and scan the new one.",
            scanned=code,
            label=now,
        )
    return code, row.Specimen


async def _children(tx: ReadTx, mine: ColumnElement[bool]) -> dict[int, tuple[str, bool]]:
    """By tube, its label and whether the last copy of it was scanned."""
    rows = await tx.session.execute(
        select(Specimen.id, Identifier.value, LabelPrint.verified_at)
        .join(Custody, Custody.specimen_id == Specimen.id)
        .join(Identifier, Identifier.specimen_id == Specimen.id)
        .outerjoin(LabelPrint, LabelPrint.identifier_id == Identifier.id)
        .where(
            mine,
            within(tx.scope(Permission.LABEL_PRINT)),
            Specimen.existence == "exists",
            Identifier.namespace == HOUSE,
            Identifier.status == "active",
        )
        .order_by(Specimen.id, LabelPrint.copy_no)
    )
    return {row.id: (row.value, row.verified_at is not None) for row in rows}


async def _whose(tx: ReadTx, tube: Specimen) -> str:
    parents = await tx.session.execute(
        select(Specimen.code)
        .join(Derivation, Derivation.parent_id == Specimen.id)
        .join(Custody, Custody.specimen_id == Specimen.id)
        .where(Derivation.child_id == tube.id, within(tx.scope(Permission.LABEL_PRINT)))
    )
    made_of = [ids.grouped(code) for code in parents.scalars()]
    if made_of:
        return f"It was made of {' and '.join(made_of)}."
    return "It was collected from another participant." if tube.level == "primary" else "It was made of another tube."


async def labels_of(tx: ReadTx, parent: str) -> tuple[LabelState, ...]:
    """The labels on what was made of a parent or stands in it, and which of them were scanned.

    Raises:
        NotFound, Invalid: as `verify_applied` says of the parent.
    """
    if _is_thing(parent):
        (outer,) = label_codes([parent])
        await printables(tx, [outer])
        return await _inside(tx, outer)
    _, mine = await _parent(tx, parent)
    children = await _children(tx, mine)
    return tuple(LabelState(code=label, verified=done) for _, (label, done) in sorted(children.items()))


def _open(tx: ReadTx) -> ColumnElement[bool]:
    """The label of what is there, printed and not scanned since, within reach. What was sent is in nobody's hands."""
    scope = tx.scope(Permission.LABEL_PRINT)
    parcel = PARCEL.c
    return and_(
        LabelPrint.verified_at.is_(None),
        Identifier.status == "active",
        or_(
            and_(Specimen.existence == "exists", within(scope)),
            and_(Container.status != "decommissioned", reach(scope)),
            and_(Kit.id.is_not(None), visible(scope, LabelRange.study_id, LabelRange.site_id)),
            and_(
                parcel.status.in_(["draft", "packed"]),
                visible(scope, parcel.study_id, parcel.from_site_id, parcel.to_site_id),
            ),
        ),
    )


def _from(query: Any) -> Any:
    return (
        query.select_from(LabelPrint)
        .join(Identifier, Identifier.id == LabelPrint.identifier_id)
        .outerjoin(Specimen, Specimen.id == Identifier.specimen_id)
        .outerjoin(Custody, Custody.specimen_id == Specimen.id)
        .outerjoin(Container, Container.id == Identifier.container_id)
        .outerjoin(Kit, Kit.id == Identifier.kit_id)
        .outerjoin(LabelRange, LabelRange.id == Kit.range_id)
        .outerjoin(PARCEL, PARCEL.c.code == Identifier.value)
    )


_SHIPMENT = "Shipment " + PARCEL.c.code


async def unverified(
    tx: ReadTx, *, site: str | None = None, user: str | None = None, after: int = 0, limit: int = 50
) -> Page[UnverifiedRow]:
    """Labels that were printed and not scanned since, by the site that has the thing and by who printed them, the
    oldest first.
    """
    query = (
        _from(
            select(
                LabelPrint.id,
                Identifier.value.label("code"),
                Specimen.code.label("tube"),
                Specimen.specimen_type,
                func.coalesce(
                    Container.name,
                    "Kit " + cast(Kit.number, Text),
                    case((PARCEL.c.number > 0, "Package " + cast(PARCEL.c.number, Text)), else_=_SHIPMENT),
                ).label("place"),
                case(
                    (Specimen.id.is_not(None), "/specimens/" + Specimen.code),
                    (Kit.id.is_not(None), "/label-ranges/" + cast(Kit.range_id, Text)),
                    (PARCEL.c.code.is_not(None), "/shipments/" + PARCEL.c.shipment),
                    else_="/storage/" + Identifier.value,
                ).label("href"),
                LabelPrint.copy_no,
                Study.code.label("study"),
                Site.code.label("site"),
                func.coalesce(Site.timezone, "UTC").label("timezone"),
                LabelPrint.printed_at,
                AppUser.display_name.label("printed_by"),
            )
        )
        .outerjoin(Study, Study.id == func.coalesce(Specimen.study_id, LabelRange.study_id, PARCEL.c.study_id))
        .outerjoin(
            Site,
            Site.id
            == func.coalesce(
                Custody.site_id, Specimen.site_id, Container.site_id, LabelRange.site_id, PARCEL.c.from_site_id
            ),
        )
        .join(AppUser, AppUser.id == LabelPrint.printed_by)
        .where(_open(tx), _last(), LabelPrint.id > after)
        .order_by(LabelPrint.id)
        .limit(limit + 1)
    )
    if site is not None:
        query = query.where(Site.code == site)
    if user is not None:
        query = query.where(AppUser.username == user)
    rows = [UnverifiedRow(**row._mapping) for row in await tx.session.execute(query)]
    return cut(rows, limit, lambda row: row.id)


def _last() -> ColumnElement[bool]:
    other = LabelPrint.__table__.alias()
    return ~(
        select(other.c.id)
        .where(other.c.identifier_id == LabelPrint.identifier_id, other.c.copy_no > LabelPrint.copy_no)
        .exists()
    )


async def unverified_of_mine(tx: ReadTx) -> int:
    """How many labels this person printed and nobody has scanned since."""
    query = _from(select(func.count())).where(_open(tx), _last(), LabelPrint.printed_by == tx.actor.user_id)
    return int((await tx.session.execute(query)).scalar_one())
