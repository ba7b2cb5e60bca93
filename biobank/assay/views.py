"""What people see of assays and runs. Surrogate ids are never shown; decimals stay exact."""

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from biobank.exact import Exact


class View(BaseModel):
    model_config = ConfigDict(frozen=True)


class AnalyteView(View):
    code: str
    title: str
    uniprot: str | None


class MeasuredView(View):
    """An analyte as a version measures it."""

    code: str
    title: str
    name_in_file: str
    unit: str
    lloq: Decimal | None
    uloq: Decimal | None


class LimitsView(View):
    quantity: str
    title: str
    lowest: Exact | None
    highest: Exact | None


class AllowedView(View):
    """The codes that an element of SPREC may have."""

    element: int
    codes: tuple[str, ...]


class FitnessView(View):
    """What a tube of one material must be for a version of an assay; None and empty: not asked."""

    specimen_type: str
    min_quantity: Exact | None
    max_freeze_thaws: int | None
    max_minutes_to_spin: int | None
    max_minutes_to_storage: int | None
    measurements: tuple[LimitsView, ...]
    deviations: tuple[str, ...]
    sprec: tuple[AllowedView, ...]


class VersionView(View):
    number: int
    method: str
    importer: str
    effective_from: date
    analytes: tuple[MeasuredView, ...]
    fitness: tuple[FitnessView, ...]


class AssayView(View):
    study: str
    code: str
    title: str
    platform: str
    versions: tuple[VersionView, ...]


class RunRow(View):
    """A run in a list. `code` is its first plate's; `id` is the key of keyset paging and is not shown."""

    id: Annotated[int, Field(exclude=True)]
    code: str
    name: str
    study: str
    site: str
    assay: str
    version: int
    status: str
    operator: str
    created_at: datetime


class WellView(View):
    """A well of a plate map. `code` is the tube's, `text` what is written into the map, `flag` what is odd about it.

    `withheld`: why its results are not released, or are left out of pulls. `unfit`: why the tube is unfit for the
    assay; somebody put it there nevertheless, for `override_reason`.
    """

    row: int
    col: int
    label: str
    role: str
    code: str | None
    text: str
    href: str | None
    flag: str | None
    withheld: str | None = None
    name: str | None
    name_in_file: str | None
    dilution: Decimal
    unfit: str | None
    override_reason: str | None
    overridden_by: str | None


class PlateView(View):
    code: str
    number: int
    name: str
    row_labels: tuple[str, ...]
    col_labels: tuple[str, ...]
    wells: tuple[WellView, ...]


class FileView(View):
    name: str
    sha256: str
    size: int


class QuantitySummary(View):
    """One quantity of one analyte in a run: readings of tubes, of controls, how many are flagged, least and most."""

    analyte: str
    quantity: str
    unit: str | None
    results: int
    controls: int
    flagged: int
    least: Decimal | None
    most: Decimal | None


class RunMapping(View):
    """The version of a mapping by which the run's table was read."""

    signature: str
    number: int


class RunView(View):
    """A run. `header` is the file's own, field by field. `results` counts the current versions by status, `wells` the
    wells by role; times are UTC.
    """

    code: str
    name: str
    study: str
    site: str
    timezone: str
    assay: str
    assay_title: str
    version: int
    method: str
    expected_importer: str
    status: str
    operator: str
    created_at: datetime
    kit_lot: str | None
    importer: str | None
    importer_version: str | None
    mapping: RunMapping | None
    instrument: str | None
    software: str | None
    serial_number: str | None
    batch: str | None
    acquired_at: str | None
    header: dict[str, str]
    imported_by: str | None
    imported_at: datetime | None
    verified_by: str | None
    verified_at: datetime | None
    released_by: str | None
    released_at: datetime | None
    file: FileView | None
    plates: tuple[PlateView, ...]
    wells: dict[str, int]
    results: dict[str, int]
    control_readings: int
    analytes: tuple[QuantitySummary, ...]

    @property
    def controls(self) -> int:
        """Wells that hold a standard, control or blank."""
        return sum(self.wells.get(role, 0) for role in ("standard", "control", "blank"))


class ReadingView(View):
    """A value as it stands and as the file wrote it; controls have no `version` and no `status`."""

    analyte: str
    quantity: str
    value: Decimal | None
    comparator: str | None
    limit_kind: str | None
    unit: str | None
    raw_text: str
    flag: str | None
    version: int | None
    status: str | None
    reason: str | None


class WellDetail(View):
    run: str
    plate: str
    well: WellView
    readings: tuple[ReadingView, ...]
    earlier: tuple[ReadingView, ...]


class CandidateView(View):
    """An importer's verdict on a file."""

    format: str
    verdict: str
    reason: str


class QuantityCount(View):
    quantity: str
    readings: int
    units: tuple[str, ...]


class ChangedReading(View):
    """A reading that the importer of today reads otherwise: null is a reading that is not there."""

    plate: int
    well: str
    analyte: str
    quantity: str
    before: str | None
    after: str | None


class Rereading(View):
    """A run's stored file read again: what would change. `problems` say why it would not be imported any more."""

    run: str
    importer: str
    version_then: str
    version_now: str
    readings: int
    changes: tuple[ChangedReading, ...]
    problems: tuple[str, ...]


class ImportPreview(View):
    """What importing a file would do. `problems` say why it would be refused; empty when it would not.

    `unknown_wells` and `unknown_analytes` are in the file only, `missing_wells` and `missing_analytes` in the run only.
    `in_file_only` counts readings of no well or no analyte by quantity: they stay in the file, which is kept. `roles`
    counts readings by the role of their well.
    """

    run: str
    name: str
    sha256: str
    size: int
    importer: str
    importer_version: str
    candidates: tuple[CandidateView, ...]
    instrument: str | None
    software: str | None
    serial_number: str | None
    batch: str | None
    started_at: str | None
    wells_in_file: int
    unknown_wells: tuple[str, ...]
    missing_wells: tuple[str, ...]
    unknown_analytes: tuple[str, ...]
    missing_analytes: tuple[str, ...]
    quantities: tuple[QuantityCount, ...]
    in_file_only: dict[str, int]
    roles: dict[str, int]
    flags: dict[str, int]
    notes: tuple[str, ...]
    unread: tuple[str, ...]
    problems: tuple[str, ...]
