"""Equipment, its programs and the reagent lots of sites within reach."""

from collections.abc import Sequence
from datetime import date

from pydantic import BaseModel, ConfigDict
from sqlalchemy import select

from biobank.actor import Permission
from biobank.equipment import rules
from biobank.equipment.models import Equipment, EquipmentProgram, ProgramTubeType, ReagentLot
from biobank.errors import Invalid, NotFound
from biobank.exact import Exact
from biobank.study.models import Site
from biobank.study.queries import site_by_code, site_reach
from biobank.study.rules import today
from biobank.tx import ReadTx


class View(BaseModel):
    model_config = ConfigDict(frozen=True)


class ProgramView(View):
    """`tube_types` is empty where the program is meant for any tube."""

    code: str
    title: str
    g_force: Exact | None
    minutes: Exact | None
    celsius: Exact | None
    brake: bool | None
    is_active: bool
    tube_types: tuple[str, ...]


class EquipmentView(View):
    """`calibration` is overdue, soon, valid or none, on the site's day."""

    site: str
    code: str
    title: str
    kind: str
    serial_no: str | None
    status: str
    calibration_due: date | None
    calibration: str
    row_version: int
    programs: tuple[ProgramView, ...]


class LotView(View):
    site: str
    reagent: str
    lot: str
    expires_on: date | None
    is_expired: bool


_FIRST = {"overdue": 0, "soon": 1}


async def equipment(tx: ReadTx, *, site: str | None = None, code: str | None = None) -> tuple[EquipmentView, ...]:
    """The equipment of sites within reach: due calibrations first, retired equipment last."""
    query = (
        select(Equipment, Site.code.label("site"), Site.timezone)
        .join(Site, Site.id == Equipment.site_id)
        .where(site_reach(tx.scope(Permission.SPECIMEN_READ)))
        .order_by(Site.code, Equipment.code)
    )
    if site:
        query = query.where(Site.code == site)
    if code:
        query = query.where(Equipment.code == code)
    rows = (await tx.session.execute(query)).all()
    programs = await _programs(tx, [row.Equipment.id for row in rows])
    found = []
    for row in rows:
        one: Equipment = row.Equipment
        device = rules.Device(row.site, one.code, one.status, one.calibration_due)
        found.append(
            EquipmentView(
                site=row.site,
                code=one.code,
                title=one.title,
                kind=one.kind,
                serial_no=one.serial_no,
                status=one.status,
                calibration_due=one.calibration_due,
                calibration=rules.calibration_state(device, today(tx.now, row.timezone)),
                row_version=one.row_version,
                programs=programs.get(one.id, ()),
            )
        )
    return tuple(
        sorted(
            found,
            key=lambda one: (
                one.status == "retired",
                _FIRST.get(one.calibration, 2),
                one.calibration_due or date.max if one.calibration in _FIRST else date.max,
            ),
        )
    )


async def equipment_item(tx: ReadTx, site: str, code: str) -> EquipmentView:
    """One piece of equipment with its programs.

    Raises:
        NotFound: none of this code at the site within reach.
    """
    found = await equipment(tx, site=site, code=code)
    if not found:
        raise NotFound(f"There is no equipment {code} at {site}.", site=site, equipment=code)
    return found[0]


async def _programs(tx: ReadTx, equipment_ids: Sequence[int]) -> dict[int, tuple[ProgramView, ...]]:
    rows = (
        await tx.session.execute(
            select(EquipmentProgram)
            .where(EquipmentProgram.equipment_id.in_(equipment_ids))
            .order_by(EquipmentProgram.is_active.desc(), EquipmentProgram.code)
        )
    ).scalars()
    programs = list(rows)
    tubes = await tube_types_of(tx, [one.id for one in programs])
    found: dict[int, list[ProgramView]] = {}
    for one in programs:
        found.setdefault(one.equipment_id, []).append(
            ProgramView(
                code=one.code,
                title=one.title,
                g_force=one.g_force,
                minutes=one.minutes,
                celsius=one.celsius,
                brake=one.brake,
                is_active=one.is_active,
                tube_types=tubes.get(one.id, ()),
            )
        )
    return {key: tuple(of) for key, of in found.items()}


