"""What only shows when all slices are looked at together: the home of each role, where a code leads, who touched a
thing, the trail.
"""

import json
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict
from sqlalchemy import ColumnElement, Select, and_, cast, func, literal_column, or_, select, text, tuple_
from sqlalchemy.dialects.postgresql import JSONB

from biobank import ids
from biobank.access.models import AppUser
from biobank.actor import Permission, Scope
from biobank.assay.models import AssayRun, Plate
from biobank.audit.models import AuditEntry
from biobank.db import visible
from biobank.identifier.models import Identifier
from biobank.labelling.models import Kit, LabelRange
from biobank.labelling.queries import running_low
from biobank.paging import Page, cut
from biobank.participant.due import DueVisit, VisitUnderWay, due_today, under_way
from biobank.participant.models import Participant
from biobank.picking.models import PickList
from biobank.printing.applying import unverified_of_mine
from biobank.shipment.models import Package, PackageItem, Shipment
from biobank.specimen.models import Custody, Specimen
from biobank.specimen.queries import within
from biobank.storage.models import Container
from biobank.storage.queries import reach
from biobank.study.models import Site, Study
from biobank.tx import ReadTx


class View(BaseModel):
    model_config = ConfigDict(frozen=True)


class Count(View):
    """A number on a home page and where it leads; `more` says that counting stopped there."""

    label: str
    count: int
    href: str
    kind: str = "info"
    more: bool = False


class InHand(View):
    """A tube that this person holds, and since when."""

    code: str
    specimen_type: str
    since: datetime
    minutes: int


class RunRow(View):
    name: str
    status: str
    created_at: datetime


class ShipmentRow(View):
    code: str
    status: str
    items: int
    created_at: datetime


class HomeView(View):
    """The day of one person: counts by what they may do, and lists of what waits for them."""

    counts: tuple[Count, ...]
    under_way: tuple[VisitUnderWay, ...]
    due: tuple[DueVisit, ...]
    in_hand: tuple[InHand, ...]
    in_hand_total: int
    shipments: tuple[ShipmentRow, ...]
    runs: tuple[RunRow, ...]


class TrailRow(View):
    """One deed: who did what to which thing and why. `number` is its place in the audit trail."""

    number: int
    at: datetime
    who: str
    verb: str
    subject: str
    thing: str | None
    href: str | None
    study: str | None
    site: str | None
    reason: str | None
    channel: str
    request: str
    details: dict[str, Any]
    changes: int


class ChangeRow(View):
    """What one deed changed in one row: old and new by column, or the row as it was inserted."""

    kind: str
    table: str
    columns: dict[str, Any]


_ON_A_HOME = 12
MOST_COUNTED = 1000
"""A page that is opened all day does not count on: withdrawn tubes add up over the years."""


