"""The protocol as one document: the visits of a study and what is collected and made at each.

The same shape is read from a file, sent as JSON, edited on pages and written out again, without loss.
"""

from datetime import date
from decimal import Decimal
from typing import Annotated, Any, Literal, get_args

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer

from biobank.exact import plain

StepType = Literal[
    "clot",
    "centrifuge",
    "incubate",
    "ficoll",
    "wash",
    "lyse",
    "section",
    "extract",
    "quantify",
    "cryo_freeze",
    "transfer",
    "aliquot",
]
STEP_TYPES: tuple[str, ...] = get_args(StepType)
SPUN = frozenset({"centrifuge", "ficoll", "wash"})
"""Steps that a centrifuge does: only these have a force and a brake."""

MOST, FINEST = Decimal(1_000_000), Decimal("0.000001")
_TEXT = r"^[^\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]*$"


def _iso(value: Any) -> Any:
    """A day is written like 2026-11-23; a number is no day, although it could be read as seconds."""
    if isinstance(value, str) and not (len(value) == 10 and value[4] == value[7] == "-"):
        raise ValueError("a day is written like 2026-11-23")
    if isinstance(value, int | float):
        raise ValueError("a day is written like 2026-11-23")  # noqa: TRY004  # pydantic reports ValueError with its place
    return value


def _amount(value: Decimal) -> Decimal:
    """Above zero, of a size that a tube may hold, and without zeros after the point that say nothing.

    Checked here, because a bound in the field's description would make it a number there, and it is answered as text.
    """
    if not 0 < value <= MOST:
        raise ValueError(f"is above 0 and at most {MOST}")
    if value != value.quantize(FINEST):
        raise ValueError("has at most 6 digits after the point")
    return plain(value)


Code = Annotated[
    str, Field(pattern=r"^[A-Z][A-Z0-9-]{1,15}$", description="2 to 16 capital letters, digits or hyphens.")
]
TubeCode = Annotated[
    str, Field(pattern=r"^[a-z][a-z0-9_]{0,29}$", description="1 to 30 small letters, digits or underscores.")
]
Term = Annotated[str, Field(min_length=1, max_length=40, pattern=_TEXT)]
Title = Annotated[str, Field(min_length=1, max_length=200, pattern=_TEXT)]
Words = Annotated[str, Field(min_length=1, max_length=2000, pattern=_TEXT)]
Day = Annotated[date, BeforeValidator(_iso)]
Quantity = Annotated[
    Decimal,
    AfterValidator(_amount),
    PlainSerializer(lambda value: f"{value:f}", return_type=str, when_used="json"),
]
Minutes = Annotated[int, Field(ge=1, le=100_000)]
Force = Annotated[int, Field(ge=1, le=1_000_000)]
Celsius = Annotated[int, Field(ge=-200, le=150)]


class Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)


class StepSpec(Part):
    """Work on a tube: what, begun within how many minutes of the collection, for how long and with which settings."""

    type: StepType
    within_minutes: Minutes | None = None
    min_minutes: Minutes | None = None
    max_minutes: Minutes | None = None
    min_g: Force | None = None
    max_g: Force | None = None
    min_celsius: Celsius | None = None
    max_celsius: Celsius | None = None
    brake: bool | None = None
    sop_version: Term | None = None


class AliquotSpec(Part):
    """`count` vials of one kind, `blind_duplicates` of them under a number of their own. `store` is a temperature
    class.
    """

    specimen_type: Term
    tube_type: Term
    count: Annotated[int, Field(ge=1, le=100)]
    blind_duplicates: Annotated[int, Field(ge=0, le=100)] = 0
    quantity: Quantity
    unit: Term
    store: Term


class TubeSpec(Part):
    """`count` tubes of one kind. `quantity` is what one holds. Without a cohort everybody gives them; `consent_scope`
    keeps them to those who granted it; `store` says where tubes go that are kept as they are.
    """

    code: TubeCode
    specimen_type: Term
    tube_type: Term
    count: Annotated[int, Field(ge=1, le=50)] = 1
    quantity: Quantity
    unit: Term
    cohort: Code | None = None
    consent_scope: Term | None = None
    store: Term | None = None
    handling: Words | None = None
    steps: Annotated[tuple[StepSpec, ...], Field(max_length=30)] = ()
    aliquots: Annotated[tuple[AliquotSpec, ...], Field(max_length=40)] = ()


class VisitSpec(Part):
    """A visit on `day` from T0, which may take place `before` and `after` that many days; without a day it is
    unscheduled and may repeat. Its tubes are its own or those of the visit `same_tubes_as`.
    """

    code: Code
    title: Title
    day: Annotated[int | None, Field(ge=-3650, le=36_500)] = None
    before: Annotated[int, Field(ge=0, le=3650)] = 0
    after: Annotated[int, Field(ge=0, le=3650)] = 0
    same_tubes_as: Code | None = None
    tubes: Annotated[tuple[TubeSpec, ...], Field(max_length=60)] = ()

    @property
    def first(self) -> int:
        """The first day of the window, from T0. Of scheduled visits only."""
        return (self.day or 0) - self.before

    @property
    def last(self) -> int:
        return (self.day or 0) + self.after


class Head(Part):
    """What stands above the visits of a draft."""

    effective_from: Day | None = None
    note: Words | None = None


class Document(Part):
    """The protocol of a study in one version. `effective_from` is proposed until the version is published."""

    format: Literal["biobank-protocol-1"] = "biobank-protocol-1"
    study: Code
    effective_from: Day | None = None
    note: Words | None = None
    visits: Annotated[tuple[VisitSpec, ...], Field(max_length=200)] = ()