async def tube_types_of(tx: ReadTx, program_ids: Sequence[int]) -> dict[int, tuple[str, ...]]:
    """By program id, the tube types that it is meant for."""
    rows = await tx.session.execute(
        select(ProgramTubeType.program_id, ProgramTubeType.tube_type)
        .where(ProgramTubeType.program_id.in_(program_ids))
        .order_by(ProgramTubeType.tube_type)
    )
    found: dict[int, tuple[str, ...]] = {}
    for row in rows:
        found[row.program_id] = (*found.get(row.program_id, ()), row.tube_type)
    return found


async def find_equipment(
    tx: ReadTx, site: str, code: str, permission: Permission, *, lock: bool = False
) -> tuple[Equipment, Site]:
    """A piece of equipment of a site at which this person holds `permission`; with `lock` it is held until the end.

    Raises:
        NotFound: no such site or equipment within reach.
    """
    place = await site_by_code(tx, site, permission)
    query = select(Equipment).where(Equipment.site_id == place.id, Equipment.code == code)
    found = (await tx.session.execute(query.with_for_update() if lock else query)).scalar_one_or_none()
    if found is None:
        raise NotFound(f"There is no equipment {code} at {site}.", site=site, equipment=code)
    return found, place


async def at_site(tx: ReadTx, site_id: int, code: str) -> Equipment:
    """Equipment by its code at the site where the work is done, held in its present state until the end.

    Raises:
        Invalid: the site has none of this code.
    """
    query = select(Equipment).where(Equipment.site_id == site_id, Equipment.code == code)
    found = (await tx.session.execute(query.with_for_update(read=True))).scalar_one_or_none()
    if found is None:
        raise Invalid(
            f"The site has no equipment {code}: register it, or choose another.",
            errors={"equipment": "is not equipment of this site"},
        )
    return found


async def program_of(tx: ReadTx, equipment: Equipment, code: str) -> EquipmentProgram:
    """A program of a piece of equipment.

    Raises:
        Invalid: it has none of this code.
        EquipmentNotUsable: the program was withdrawn.
    """
    query = select(EquipmentProgram).where(EquipmentProgram.equipment_id == equipment.id, EquipmentProgram.code == code)
    found = (await tx.session.execute(query)).scalar_one_or_none()
    if found is None:
        raise Invalid(
            f"{equipment.code} has no program {code}.", errors={"program": f"is not a program of {equipment.code}"}
        )
    if not found.is_active:
        raise rules.EquipmentNotUsable(
            f"Program {code} of {equipment.code} was withdrawn: use another.", equipment=equipment.code, program=code
        )
    return found


async def lots_at(tx: ReadTx, site_id: int, wanted: Sequence[tuple[str, str]]) -> tuple[ReagentLot, ...]:
    """Lots of a site, by reagent and lot, in the order asked.

    Raises:
        Invalid: naming what the site does not have.
    """
    rows = (await tx.session.execute(select(ReagentLot).where(ReagentLot.site_id == site_id))).scalars()
    known = {(one.reagent, one.lot): one for one in rows}
    missing = [" ".join(one) for one in wanted if one not in known]
    if missing:
        raise Invalid(
            f"The site has no lot {', '.join(missing)}: register it first.",
            errors={"reagents": "names a lot that the site does not have"},
        )
    return tuple(known[one] for one in wanted)


async def reagent_lots(tx: ReadTx, *, site: str | None = None) -> tuple[LotView, ...]:
    """The lots of sites within reach, the latest expiry first; expired ones come last."""
    query = (
        select(ReagentLot, Site.code.label("site"), Site.timezone)
        .join(Site, Site.id == ReagentLot.site_id)
        .where(site_reach(tx.scope(Permission.SPECIMEN_READ)))
        .order_by(ReagentLot.expires_on.desc().nulls_first(), Site.code, ReagentLot.reagent, ReagentLot.lot)
    )
    if site:
        query = query.where(Site.code == site)
    found = []
    for row in await tx.session.execute(query):
        one: ReagentLot = row.ReagentLot
        late = one.expires_on is not None and today(tx.now, row.timezone) > one.expires_on
        found.append(
            LotView(site=row.site, reagent=one.reagent, lot=one.lot, expires_on=one.expires_on, is_expired=late)
        )
    return tuple(sorted(found, key=lambda lot: lot.is_expired))
