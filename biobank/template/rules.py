"""Rules of label templates: which kinds there are, what each token gives, what a content must be."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from biobank.errors import Conflict, DomainError, Invalid, Stale
from labels import STOCKS, TOKENS, Item, Stock, Template, TemplateError, check

KINDS: Mapping[str, str] = {
    "tube": "Tubes",
    "box": "Boxes",
    "rack": "Racks",
    "shelf": "Shelves and other places",
    "freezer": "Freezers",
    "shipment": "Shipments",
    "kit": "Kits",
    "badge": "Badges and command cards",
}
STANDARD: Mapping[str, str] = {kind: kind for kind in KINDS}
"""By kind, the template that ships as the standard of the house."""

_COPY = "R and the number of a further copy; empty for the first"
_TUBE = {
    "type": "material of the tube, as SER",
    "amount": "nominal or measured content with its unit; P where it is partial",
    "participant": "participant's code in groups; empty for a pool and a blind duplicate",
    "visit": "visit's code; empty for a blind duplicate",
    "number": "which of its kind it is at the visit",
    "of": "how many of its kind there are at the visit",
    "copy": _COPY,
}
_PLACE = {
    "name": "name of the place, as Box 12",
    "way": "way to it from the freezer, as Freezer 3 / Rack B",
    "copy": _COPY,
}
OWN_TOKENS: Mapping[str, Mapping[str, str]] = {
    "tube": _TUBE,
    **dict.fromkeys(("box", "rack", "shelf", "freezer"), _PLACE),
    "shipment": {
        "shipment": "shipment's code in groups, on the label of a package too",
        "number": "which package it is; 0 on the label of the shipment itself",
        "of": "how many packages the shipment has",
        "from": "name of the site that sends",
        "to": "name of the site or laboratory that receives",
        "contents": "class of the substance, as UN 3373",
        "ice": "net mass of dry ice; empty without",
        "copy": _COPY,
    },
    "kit": {
        "whose": "study and site, as LLS CHI",
        "purpose": "what the range is for",
        "range": "number of the range of labels",
        "number": "which kit of the range it is",
        "of": "how many kits the range has",
        "labels": "labels in it, as labels 9 to 16",
        "copy": _COPY,
    },
    "badge": {},
}

_TUBE_SAMPLE = {
    "type": "SER",
    "amount": "500 uL",
    "participant": "PKQ7-M3X9-V7",
    "visit": "BASE",
    "number": "1",
    "of": "8",
    "copy": "",
    "line1": "SER 500 uL",
    "line2": "PKQ7-M3X9-V7",
    "line3": "BASE 1/8",
}
_PLACE_SAMPLE = {
    "name": "Box 12",
    "way": "Freezer 3 / Rack B",
    "copy": "",
    "line1": "Box 12",
    "line2": "Freezer 3 / Rack B",
}
_PARCEL_SAMPLE = {
    "shipment": "XKQ7-M3X9-V7",
    "number": "1",
    "of": "2",
    "from": "Chicago clinic",
    "to": "Central laboratory",
    "contents": "UN 3373 Biological substance, Category B",
    "ice": "Dry ice, 5 kg net",
    "copy": "",
    "line1": "Package 1/2",
    "line2": "From Chicago clinic",
    "line3": "To Central laboratory",
    "line4": "UN 3373 Biological substance, Category B",
    "line5": "Dry ice, 5 kg net",
}
_KIT_SAMPLE = {
    "whose": "LLS CHI",
    "purpose": "Kits of the baseline visit",
    "range": "12",
    "number": "2",
    "of": "25",
    "labels": "labels 9 to 16",
    "copy": "",
    "line1": "LLS CHI kit 2/25, range 12",
    "line2": "labels 9 to 16",
    "line3": "Kits of the baseline visit",
}
_SAMPLES = {
    "tube": _TUBE_SAMPLE,
    **dict.fromkeys(("box", "rack", "shelf", "freezer"), _PLACE_SAMPLE),
    "shipment": _PARCEL_SAMPLE,
    "kit": _KIT_SAMPLE,
    "badge": {"line1": "Confirm", "line2": "move it here, start, stop, make the vials"},
}
TEST_CODE = "TESTTESTNR"
"""The code of a sample or a test label: as long as a house id, and none, for no house id holds an S."""

LARGEST_CONTENT = 2_000_000
LARGEST_PICTURE = 1_000_000
"""Bytes of a content as JSON, and of a PNG file in it."""


class LabelTemplateFaulty(Invalid):
    code = "label-template-faulty"
    title = "The label template has faults"


class LabelTemplateExists(Conflict):
    code = "label-template-exists"
    title = "A label template of this name exists"


class LabelTemplateDraftExists(Conflict):
    code = "label-template-draft-exists"
    title = "The label template has a draft already"


class LabelTemplateIsFinal(Conflict):
    code = "label-template-is-final"
    title = "This version of the label template never changes"


class LabelTemplateNotPublished(Conflict):
    code = "label-template-not-published"
    title = "The label template has no published version"


class LabelTemplateChanged(Stale):
    code = "label-template-changed"
    title = "Somebody else changed this label template"


CONSTRAINTS: Mapping[str, Callable[[], DomainError]] = {
    "uq_label_template_name": lambda: LabelTemplateExists(
        "A label template of this name exists already, here or in another study: choose another name.",
        errors={"name": "is taken"},
    ),
    "uq_label_template_version_draft": lambda: LabelTemplateDraftExists(
        "The template has a draft already: go on with it, or discard it first."
    ),
    "ck_label_template_version_final": lambda: LabelTemplateIsFinal(
        "A published or discarded version of a label template never changes: start a draft of the next one."
    ),
    "ck_label_print_of_a_published_template": lambda: LabelTemplateNotPublished(
        "Labels are printed with a published version of a template only: publish the draft first."
    ),
    "uq_label_template_standard": lambda: LabelTemplateChanged(
        "Somebody else chose the standard template of this kind at this moment: look at it again."
    ),
}


def tokens_of(kind: str) -> Mapping[str, str]:
    """The tokens that a template of this kind may use, and what each gives."""
    return {**TOKENS, **OWN_TOKENS[kind]}


def sample(kind: str) -> Item:
    """A made-up label of this kind. Its code is that of no thing."""
    return Item(TEST_CODE, _SAMPLES[kind])


def stock_for(content: Template) -> str:
    """The stock whose labels come nearest to the size of the template."""
    return min(
        STOCKS,
        key=lambda name: (
            abs(STOCKS[name].label_width - content.width) + abs(STOCKS[name].label_height - content.height)
        ),
    )


def faulty(place: str, problem: str) -> LabelTemplateFaulty:
    return LabelTemplateFaulty(f"{place or 'the template'}: {problem}.", errors={place: problem})


def read(content: Any, name: str, kind: str) -> Template:
    """The template of this name that the content is.

    Raises:
        LabelTemplateFaulty: naming the place of what is wrong.
    """
    try:
        text = json.dumps(content, ensure_ascii=False, allow_nan=False)
        size = len(text.encode())
    except (ValueError, RecursionError, TypeError):
        raise faulty("", "holds what no text or number can be") from None
    if size > LARGEST_CONTENT:
        raise faulty("", f"is larger than the {LARGEST_CONTENT // 1_000_000} MB of a template")
    if "\\u0000" in text:
        raise faulty("", "holds a character that no text can hold")
    try:
        made = Template.from_data(
            {**content, "name": name} if isinstance(content, dict) else content, known=tokens_of(kind)
        )
    except TemplateError as error:
        raise faulty(error.place, error.problem) from None
    if not 0 < len(made.title.strip()) <= 200:
        raise faulty("title", "is empty or longer than 200 characters")
    return made


def parse(text: bytes) -> Any:
    """A template as a JSON file.

    Raises:
        LabelTemplateFaulty: naming line and column of what is no JSON.
    """
    try:
        return json.loads(text.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise faulty("", f"is not UTF-8 at byte {error.start}") from None
    except json.JSONDecodeError as error:
        raise faulty(f"line {error.lineno}, column {error.colno}", f"is no JSON: {error.msg}") from None
    except (RecursionError, ValueError):
        raise faulty("", "is nested too deeply, or holds a number that is too long") from None


def check_publishable(content: Template, stock: Stock, item: Item) -> None:
    """Raises:
    LabelTemplateFaulty: a label of it is refused, or its code cannot be read for certain.
    """
    errors = [finding.message for finding in check(content, stock, item) if finding.severity == "error"]
    if errors:
        raise LabelTemplateFaulty(
            f"On {stock.title} this cannot be printed so that it is read: {'; '.join(errors)}.",
            errors={"stock": "; ".join(errors)},
        )


def check_version(seen: int, current: int) -> None:
    """Raises:
    LabelTemplateChanged: somebody saved the draft since it was seen.
    """
    if seen != current:
        raise LabelTemplateChanged("Somebody else saved this draft meanwhile: load it again before you change it.")


def check_own(name: str, owner: int | None, study_id: int | None) -> None:
    """Raises:
    Invalid: a template of another study than the thing's.
    """
    if owner is not None and owner != study_id:
        raise Invalid(
            f"Template {name} belongs to another study: choose one of the house or of the study of what is printed.",
            errors={"template": "belongs to another study"},
        )
