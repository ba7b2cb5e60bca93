"""Registering equipment, its calibrations, its programs and the lots of reagents."""

from datetime import date
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from biobank.actor import Permission
from biobank.equipment import queries, rules
from biobank.equipment.models import Equipment, EquipmentProgram, ProgramTubeType, ReagentLot
from biobank.equipment.queries import EquipmentView, LotView
from biobank.errors import Invalid
from biobank.study.queries import site_by_code
from biobank.study.rules import check_not_future, today
from biobank.tx import Tx

Code = Annotated[str, Field(pattern=r"^[A-Z0-9][A-Z0-9-]{0,19}$", description="Capital letters, digits, hyphens.")]
Title = Annotated[str, Field(min_length=1, max_length=80)]
Reason = Annotated[str, Field(min_length=3, max_length=500)]
SiteCode = Annotated[str, Field(min_length=1, max_length=16)]


class Command(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class AddEquipment(Command):
    """A device of a site. Without `calibration_due` it is not one that is calibrated."""

    site: SiteCode
    code: Code
    title: Title
    kind: Literal[
        "centrifuge",
        "controlled_rate_freezer",
        "incubator",
        "cell_counter",
        "spectrophotometer",
        "bioanalyzer",
        "extractor",
        "pipette",
        "balance",
        "other",
    ]
    serial_no: Annotated[str | None, Field(min_length=1, max_length=80)] = None
    calibration_due: date | None = None


class Calibrate(Command):
    """The device was calibrated, and is due again on a day. `row_version` is that of the device as it was seen."""

    calibrated_on: date
    calibration_due: date
    certificate: Annotated[str, Field(min_length=1, max_length=120, description="Number of the certificate.")]
    row_version: int


class SetStatus(Command):
    status: Literal["in_service", "out_of_service", "retired"]
    reason: Reason
    row_version: int


class AddProgram(Command):
    """Settings that the device runs under a name, for tubes of these types; of none: for any tube."""

    code: Code
    title: Title
    g_force: Annotated[Decimal | None, Field(gt=0, le=1_000_000, decimal_places=2)] = None
    minutes: Annotated[Decimal | None, Field(gt=0, le=100_000, decimal_places=2)] = None
    celsius: Annotated[Decimal | None, Field(ge=-273, le=200, decimal_places=2)] = None
    brake: bool | None = None
    tube_types: Annotated[tuple[str, ...], Field(max_length=50)] = ()


class WithdrawProgram(Command):
    reason: Reason


class AddReagentLot(Command):
    """A lot of a reagent or consumable. Without `expires_on` it does not expire."""

    site: SiteCode
    reagent: Title
    lot: Annotated[str, Field(min_length=1, max_length=40)]
    expires_on: date | None = None


async def add_equipment(tx: Tx, command: AddEquipment) -> EquipmentView:
    """Register a device of a site, in service.

    Raises:
        NotFound: no such site within reach.
        EquipmentExists: the site has one of this code (from the constraint).
    """
    site = await site_by_code(tx, command.site, Permission.EQUIPMENT_MANAGE)
    fields = command.model_dump(exclude={"site"})
    (equipment_id,) = await tx.insert(Equipment, [{**fields, "site_id": site.id}])
    tx.record("equipment.added", subject="equipment", subject_id=equipment_id, site_id=site.id, equipment=command.code)
    return await queries.equipment_item(tx, site.code, command.code)


async def calibrate(tx: Tx, site: str, code: str, command: Calibrate) -> EquipmentView:
    """Record that a device was calibrated, by its certificate, and when it is due again.

    Raises:
        NotFound: no such device within reach.
        EquipmentChanged: somebody changed it meanwhile.
        Invalid: days that cannot be.
    """
    device, place = await queries.find_equipment(tx, site, code, Permission.EQUIPMENT_MANAGE, lock=True)
    rules.check_version(code, command.row_version, device.row_version)
    check_not_future(command.calibrated_on, tx.now, place.timezone, "calibrated_on")
    if command.calibration_due <= command.calibrated_on:
        raise Invalid(
            "A calibration is due again after it was done.", errors={"calibration_due": "is not after the calibration"}
        )
    device.calibration_due = command.calibration_due
    _changed(tx, device, "equipment.calibrated", certificate=command.certificate, on=command.calibrated_on)
    await tx.session.flush()
    return await queries.equipment_item(tx, site, code)


async def set_status(tx: Tx, site: str, code: str, command: SetStatus) -> EquipmentView:
    """Take a device out of service, put it back, or retire it for good.

    Raises:
        NotFound: no such device within reach.
        EquipmentChanged: somebody changed it meanwhile.
        EquipmentNotUsable: it is retired (from the trigger).
    """
    device, _ = await queries.find_equipment(tx, site, code, Permission.EQUIPMENT_MANAGE, lock=True)
    rules.check_version(code, command.row_version, device.row_version)
    device.status = command.status
    _changed(tx, device, "equipment.status_set", reason=command.reason, status=command.status)
    await tx.session.flush()
    return await queries.equipment_item(tx, site, code)


async def add_program(tx: Tx, site: str, code: str, command: AddProgram) -> EquipmentView:
    """Name settings of a device. They never change: other settings are another program.

    Raises:
        NotFound: no such device within reach.
        EquipmentExists: it has a program of this code (from the constraint).
        Invalid: an unknown tube type, or one named twice (from the constraints).
    """
    device, _ = await queries.find_equipment(tx, site, code, Permission.EQUIPMENT_MANAGE, lock=True)
    fields = command.model_dump(exclude={"tube_types"})
    (program_id,) = await tx.insert(EquipmentProgram, [{**fields, "equipment_id": device.id}])
    await tx.insert(ProgramTubeType, [{"program_id": program_id, "tube_type": one} for one in command.tube_types])
    _changed(tx, device, "equipment.program_added", program=command.code)
    await tx.session.flush()
    return await queries.equipment_item(tx, site, code)


async def withdraw_program(tx: Tx, site: str, code: str, program: str, command: WithdrawProgram) -> EquipmentView:
    """Take a program out of use; past work keeps it.

    Raises:
        NotFound, Invalid, EquipmentNotUsable: no such device, no such program, or one that was withdrawn before.
    """
    device, _ = await queries.find_equipment(tx, site, code, Permission.EQUIPMENT_MANAGE, lock=True)
    found = await queries.program_of(tx, device, program)
    found.is_active = False
    _changed(tx, device, "equipment.program_withdrawn", reason=command.reason, program=program)
    await tx.session.flush()
    return await queries.equipment_item(tx, site, code)


async def add_reagent_lot(tx: Tx, command: AddReagentLot) -> LotView:
    """Register a lot at the site that uses it. Whoever works at the bench may.

    Raises:
        NotFound: no such site within reach.
        EquipmentExists: the site has this lot (from the constraint).
    """
    site = await site_by_code(tx, command.site, Permission.SPECIMEN_PROCESS)
    fields = command.model_dump(exclude={"site"})
    (lot_id,) = await tx.insert(ReagentLot, [{**fields, "site_id": site.id}])
    tx.record(
        "reagent_lot.added",
        subject="reagent_lot",
        subject_id=lot_id,
        site_id=site.id,
        reagent=command.reagent,
        lot=command.lot,
    )
    late = command.expires_on is not None and today(tx.now, site.timezone) > command.expires_on
    return LotView(**command.model_dump(), is_expired=late)


def _changed(tx: Tx, device: Equipment, verb: str, *, reason: str | None = None, **details: Any) -> None:
    device.row_version += 1
    tx.record(
        verb,
        subject="equipment",
        subject_id=device.id,
        site_id=device.site_id,
        reason=reason,
        equipment=device.code,
        **details,
    )
