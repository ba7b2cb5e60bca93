"""Rules of equipment: what may be worked with, and what is told. Pure functions on plain values."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from biobank.errors import Conflict, DomainError, Invalid, Stale

CALIBRATION_SOON_DAYS = 30
"""A calibration that is due within this many days is shown as due soon."""

STATUS_WORDS = {"in_service": "in service", "out_of_service": "out of service", "retired": "retired"}


class EquipmentExists(Conflict):
    code = "equipment-exists"
    title = "The site has this already"


class EquipmentNotUsable(Conflict):
    """The equipment is out of service or retired, or its program was withdrawn."""

    code = "equipment-not-usable"
    title = "This equipment cannot be worked with"


class ReagentExpired(Conflict):
    """A lot was past its expiry on the day of the work, and no deviation was named."""

    code = "reagent-expired"
    title = "A reagent lot is expired"


class WrongProgram(Conflict):
    """The program is meant for other tubes, and no deviation was named. `codes` names the tubes."""

    code = "wrong-program"
    title = "This program is meant for other tubes"


class EquipmentChanged(Stale):
    code = "equipment-changed"
    title = "The equipment was changed meanwhile"


CONSTRAINTS: Mapping[str, Callable[[], DomainError]] = {
    "uq_equipment_code": lambda: EquipmentExists("The site has equipment of this code already: choose another code."),
    "uq_equipment_program_code": lambda: EquipmentExists(
        "The equipment has a program of this code already: settings that change are a program of a new code."
    ),
    "uq_program_tube_type_once": lambda: Invalid(
        "A tube type is named twice: name each once.", errors={"tube_types": "names a tube type twice"}
    ),
    "fk_program_tube_type_tube_type": lambda: Invalid(
        "There is no such tube type.", errors={"tube_types": "is not a tube type"}
    ),
    "uq_reagent_lot_once": lambda: EquipmentExists("The site has this lot already."),
    "ck_equipment_code": lambda: Invalid(
        "A code is up to 20 capital letters, digits or hyphens, such as CF-1.", errors={"code": "is not a valid code"}
    ),
    "ck_equipment_program_settings_positive": lambda: Invalid(
        "A force and a duration are above zero.", errors={"g_force": "is not above zero"}
    ),
    "ck_equipment_retired_is_final": lambda: EquipmentNotUsable(
        "Retired equipment stays retired: register what replaces it under a code of its own."
    ),
    "ck_equipment_program_never_changes": lambda: EquipmentExists(
        "The settings of a program never change, because past work refers to them: add a program of a new code."
    ),
}


@dataclass(frozen=True, slots=True)
class Device:
    """What decides whether equipment may be worked with."""

    site: str
    code: str
    status: str
    calibration_due: date | None


@dataclass(frozen=True, slots=True)
class Settings:
    """How a device ran: force in g, minutes, degrees Celsius, brake; None is not known."""

    g_force: Decimal | None = None
    minutes: Decimal | None = None
    celsius: Decimal | None = None
    brake: bool | None = None


@dataclass(frozen=True, slots=True)
class Lot:
    reagent: str
    lot: str
    expires_on: date | None


def check_usable(device: Device) -> None:
    """Equipment that is out of service or retired is not worked with.

    Raises:
        EquipmentNotUsable: naming the device and its state.
    """
    if device.status != "in_service":
        raise EquipmentNotUsable(
            f"{device.code} at {device.site} is {STATUS_WORDS[device.status]}: use another.",
            equipment=device.code,
            site=device.site,
            status=device.status,
        )


def overdue(device: Device, day: date) -> str | None:
    """What is told when the calibration was overdue on the day of the work; None when it was not, or none is due."""
    if device.calibration_due is None or day <= device.calibration_due:
        return None
    return f"The calibration of {device.code} was due on {device.calibration_due.isoformat()}."


def ran(program: Settings, actual: Settings) -> Settings:
    """The settings that count: the actual ones where they were given, those of the program otherwise."""
    return Settings(
        program.g_force if actual.g_force is None else actual.g_force,
        program.minutes if actual.minutes is None else actual.minutes,
        program.celsius if actual.celsius is None else actual.celsius,
        program.brake if actual.brake is None else actual.brake,
    )


def expired(lots: tuple[Lot, ...], day: date) -> str | None:
    """Which lots were past their expiry on the day of the work; a lot may be used on the day it expires."""
    late = [
        f"{one.reagent} {one.lot} expired on {one.expires_on}"
        for one in lots
        if one.expires_on and day > one.expires_on
    ]
    return f"{'; '.join(late)}." if late else None


def check_version(code: str, seen: int, now: int) -> None:
    """A change that was decided on an older state is refused.

    Raises:
        EquipmentChanged: somebody changed it meanwhile.
    """
    if seen != now:
        raise EquipmentChanged(
            f"{code} was changed by somebody else meanwhile: look at it and decide again.", equipment=code
        )


def calibration_state(device: Device, today: date) -> str:
    """`overdue`, `soon`, `valid`, or `none` where no calibration is asked for or the device is retired."""
    if device.calibration_due is None or device.status == "retired":
        return "none"
    if today > device.calibration_due:
        return "overdue"
    return "soon" if (device.calibration_due - today).days <= CALIBRATION_SOON_DAYS else "valid"
