"""What one version of a protocol has otherwise than another, part by part."""

from collections.abc import Iterator, Sequence
from typing import Any, Literal

from biobank.protocol import queries
from biobank.protocol.document import Document, Part, StepSpec, TubeSpec, VisitSpec
from biobank.protocol.queries import VersionHead, View
from biobank.tx import ReadTx


class Difference(View):
    """One thing that differs. `place` is in words, `field` empty where a whole part was added or removed."""

    kind: Literal["added", "removed", "changed", "order"]
    place: str
    field: str | None
    before: str | None
    after: str | None


class ComparisonView(View):
    study: str
    earlier: VersionHead
    later: VersionHead
    differences: tuple[Difference, ...]


async def compare_versions(
    tx: ReadTx, study: str, earlier: int | None = None, later: int | None = None
) -> ComparisonView:
    """Compare two versions of a study's protocol: unless they are named, the latest and the one before it.

    Raises:
        NotFound: no such study within reach, or no such version of it.
    """
    numbers = [head.number for head in (await queries.protocol(tx, study)).versions]
    later = later or next(iter(numbers), 0)
    earlier = earlier or next((number for number in numbers if number < later), later)
    one, other = await queries.version(tx, study, earlier), await queries.version(tx, study, later)
    return ComparisonView(
        study=one.study,
        earlier=one.head,
        later=other.head,
        differences=tuple(differences(one.document, other.document)),
    )


def differences(earlier: Document, later: Document) -> Iterator[Difference]:
    """Everything that differs, in the order of the later document; what was removed stands after what is left."""
    yield from _fields("Protocol", earlier, later)
    yield from _parts("", earlier.visits, later.visits)


def _named(part: Part, index: int) -> tuple[str, str]:
    """The key that a part is found again by, and its name in words."""
    match part:
        case VisitSpec():
            return part.code, f"Visit {part.code}"
        case TubeSpec():
            return part.code, f"tube {part.code}"
        case StepSpec():
            return str(index), f"step {index}"
        case _:
            return str(index), f"vials {index}"


def _parts(place: str, earlier: Sequence[Part], later: Sequence[Part]) -> Iterator[Difference]:
    before = {_named(part, index)[0]: part for index, part in enumerate(earlier, start=1)}
    after = {_named(part, index)[0]: part for index, part in enumerate(later, start=1)}
    for index, part in enumerate(later, start=1):
        key, words = _named(part, index)
        here = f"{place}, {words}" if place else words
        if key not in before:
            yield Difference(kind="added", place=here, field=None, before=None, after=_summary(part))
            continue
        yield from _fields(here, before[key], part)
        if isinstance(part, VisitSpec):
            yield from _parts(here, _held(before[key], "tubes"), part.tubes)
        elif isinstance(part, TubeSpec):
            yield from _parts(here, _held(before[key], "steps"), part.steps)
            yield from _parts(here, _held(before[key], "aliquots"), part.aliquots)
    for index, part in enumerate(earlier, start=1):
        key, words = _named(part, index)
        if key not in after:
            here = f"{place}, {words}" if place else words
            yield Difference(kind="removed", place=here, field=None, before=_summary(part), after=None)
    kept = [key for key in before if key in after]
    if kept != [key for key in after if key in before]:
        order = ", ".join(key for key in after if key in before)
        yield Difference(kind="order", place=place or "Visits", field=None, before=", ".join(kept), after=order)


def _held(part: Part, name: str) -> tuple[Part, ...]:
    held: tuple[Part, ...] = getattr(part, name)
    return held


def _fields(place: str, earlier: Part, later: Part) -> Iterator[Difference]:
    for name in type(later).model_fields:
        before, after = getattr(earlier, name), getattr(later, name)
        if before != after and not isinstance(after, tuple):
            yield Difference(kind="changed", place=place, field=name, before=_words(before), after=_words(after))


def _words(value: Any) -> str | None:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return None if value is None else str(value)


def _summary(part: Part) -> str:
    """A part in a few words."""
    said = part.model_dump(exclude_defaults=True, exclude={"code", "tubes", "steps", "aliquots", "handling"})
    return ", ".join(f"{name.replace('_', ' ')} {_words(value)}" for name, value in said.items())