async def home(tx: ReadTx) -> HomeView:
    """What waits for this person."""
    held = (
        await tx.session.execute(
            select(Specimen.code, Specimen.specimen_type, Custody.since)
            .join(Custody, Custody.specimen_id == Specimen.id)
            .where(Custody.holder_id == tx.actor.user_id)
            .order_by(Custody.since)
            .limit(_ON_A_HOME)
        )
    ).all()
    total = (
        await tx.session.execute(select(func.count()).select_from(Custody).where(Custody.holder_id == tx.actor.user_id))
    ).scalar_one()
    visits = tx.actor.may(Permission.VISIT_RECORD)
    return HomeView(
        counts=await _counts(tx),
        under_way=await under_way(tx, limit=_ON_A_HOME) if visits else (),
        due=await due_today(tx, _ON_A_HOME) if visits else (),
        in_hand=tuple(
            InHand(
                code=row.code,
                specimen_type=row.specimen_type,
                since=row.since,
                minutes=int((tx.now - row.since).total_seconds() // 60),
            )
            for row in held
        ),
        in_hand_total=total,
        shipments=await _shipments(tx) if tx.actor.may(Permission.SHIPMENT_READ) else (),
        runs=await _runs(tx) if tx.actor.may(Permission.ASSAY_READ) else (),
    )


async def _count(tx: ReadTx, model: Any, *conditions: ColumnElement[bool]) -> int:
    return int((await tx.session.execute(select(func.count()).select_from(model).where(*conditions))).scalar_one())


async def _counts(tx: ReadTx) -> tuple[Count, ...]:
    """The numbers of this person's permissions; nothing is counted for a permission that they do not have."""
    shown: list[Count] = []

    async def add(
        permission: Permission, number: Callable[[], Awaitable[int]], most: int | None = None, **words: str
    ) -> None:
        if tx.actor.may(permission):
            count = await number()
            more = most is not None and count > most
            shown.append(Count(count=most if more and most else count, more=more, **words))

    of_person = visible(tx.scope(Permission.PARTICIPANT_READ), Participant.study_id, Participant.site_id)
    of_shipment = visible(
        tx.scope(Permission.SHIPMENT_READ), Shipment.study_id, Shipment.from_site_id, Shipment.to_site_id
    )
    of_run = visible(tx.scope(Permission.ASSAY_READ), AssayRun.study_id, AssayRun.site_id)
    await add(
        Permission.PARTICIPANT_READ,
        lambda: _count(tx, Participant, of_person),
        label="participants",
        href="/participants",
    )
    await add(
        Permission.SHIPMENT_READ,
        lambda: _count(tx, Shipment, of_shipment, Shipment.status == "shipped"),
        label="shipments on the way",
        href="/shipments?status=shipped",
    )
    await add(
        Permission.SHIPMENT_READ,
        lambda: _count(tx, Shipment, of_shipment, Shipment.status == "received"),
        label="shipments to reconcile",
        href="/shipments?status=received",
        kind="warning",
    )
    await add(
        Permission.ASSAY_READ,
        lambda: _count(tx, AssayRun, of_run, AssayRun.status == "parsed"),
        label="runs to review",
        href="/runs?status=parsed",
        kind="warning",
    )
    await add(
        Permission.ASSAY_READ,
        lambda: _count(tx, AssayRun, of_run, AssayRun.status == "released"),
        label="runs released",
        href="/runs?status=released",
        kind="ok",
    )
    await add(
        Permission.LABEL_PRINT,
        lambda: unverified_of_mine(tx),
        label="labels of yours to scan",
        href=f"/labels/unverified?user={tx.actor.username}",
        kind="warning",
    )
    await add(
        Permission.LABEL_PRINT,
        lambda: running_low(tx),
        label="sites low on labels",
        href="/label-ranges",
        kind="warning",
    )
    await add(
        Permission.SPECIMEN_READ,
        lambda: _on_hold(tx, MOST_COUNTED + 1),
        MOST_COUNTED,
        label="tubes on hold",
        href="/specimens?hold=any",
        kind="hold",
    )
    return tuple(shown)


async def _on_hold(tx: ReadTx, most: int) -> int:
    held = (
        select(Specimen.id)
        .join(Custody, Custody.specimen_id == Specimen.id)
        .where(within(tx.scope(Permission.SPECIMEN_READ)), Specimen.hold.is_not(None))
        .limit(most)
    )
    return int((await tx.session.execute(select(func.count()).select_from(held.subquery()))).scalar_one())


async def _shipments(tx: ReadTx) -> tuple[ShipmentRow, ...]:
    items = (
        select(func.count())
        .select_from(PackageItem)
        .where(PackageItem.shipment_id == Shipment.id, PackageItem.status != "unpacked")
    )
    rows = await tx.session.execute(
        select(
            Shipment.code,
            Shipment.status,
            Shipment.created_at,
            items.correlate(Shipment).scalar_subquery().label("items"),
        )
        .where(
            visible(tx.scope(Permission.SHIPMENT_READ), Shipment.study_id, Shipment.from_site_id, Shipment.to_site_id),
            Shipment.status.in_(["draft", "packed", "shipped", "received"]),
        )
        .order_by(Shipment.id.desc())
        .limit(_ON_A_HOME)
    )
    return tuple(ShipmentRow(**row._mapping) for row in rows)


async def _runs(tx: ReadTx) -> tuple[RunRow, ...]:
    rows = await tx.session.execute(
        select(AssayRun.name, AssayRun.status, AssayRun.created_at)
        .where(
            visible(tx.scope(Permission.ASSAY_READ), AssayRun.study_id, AssayRun.site_id), AssayRun.status != "released"
        )
        .order_by(AssayRun.id.desc())
        .limit(_ON_A_HOME)
    )
    return tuple(RunRow(**row._mapping) for row in rows)


HREFS = {
    "specimen": "/specimens/",
    "participant": "/participants/",
    "container": "/storage/",
    "shipment": "/shipments/",
    "pick_list": "/pick-lists/",
    "kit": "/label-ranges/",
}


async def find(tx: ReadTx, text: str) -> str | None:
    """The page of the thing within reach that a code names, whatever its namespace; None when there is none."""
    wanted = ids.canonical(text)
    row = (
        await tx.session.execute(
            coded(
                select(
                    Identifier.namespace,
                    Specimen.code.label("specimen"),
                    Participant.code.label("participant"),
                    Container.code.label("container"),
                    Shipment.code.label("shipment"),
                    PickList.code.label("pick_list"),
                    AssayRun.name.label("run"),
                    LabelRange.id.label("kit"),
                )
            )
            .where(Identifier.value.in_({wanted, text.strip()}), reach_of_code(tx.scope))
            .order_by(Identifier.namespace != "house")
            .limit(1)
        )
    ).one_or_none()
    if row is None:
        return None
    if row.run is not None:
        return f"/runs/{row.run}"
    return next(f"{prefix}{getattr(row, kind)}" for kind, prefix in HREFS.items() if getattr(row, kind) is not None)


def coded(query: Select[*tuple[Any, ...]]) -> Select[*tuple[Any, ...]]:
    """The register of codes joined with every kind of thing that a code may name."""
    return (
        query.select_from(Identifier)
        .outerjoin(Specimen, Specimen.id == Identifier.specimen_id)
        .outerjoin(Custody, Custody.specimen_id == Specimen.id)
        .outerjoin(Participant, Participant.id == Identifier.participant_id)
        .outerjoin(Container, Container.id == Identifier.container_id)
        .outerjoin(Package, Package.id == Identifier.package_id)
        .outerjoin(Shipment, or_(Shipment.id == Identifier.shipment_id, Shipment.id == Package.shipment_id))
        .outerjoin(PickList, PickList.id == Identifier.pick_list_id)
        .outerjoin(Plate, Plate.id == Identifier.plate_id)
        .outerjoin(AssayRun, AssayRun.id == Plate.run_id)
        .outerjoin(Kit, Kit.id == Identifier.kit_id)
        .outerjoin(LabelRange, LabelRange.id == Kit.range_id)
    )


def reach_of_code(scope: Callable[[Permission], Scope]) -> ColumnElement[bool]:
    """The condition that the one thing which a code names lies within reach; what is not joined is null and fits
    none.
    """
    return or_(
        and_(Specimen.id.is_not(None), within(scope(Permission.SPECIMEN_READ))),
        and_(
            Participant.id.is_not(None),
            visible(scope(Permission.PARTICIPANT_READ), Participant.study_id, Participant.site_id),
        ),
        and_(Container.id.is_not(None), reach(scope(Permission.STORAGE_READ))),
        and_(
            Shipment.id.is_not(None),
            visible(scope(Permission.SHIPMENT_READ), Shipment.study_id, Shipment.from_site_id, Shipment.to_site_id),
        ),
        and_(
            PickList.id.is_not(None),
            visible(scope(Permission.SPECIMEN_READ), PickList.study_id, PickList.site_id),
        ),
        and_(
            LabelRange.id.is_not(None),
            visible(scope(Permission.LABEL_PRINT), LabelRange.study_id, LabelRange.site_id),
        ),
        and_(AssayRun.id.is_not(None), visible(scope(Permission.ASSAY_READ), AssayRun.study_id, AssayRun.site_id)),
    )


async def trail(
    tx: ReadTx, *, verb: str | None = None, who: str | None = None, before: int | None = None, limit: int = 50
) -> Page[TrailRow]:
    """The deeds within reach, newest first. Deeds of no study (logins, users) are an administrator's to see."""
    conditions = [
        _EVENT,
        visible(tx.scope(Permission.AUDIT_READ), AuditEntry.study_id, AuditEntry.site_id),
    ]
    if verb:
        conditions.append(AuditEntry.name.startswith(verb, autoescape=True))
    if who:
        user = select(AppUser.id).where(AppUser.username == who.strip().lower())
        conditions.append(AuditEntry.actor_id == user.scalar_subquery())
    if before is not None:
        conditions.append(AuditEntry.id < before)
    rows = await _deeds(tx, conditions, limit + 1)
    return cut(rows, limit, lambda row: row.number)


async def touches(
    tx: ReadTx, tables: tuple[str, ...], row_id: int, about: Sequence[tuple[str, int]], limit: int = 100
) -> list[TrailRow]:
    """Who touched a thing: the deeds of every transaction that changed its rows, newest first. Of a transaction with
    deeds `about` one of these subjects and keys only those: an import has thousands that concern others. The caller
    has checked the reach.
    """
    changed = select(AuditEntry.tx).where(AuditEntry.name.in_(tables), AuditEntry.row_id == row_id)
    touched = {row.tx for row in await tx.session.execute(changed.distinct())}
    about_it = await tx.session.execute(
        select(AuditEntry.id, AuditEntry.tx).where(
            _EVENT,
            AuditEntry.row_id.in_({key for _, key in about}),
            tuple_(cast(AuditEntry.body, JSONB)["subject"].astext, AuditEntry.row_id).in_(about),
        )
    )
    own = {row.id: row.tx for row in about_it if row.tx in touched}
    others = touched - set(own.values())
    return await _deeds(tx, [_EVENT, or_(AuditEntry.id.in_(own), AuditEntry.tx.in_(others))], limit)


# A word in the statement itself, so that the indexes of events are used whatever plan is kept.
_EVENT = AuditEntry.kind == literal_column("'event'")
MOST_CHANGES = 500
"""Changed rows of one transaction are shown and counted up to here: an import changes tens of thousands."""
_COUNTED = text("""
select given.tx, (select count(*) from (
           select from audit_entry a where a.tx = given.tx and a.kind <> 'event' limit :most) as counted)
  from unnest(cast(:transactions as uuid[])) as given(tx)
""")


async def _deeds(tx: ReadTx, conditions: list[ColumnElement[bool]], limit: int) -> list[TrailRow]:
    rows = await tx.session.execute(
        select(
            AuditEntry.id,
            AuditEntry.tx,
            AuditEntry.at,
            AuditEntry.name,
            AuditEntry.row_id,
            AuditEntry.body,
            AppUser.username,
            Study.code.label("study"),
            Site.code.label("site"),
        )
        .outerjoin(AppUser, AppUser.id == AuditEntry.actor_id)
        .outerjoin(Study, Study.id == AuditEntry.study_id)
        .outerjoin(Site, Site.id == AuditEntry.site_id)
        .where(*conditions)
        .order_by(AuditEntry.id.desc())
        .limit(limit)
    )
    found = [(row, json.loads(row.body)) for row in rows]
    things = await _things(tx, [(body["subject"], row.row_id) for row, body in found])
    transactions = {"transactions": list({row.tx for row, _ in found}), "most": MOST_CHANGES}
    counted = {row[0]: row[1] for row in await tx.session.execute(_COUNTED, transactions)}
    return [
        _trail_row(row, body, things.get((body["subject"], row.row_id)), counted.get(row.tx, 0)) for row, body in found
    ]


def _trail_row(row: Any, body: dict[str, Any], thing: str | None, changed: int) -> TrailRow:
    known = {"subject", "reason", "request", "channel"}
    prefix = HREFS.get(body["subject"])
    return TrailRow(
        number=row.id,
        at=row.at,
        who=row.username or "service",
        verb=row.name,
        subject=body["subject"],
        thing=thing,
        href=prefix + thing if prefix and thing else None,
        study=row.study,
        site=row.site,
        reason=body["reason"],
        channel=body["channel"] or "",
        request=body["request"] or "",
        details={key: value for key, value in body.items() if key not in known},
        changes=changed,
    )


async def _things(tx: ReadTx, subjects: list[tuple[str, int | None]]) -> dict[tuple[str, int | None], str]:
    """The codes of the things that deeds were done to: a page of deeds in one look-up for each kind."""
    models: dict[str, Any] = {
        "specimen": Specimen,
        "participant": Participant,
        "container": Container,
        "shipment": Shipment,
    }
    found: dict[tuple[str, int | None], str] = {}
    for kind, model in models.items():
        wanted = {row_id for subject, row_id in subjects if subject == kind and row_id is not None}
        if wanted:
            rows = await tx.session.execute(select(model.id, model.code).where(model.id.in_(wanted)))
            found.update({(kind, row.id): row.code for row in rows})
    return found


async def changes(tx: ReadTx, number: int) -> list[ChangeRow]:
    """What the transaction of a deed changed, row by row; empty when the deed is out of reach."""
    deed = select(AuditEntry.tx).where(
        AuditEntry.id == number,
        AuditEntry.kind == "event",
        visible(tx.scope(Permission.AUDIT_READ), AuditEntry.study_id, AuditEntry.site_id),
    )
    rows = await tx.session.execute(
        select(AuditEntry.kind, AuditEntry.name, AuditEntry.body)
        .where(AuditEntry.tx == deed.scalar_subquery(), AuditEntry.kind != "event")
        # Not by the bare id: the planner would walk the whole trail in that order to find one transaction's entries.
        .order_by(AuditEntry.id + 0)
        .limit(MOST_CHANGES)
    )
    return [ChangeRow(kind=row.kind, table=row.name, columns=json.loads(row.body)) for row in rows]
