"""Whether tubes are fit for a version of an assay: rules and tubes read from the database, judged by `fitness`."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from pydantic import BaseModel, ConfigDict
from sqlalchemy import select

from biobank import csvfile, ids
from biobank.actor import Permission
from biobank.assay import rules as assay_rules
from biobank.assay.fitness import Limits, OpenDeviation, Rule, Tube, unfit
from biobank.assay.models import (
    Assay,
    AssayVersion,
    FitnessDeviation,
    FitnessMeasurement,
    FitnessRule,
    FitnessSprec,
)
from biobank.catalogue.models import DeviationType, QcQuantity, SpecimenType
from biobank.errors import Invalid, NotFound
from biobank.preanalytics.facts import Facts, minutes_between
from biobank.preanalytics.queries import coded
from biobank.preanalytics.rules import spins_of
from biobank.specimen.models import Custody, Deviation, QcMeasurement, Specimen
from biobank.specimen.queries import replacements, tube_code, within
from biobank.study.queries import study_by_code
from biobank.tx import ReadTx

MOST = 500
"""Tubes that are looked at in one request: what a person pastes, not a study."""


class View(BaseModel):
    model_config = ConfigDict(frozen=True)


class FitView(View):
    """A tube as it was asked for, and why it is unfit; `fit` when there is no reason."""

    text: str
    tube: str | None
    specimen_type: str | None
    fit: bool
    reasons: tuple[str, ...]


class FitnessReport(View):
    study: str
    assay: str
    title: str
    version: int
    fit: int
    unfit: int
    tubes: tuple[FitView, ...]


async def rules_of(tx: ReadTx, version_ids: Iterable[int]) -> Mapping[int, tuple[Rule, ...]]:
    """The fitness rules of versions, by version."""
    found = (
        (
            await tx.session.execute(
                select(FitnessRule).where(FitnessRule.assay_version_id.in_(set(version_ids))).order_by(FitnessRule.id)
            )
        )
        .scalars()
        .all()
    )
    if not found:
        return {}
    named = [one.id for one in found]
    measured: dict[int, list[Limits]] = {}
    for row in await tx.session.execute(
        select(FitnessMeasurement, QcQuantity.title)
        .join(QcQuantity, QcQuantity.code == FitnessMeasurement.quantity)
        .where(FitnessMeasurement.fitness_rule_id.in_(named))
        .order_by(FitnessMeasurement.id)
    ):
        one = row.FitnessMeasurement
        measured.setdefault(one.fitness_rule_id, []).append(Limits(one.quantity, row.title, one.lowest, one.highest))
    deviations: dict[int, set[str]] = {}
    for kind in (
        await tx.session.execute(select(FitnessDeviation).where(FitnessDeviation.fitness_rule_id.in_(named)))
    ).scalars():
        deviations.setdefault(kind.fitness_rule_id, set()).add(kind.type_code)
    codes: dict[int, dict[int, set[str]]] = {}
    for allowed in (
        await tx.session.execute(select(FitnessSprec).where(FitnessSprec.fitness_rule_id.in_(named)))
    ).scalars():
        codes.setdefault(allowed.fitness_rule_id, {}).setdefault(allowed.element, set()).add(allowed.code)
    by_version: dict[int, list[Rule]] = {}
    for rule in found:
        by_version.setdefault(rule.assay_version_id, []).append(
            Rule(
                specimen_type=rule.specimen_type,
                min_quantity=rule.min_quantity,
                max_freeze_thaws=rule.max_freeze_thaws,
                max_minutes_to_spin=rule.max_minutes_to_spin,
                max_minutes_to_storage=rule.max_minutes_to_storage,
                measurements=tuple(measured.get(rule.id, ())),
                deviations=frozenset(deviations.get(rule.id, ())),
                sprec={number: frozenset(some) for number, some in sorted(codes.get(rule.id, {}).items())},
            )
        )
    return {version: tuple(some) for version, some in by_version.items()}


async def unfit_tubes(tx: ReadTx, specimen_ids: Iterable[int], version_id: int) -> Mapping[int, tuple[str, ...]]:
    """By tube, all reasons why it is unfit for a version of an assay; fit ones are left out."""
    wanted = list(dict.fromkeys(specimen_ids))
    rules = (await rules_of(tx, [version_id])).get(version_id, ())
    tubes = await _tubes(tx, wanted, history=any(rule.needs_history for rule in rules))
    judged = {one: unfit(tube, rules) for one, tube in tubes.items()}
    return {one: reasons for one, reasons in judged.items() if reasons}


async def _tubes(tx: ReadTx, wanted: Sequence[int], *, history: bool) -> Mapping[int, Tube]:
    rows = await tx.session.execute(
        select(
            Specimen.id,
            Specimen.specimen_type,
            SpecimenType.title,
            Specimen.quantity,
            Specimen.unit,
            Specimen.freeze_thaw_count,
        )
        .join(SpecimenType, SpecimenType.code == Specimen.specimen_type)
        .where(Specimen.id.in_(wanted))
    )
    measured: dict[int, dict[str, Decimal]] = {}
    for reading in await tx.session.execute(
        select(QcMeasurement.specimen_id, QcMeasurement.quantity, QcMeasurement.value)
        .where(QcMeasurement.specimen_id.in_(wanted))
        .order_by(QcMeasurement.measured_at, QcMeasurement.id)
    ):
        measured.setdefault(reading.specimen_id, {})[reading.quantity] = reading.value
    deviations: dict[int, list[OpenDeviation]] = {}
    for one in await tx.session.execute(
        select(Deviation.specimen_id, DeviationType.code, DeviationType.title, DeviationType.blocks_assay)
        .join(DeviationType, DeviationType.code == Deviation.type_code)
        .where(Deviation.specimen_id.in_(wanted), Deviation.resolved_at.is_(None))
        .order_by(Deviation.id)
    ):
        deviations.setdefault(one.specimen_id, []).append(OpenDeviation(one.code, one.title, one.blocks_assay))
    known = await coded(tx, wanted) if history else {}
    return {
        row.id: Tube(
            specimen_type=row.specimen_type,
            specimen_title=row.title,
            quantity=row.quantity,
            unit=row.unit,
            freeze_thaws=row.freeze_thaw_count,
            measured=measured.get(row.id, {}),
            deviations=tuple(deviations.get(row.id, ())),
            **_history(known.get(row.id)),
        )
        for row in rows
    }


def _history(known: Any) -> dict[str, Any]:
    if known is None:
        return {}
    facts, computed, _ = known
    return {
        "sprec": {element.number: element.code for element in computed.elements},
        "minutes_to_spin": _longest(facts, spin=True),
        "minutes_to_storage": _longest(facts, spin=False),
    }


def _longest(facts: Facts, *, spin: bool) -> Decimal | None:
    """From collection to the first spin or to storage, in minutes: the longest of a pool; None where one is unknown."""
    found = []
    for way in facts.ways:
        spins = spins_of(way)
        end = (spins[0].started_at if spins else None) if spin else way.stored_at
        if way.collected_at is None or end is None or end < way.collected_at:
            return None
        found.append(minutes_between(way.collected_at, end))
    return max(found)


@dataclass(frozen=True, slots=True)
class Chosen:
    """A version of an assay that tubes are judged for."""

    id: int
    number: int
    code: str
    title: str
    study_id: int
    study: str

    @property
    def purposes(self) -> tuple[str, str]:
        """What a claim for it says."""
        return self.code, self.title


async def find_version(
    tx: ReadTx, study: str, assay: str, version: int | None = None, permission: Permission = Permission.ASSAY_READ
) -> Chosen:
    """A version of an assay of a study within reach, by default the latest.

    Raises:
        NotFound: no such study or assay within reach, or no such version.
    """
    found = await study_by_code(tx, study, permission)
    query = (
        select(AssayVersion.id, AssayVersion.number, Assay.code, Assay.title)
        .join(Assay, Assay.id == AssayVersion.assay_id)
        .where(Assay.study_id == found.id, Assay.code == assay)
        .order_by(AssayVersion.number.desc())
        .limit(1)
    )
    if version is not None:
        query = query.where(AssayVersion.number == version)
    chosen = (await tx.session.execute(query)).one_or_none()
    if chosen is None:
        which = f" in version {version}" if version else ""
        raise NotFound(f"Study {found.code} has no assay {assay}{which}.", assay=assay)
    return Chosen(**chosen._mapping, study_id=found.id, study=found.code)


async def report(tx: ReadTx, study: str, assay: str, texts: Sequence[str], version: int | None = None) -> FitnessReport:
    """For tubes by what was typed or scanned, whether they are fit for an assay (its latest version), and all reasons
    why not. Codes that name no tube within reach are told the same way.

    Raises:
        NotFound: no such study or assay within reach, or no such version.
        Invalid: no tube, or too many.
    """
    if not 1 <= len(texts) <= MOST:
        raise Invalid(f"Name 1 to {MOST} tubes; these are {len(texts)}.", errors={"tube": f"are not 1 to {MOST}"})
    chosen = await find_version(tx, study, assay, version)
    asked, misread = _read(texts)
    replaced = await replacements(tx, list(asked.values()))
    asked = {text: replaced.get(code, code) for text, code in asked.items()}
    rows = await tx.session.execute(
        select(
            Specimen.id,
            Specimen.code,
            Specimen.study_id,
            Specimen.specimen_type,
            Specimen.existence,
            Specimen.quality,
            Specimen.hold,
            Custody.package_id,
            Custody.external_party_id,
        )
        .join(Custody, Custody.specimen_id == Specimen.id)
        .where(Specimen.code.in_(asked.values()), within(tx.scope(Permission.SPECIMEN_READ)))
    )
    by_code = {row.code: row for row in rows}
    reasons = await unfit_tubes(tx, [row.id for row in by_code.values()], chosen.id)
    tubes = tuple(
        _fit(text, by_code.get(asked.get(text, "")), misread.get(text), reasons, chosen.study_id)
        for text in dict.fromkeys(texts)
    )
    fit = sum(one.fit for one in tubes)
    return FitnessReport(
        study=chosen.study,
        assay=chosen.code,
        title=chosen.title,
        version=chosen.number,
        fit=fit,
        unfit=len(tubes) - fit,
        tubes=tubes,
    )


def _read(texts: Iterable[str]) -> tuple[dict[str, str], dict[str, str]]:
    """Codes by what was typed, and what is wrong with those that are none."""
    codes, wrong = {}, {}
    for text in texts:
        try:
            codes[text] = tube_code(text)
        except Invalid as error:
            wrong[text] = str(error)
    return codes, wrong


def _fit(text: str, row: Any, misread: str | None, reasons: Mapping[int, tuple[str, ...]], study_id: int) -> FitView:
    if row is None:
        why = misread or f"there is no tube {ids.grouped(ids.canonical(text))[:40]}"
        return FitView(text=text[:40], tube=None, specimen_type=None, fit=False, reasons=(why,))
    state = assay_rules.tube_problem(
        row.existence,
        row.quality,
        row.hold,
        packed=row.package_id is not None,
        outside=row.external_party_id is not None,
    )
    foreign = None if row.study_id == study_id else "the tube belongs to another study"
    told = (*(one for one in (foreign, state) if one), *reasons.get(row.id, ()))
    return FitView(text=text[:40], tube=row.code, specimen_type=row.specimen_type, fit=not told, reasons=told)


def as_csv(report: FitnessReport) -> str:
    """One row a tube; several reasons in one cell, divided by semicolons."""
    rows = (
        (
            one.tube or one.text,
            one.specimen_type,
            report.study,
            report.assay,
            report.version,
            "fit" if one.fit else "unfit",
            "; ".join(one.reasons),
        )
        for one in report.tubes
    )
    return csvfile.written(("tube", "specimen_type", "study", "assay", "version", "fit", "reasons"), rows)
