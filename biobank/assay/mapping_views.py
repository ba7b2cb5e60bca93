"""What people see of the mappings of tables, and of a table before it is imported."""

from datetime import datetime
from typing import Annotated

from pydantic import Field

from assay_importers.mapping import Layout
from assay_importers.mapping import Mapping as ColumnMeanings
from assay_importers.table_look import ShownRow
from biobank.assay.views import ImportPreview, View


class MappingRow(View):
    """The latest version for a header. `id` is the key of keyset paging and is not shown."""

    id: Annotated[int, Field(exclude=True)]
    study: str
    signature: str
    number: int
    columns: tuple[str, ...]
    withdrawn: bool
    made_by: str
    made_at: datetime


class MappingVersionView(View):
    """What was said of a header, by whom, and which runs were read so; `withdrawn` ends what was said before."""

    number: int
    mapping: ColumnMeanings
    withdrawn: bool
    reason: str | None
    made_by: str
    made_at: datetime
    runs: tuple[str, ...]


class MappingView(View):
    """What the columns of a header mean, in all its versions, the latest first."""

    study: str
    signature: str
    number: int
    withdrawn: bool
    mapping: ColumnMeanings
    versions: tuple[MappingVersionView, ...]


class RememberedView(View):
    """The version by which a table is read without being asked: who said it, and when."""

    signature: str
    number: int
    made_by: str
    made_at: datetime


class FirstReading(View):
    """A reading as it would be kept; `raw` is the text of its cell."""

    plate: str | None
    well: str | None
    sample: str | None
    analyte: str | None
    quantity: str
    value: str | None
    unit: str | None
    flag: str | None
    raw: str


class TableProblem(View):
    """Why a table cannot be read with this mapping, and where, as far as that is known."""

    message: str
    line: int | None = None
    column: str | None = None
    value: str | None = None
    expected: str | None = None


class TablePreview(View):
    """A table before it is imported: its first rows, what its columns mean, and what would be read so.

    `layout` is what is shown, `mapping` what it was read with; without one, `problem` says why. `known` is the version
    of the header's mapping (0: nobody spoke of it), `remembered` is there when that version was used. `preview` is what
    importing it would do.
    """

    run: str
    study: str
    name: str
    sheets: tuple[str, ...]
    delimiter: str
    rows: tuple[ShownRow, ...]
    layout: Layout | None
    mapping: ColumnMeanings | None
    signature: str | None
    known: int
    remembered: RememberedView | None
    problem: TableProblem | None
    readings: int
    samples: int
    wells: int
    analytes: int
    facts: int
    first: tuple[FirstReading, ...]
    preview: ImportPreview | None
