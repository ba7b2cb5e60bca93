"""Where a tube is and has been, and who touched it: what its page shows beside the tube itself."""

from datetime import datetime
from typing import Any

from sqlalchemy import and_, literal, select, union_all
from sqlalchemy.orm import aliased

from biobank.access.models import AppUser
from biobank.actor import Permission
from biobank.assay.models import Plate, Well
from biobank.overview.queries import TrailRow, View, touches
from biobank.shipment.models import ExternalParty, Package, PackageItem, Shipment
from biobank.specimen.models import CollectionEvent, Custody, CustodyHistory, Specimen
from biobank.specimen.queries import find_specimen, is_blind, tube_code
from biobank.storage.grids import label
from biobank.storage.models import Container, ContainerType
from biobank.storage.past import ways
from biobank.storage.queries import Place, grid_of
from biobank.tx import ReadTx


class Stay(View):
    """One place of a tube in time. `kind` is position, package, holder, party or ended; `until` is None for the
    present. A tube whose box or rack was moved has a stay before and one after.
    """

    kind: str
    path: tuple[Place, ...]
    position: str | None
    words: str | None
    href: str | None
    since: datetime
    until: datetime | None
    by: str


class TubeStory(View):
    """Newest first: where it has been, and the deeds that changed anything of it."""

    stays: tuple[Stay, ...]
    deeds: tuple[TrailRow, ...]


_TABLES = ("specimen", "custody")
_MADE_BY = ("specimen.aliquoted", "specimen.pooled")
"""They name the tubes that a vial was made from, which stays hidden of a blind duplicate."""


async def story(tx: ReadTx, code: str) -> TubeStory:
    """The places and deeds of a tube.

    Raises:
        NotFound: no such tube within reach.
    """
    return await story_of(tx, *await find_specimen(tx, tube_code(code), Permission.SPECIMEN_READ))


async def story_of(tx: ReadTx, tube: Specimen, custody: Custody) -> TubeStory:
    """The places and deeds of a tube that the caller has found."""
    deeds = await touches(tx, _TABLES, tube.id, await _about(tx, tube)) if _may_see_deeds(tx) else []
    if is_blind(tx, tube, custody):
        deeds = [deed for deed in deeds if deed.verb not in _MADE_BY]
    return TubeStory(stays=await _stays(tx, tube.id), deeds=tuple(deeds))


async def _about(tx: ReadTx, tube: Specimen) -> list[tuple[str, int]]:
    """What deeds that concern the tube are done to: itself, its visit, the shipments and runs that it was in."""
    visits = select(literal("visit"), CollectionEvent.visit_id).where(CollectionEvent.id == tube.collection_event_id)
    shipments = select(literal("shipment"), PackageItem.shipment_id).where(PackageItem.specimen_id == tube.id)
    runs = select(literal("assay_run"), Plate.run_id).join(Well, Well.plate_id == Plate.id)
    found = await tx.session.execute(union_all(visits, shipments, runs.where(Well.specimen_id == tube.id)))
    return [("specimen", tube.id), *((subject, key) for subject, key in found)]


def _may_see_deeds(tx: ReadTx) -> bool:
    return tx.actor.may(Permission.AUDIT_READ) or tx.actor.may(Permission.SPECIMEN_PROCESS)


async def _stays(tx: ReadTx, specimen_id: int) -> tuple[Stay, ...]:
    holder, doer = aliased(AppUser), aliased(AppUser)
    rows = (
        await tx.session.execute(
            select(
                CustodyHistory,
                holder.display_name.label("holder"),
                doer.display_name.label("doer"),
                ExternalParty.name.label("party"),
                Shipment.code.label("shipment"),
                Package.number.label("package"),
                ContainerType,
            )
            .outerjoin(holder, holder.id == CustodyHistory.holder_id)
            .outerjoin(doer, doer.id == CustodyHistory.actor_id)
            .outerjoin(ExternalParty, ExternalParty.id == CustodyHistory.external_party_id)
            .outerjoin(Package, Package.id == CustodyHistory.package_id)
            .outerjoin(Shipment, Shipment.id == Package.shipment_id)
            .outerjoin(Container, Container.id == CustodyHistory.container_id)
            .outerjoin(ContainerType, and_(ContainerType.id == Container.type_id, ContainerType.rows.is_not(None)))
            .where(CustodyHistory.specimen_id == specimen_id)
            .order_by(CustodyHistory.since.desc(), CustodyHistory.id.desc())
        )
    ).all()
    histories = [row.CustodyHistory for row in rows]
    stood = [number for number, was in enumerate(histories) if was.container_id is not None]
    spans = await ways(
        tx, [(was.container_id, was.since, was.until) for was in (histories[number] for number in stood)]
    )
    by_row = {stood[number]: found for number, found in spans.items()}
    stays: list[Stay] = []
    for number, row in enumerate(rows):
        stay = _stay(row)
        way = by_row.get(number, ())
        for later, span in reversed(list(enumerate(way))):
            by = _WITH_ITS_BOX if later else stay.by
            stays.append(
                stay.model_copy(update={"path": span.path, "since": span.since, "until": span.until, "by": by})
            )
        if not way:
            stays.append(stay)
    return tuple(stays)


_WITH_ITS_BOX = "moved with its box"


def _stay(row: Any) -> Stay:
    was: CustodyHistory = row.CustodyHistory
    kind, words, href, position = "ended", was.terminal, None, None
    if was.container_id is not None:
        kind, words = "position", None
        grid = grid_of(row.ContainerType)
        position = None if grid is None else label(grid, was.row or 0, was.col or 0)
    elif row.shipment is not None:
        kind, words, href = "package", f"package {row.package} of shipment", f"/shipments/{row.shipment}"
    elif row.holder is not None:
        kind, words = "holder", f"in the hands of {row.holder}"
    elif row.party is not None:
        kind, words = "party", f"with {row.party}"
    return Stay(
        kind=kind,
        path=(),
        position=position,
        words=words,
        href=href,
        since=was.since,
        until=was.until,
        by=row.doer or "service",
    )
