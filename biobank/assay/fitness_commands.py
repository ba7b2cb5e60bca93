"""Fitness rules as a manager writes them, and storing them with a version of an assay."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import select

from biobank.assay.models import FitnessDeviation, FitnessMeasurement, FitnessRule, FitnessSprec
from biobank.catalogue.models import DeviationType, QcQuantity, SpecimenType
from biobank.errors import Invalid
from biobank.tx import Tx

Limit = Annotated[Decimal | None, Field(allow_inf_nan=False, gt=-(10**9), lt=10**9)]
Minutes = Annotated[int | None, Field(gt=0, le=5_000_000)]
Code = Annotated[str, Field(min_length=1, max_length=40)]


class Command(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class LimitsSpec(Command):
    """A measured quality (rin, viability, ...) within limits, both included."""

    quantity: Code
    lowest: Limit = None
    highest: Limit = None


class ElementSpec(Command):
    """The codes that an element of SPREC may have."""

    element: Annotated[int, Field(ge=1, le=7)]
    codes: Annotated[tuple[Annotated[str, Field(pattern=r"^[A-Z0-9]{1,3}$")], ...], Field(min_length=1, max_length=60)]


class FitnessSpec(Command):
    """What a tube of one material must be for an assay. What is left out is not asked.

    `min_quantity` is in the material's unit; delays are minutes from collection.
    """

    specimen_type: Annotated[str, Field(min_length=1, max_length=16)]
    min_quantity: Annotated[Decimal | None, Field(gt=0, le=10**9, decimal_places=6)] = None
    max_freeze_thaws: Annotated[int | None, Field(ge=0, le=1000)] = None
    max_minutes_to_spin: Minutes = None
    max_minutes_to_storage: Minutes = None
    measurements: Annotated[tuple[LimitsSpec, ...], Field(max_length=20)] = ()
    deviations: Annotated[tuple[Code, ...], Field(max_length=100)] = ()
    sprec: Annotated[tuple[ElementSpec, ...], Field(max_length=7)] = ()


async def add_rules(tx: Tx, version_id: int, specs: Sequence[FitnessSpec]) -> None:
    """Store the fitness rules of a version of an assay.

    Raises:
        Invalid: a code that no code table has, something twice, or limits that allow nothing.
    """
    await _check(tx, specs)
    for spec in specs:
        (rule_id,) = await tx.insert(
            FitnessRule,
            [
                {
                    "assay_version_id": version_id,
                    "specimen_type": spec.specimen_type,
                    "min_quantity": spec.min_quantity,
                    "max_freeze_thaws": spec.max_freeze_thaws,
                    "max_minutes_to_spin": spec.max_minutes_to_spin,
                    "max_minutes_to_storage": spec.max_minutes_to_storage,
                }
            ],
        )
        of_rule = {"fitness_rule_id": rule_id}
        await tx.insert(FitnessMeasurement, [{**of_rule, **one.model_dump()} for one in spec.measurements])
        await tx.insert(FitnessDeviation, [{**of_rule, "type_code": one} for one in spec.deviations])
        await tx.insert(
            FitnessSprec,
            [{**of_rule, "element": one.element, "code": code} for one in spec.sprec for code in one.codes],
        )


async def _check(tx: Tx, specs: Sequence[FitnessSpec]) -> None:
    for index, spec in enumerate(specs):
        at = f"fitness.{index}."
        lists: tuple[tuple[str, Sequence[Any]], ...] = (
            ("measurements", [one.quantity for one in spec.measurements]),
            ("deviations", spec.deviations),
            ("sprec", [(one.element, code) for one in spec.sprec for code in one.codes]),
        )
        for name, values in lists:
            if len(set(values)) != len(values):
                raise _wrong(at + name, "names something twice")
        for one in spec.measurements:
            if one.lowest is None and one.highest is None:
                raise _wrong(at + "measurements", f"has no limit for {one.quantity}")
            if one.lowest is not None and one.highest is not None and one.lowest > one.highest:
                raise _wrong(at + "measurements", f"has limits out of order for {one.quantity}")
    named: tuple[tuple[str, Any, set[str]], ...] = (
        ("specimen_type", SpecimenType, {spec.specimen_type for spec in specs}),
        ("measurements", QcQuantity, {one.quantity for spec in specs for one in spec.measurements}),
        ("deviations", DeviationType, {one for spec in specs for one in spec.deviations}),
    )
    for name, table, codes in named:
        known = set((await tx.session.execute(select(table.code).where(table.code.in_(codes)))).scalars())
        if unknown := sorted(codes - known):
            raise _wrong(f"fitness.{name}", f"names what no code table has: {', '.join(unknown)}")
    if len({spec.specimen_type for spec in specs}) != len(specs):
        raise _wrong("fitness", "has two rules for one material")


def _wrong(field: str, message: str) -> Invalid:
    return Invalid(f"The fitness rules cannot be stored: {field} {message}.", errors={field: message})
