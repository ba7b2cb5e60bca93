"""What can go wrong when something is drawn: one family, each member with the facts as fields."""

from abc import ABC, abstractmethod
from dataclasses import dataclass, field

from labels.geometry import Size


def _mm(size: Size) -> str:
    return f"{size[0]:.1f} x {size[1]:.1f} mm"


@dataclass(eq=False)
class LabelError(ValueError, ABC):
    """Base of every refusal. `label_number` counts from 1 in the list being printed, or is None outside a list."""

    label_number: int | None = field(default=None, init=False)

    @property
    @abstractmethod
    def reason(self) -> str:
        """The refusal in one sentence, with the way out, without the place in the list."""

    def __str__(self) -> str:
        return self.reason if self.label_number is None else f"label {self.label_number}: {self.reason}"


@dataclass(eq=False)
class EmptyListError(LabelError):
    what: str

    @property
    def reason(self) -> str:
        return f"there are no {self.what} to print; give at least one"


@dataclass(eq=False)
class TemplateError(LabelError):
    """A template that cannot be used as it stands. `place` says where, as `elements[2].text`; empty for the whole."""

    template: str
    place: str
    problem: str

    @property
    def reason(self) -> str:
        place = f"{self.place}: " if self.place else ""
        return f"template {self.template!r}: {place}{self.problem}"


@dataclass(eq=False)
class MissingValueError(LabelError):
    """The template asks for a value that the label does not have."""

    template: str
    place: str
    token: str
    code: str

    @property
    def reason(self) -> str:
        return (
            f"template {self.template!r} asks at {self.place} for {{{self.token}}}, and label {self.code!r} has no "
            "such value; give one (it may be empty) or choose another template"
        )


@dataclass(eq=False)
class UnencodableCodeError(LabelError):
    """The symbology, or the house's rule for it, cannot hold these characters (or nothing at all)."""

    code: str
    symbology: str
    characters: str
    alphabet: str = "printable ASCII"

    @property
    def reason(self) -> str:
        if not self.code:
            return f"an empty code cannot be a {self.symbology} symbol"
        held = repr(self.characters) if self.characters else f"{len(self.code)} characters"
        return f"{self.symbology} cannot hold {held} in code {self.code!r}; use {self.alphabet}"


@dataclass(eq=False)
class CodeTooLongError(LabelError):
    """More data than the largest symbol of the symbology holds, whatever the stock."""

    code: str
    symbology: str

    @property
    def reason(self) -> str:
        return f"a code of {len(self.code)} characters ({self.code[:20]}...) is more than a {self.symbology} can hold"


@dataclass(eq=False)
class CodeDoesNotFitError(LabelError):
    """Sizes are (width, height) in mm: needed at the smallest readable module with quiet zones, and available."""

    code: str
    symbology: str
    needed_mm: Size
    available_mm: Size
    stock: str

    @property
    def reason(self) -> str:
        return (
            f"code {self.code!r} as {self.symbology} needs {_mm(self.needed_mm)} but {self.stock} leaves "
            f"{_mm(self.available_mm)}; choose a larger stock or a shorter code"
        )


@dataclass(eq=False)
class TextDoesNotFitError(LabelError):
    """Sizes are (width, height) in mm: needed at the smallest type allowed, and available."""

    text: str
    needed_mm: Size
    available_mm: Size
    stock: str

    @property
    def reason(self) -> str:
        return (
            f"text {self.text!r} needs {_mm(self.needed_mm)} at the smallest readable type but {self.stock} leaves "
            f"{_mm(self.available_mm)}; shorten it, use fewer lines or choose a larger stock"
        )


@dataclass(eq=False)
class OutsideAreaError(LabelError):
    """What stands on no single part of a label that has several, as a cryo label's wrap and cap dot."""

    what: str
    stock: str
    areas: tuple[str, ...]

    @property
    def reason(self) -> str:
        areas = " or ".join(self.areas)
        return f"{self.what} does not lie wholly on the {areas} of {self.stock}; move it in the template"


@dataclass(eq=False)
class UnprintableTextError(LabelError):
    """The font has no glyph for these characters, or they need shaping that is not done here."""

    text: str
    characters: str

    @property
    def reason(self) -> str:
        points = ", ".join(f"{character!r} (U+{ord(character):04X})" for character in self.characters)
        return f"text {self.text!r} holds characters that cannot be printed right: {points}; write it in another script"


@dataclass(eq=False)
class StartOutsideSheetError(LabelError):
    start: int
    per_sheet: int
    stock: str

    @property
    def reason(self) -> str:
        return f"start {self.start} is not a label of {self.stock}: use 0 to {self.per_sheet - 1}"


@dataclass(eq=False)
class StockError(LabelError):
    """A stock definition that contradicts itself. `place` says where, as `areas[0].x`; empty for the whole."""

    stock: str
    problem: str
    place: str = ""

    @property
    def reason(self) -> str:
        place = f"{self.place}: " if self.place else ""
        return f"stock {self.stock!r}: {place}{self.problem}"


@dataclass(eq=False)
class UnreadableFileError(LabelError):
    """What should be a printed file is none, or none that can be checked."""

    problem: str

    @property
    def reason(self) -> str:
        return f"this cannot be read as a PDF of labels: {self.problem}"


@dataclass(eq=False)
class BoxMapError(LabelError):
    """A box map whose cells contradict its grid."""

    box: str
    problem: str

    @property
    def reason(self) -> str:
        return f"box map {self.box!r}: {self.problem}"


@dataclass(eq=False)
class ManifestError(LabelError):
    """A manifest whose parts contradict one another."""

    shipment: str
    problem: str

    @property
    def reason(self) -> str:
        return f"manifest {self.shipment!r}: {self.problem}"


@dataclass(eq=False)
class PickListError(LabelError):
    """A pick list that no paper holds."""

    pick_list: str
    problem: str

    @property
    def reason(self) -> str:
        return f"pick list {self.pick_list!r}: {self.problem}"


@dataclass(eq=False)
class CertificateError(LabelError):
    """A certificate lacks something, or cannot be laid out."""

    participant: str
    problem: str

    @property
    def reason(self) -> str:
        return f"certificate of {self.participant!r}: {self.problem}"
