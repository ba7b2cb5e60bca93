"""Changing one part of a document: a visit, a tube, a step or vials. Pure functions; what comes out keeps the shape,
and `rules` say whether it is sound.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from biobank.errors import NotFound
from biobank.protocol.document import AliquotSpec, Document, Part, StepSpec, TubeSpec, VisitSpec
from biobank.protocol.rules import Path

Whole = TypeVar("Whole", bound=Part)

KINDS: Mapping[str, type[Part]] = {
    "visits": VisitSpec,
    "tubes": TubeSpec,
    "steps": StepSpec,
    "aliquots": AliquotSpec,
}
HOLDS: Mapping[str, frozenset[str]] = {
    "": frozenset({"visits"}),
    "visits": frozenset({"tubes"}),
    "tubes": frozenset({"steps", "aliquots"}),
}
"""By the list that a part stands in, the lists that it holds; the document stands in none."""

_AT = re.compile(r"(visits\.\d{1,3}(\.tubes\.\d{1,3}(\.(steps|aliquots)\.\d{1,3})?)?)?")


def path_of(text: str) -> Path:
    """The path that an address means by `visits.0.tubes.2`; empty is the document itself.

    Raises:
        NotFound: no path of a protocol.
    """
    if not _AT.fullmatch(text):
        raise NotFound("A protocol has no such part.")
    return tuple(int(part) if part.isdigit() else part for part in text.split(".")) if text else ()


def text_of(path: Path) -> str:
    return ".".join(str(part) for part in path)


def kind_of(path: Path) -> str:
    """The list that a part stands in, "" for the document."""
    return str(path[-2]) if path else ""


def part_at(document: Document, path: Path) -> Part:
    """The part that stands there.

    Raises:
        NotFound: none does.
    """
    part: Part = document
    for name, index in zip(path[::2], path[1::2], strict=True):
        parts: tuple[Part, ...] = getattr(part, str(name))
        part = parts[_within(parts, index)]
    return part


def _within(parts: tuple[Part, ...], index: str | int) -> int:
    if not isinstance(index, int) or index >= len(parts):
        raise NotFound("The protocol has no such part any more: look at the draft again.")
    return index


def put(document: Document, path: Path, part: Part) -> Document:
    """With another part in its place. Visits that share the tubes of a renamed one follow it."""
    before = part_at(document, path)
    changed = _changed(document, path, lambda parts, index: (*parts[:index], part, *parts[index + 1 :]))
    if isinstance(before, VisitSpec) and isinstance(part, VisitSpec) and before.code != part.code:
        visits = tuple(
            visit.model_copy(update={"same_tubes_as": part.code}) if visit.same_tubes_as == before.code else visit
            for visit in changed.visits
        )
        return changed.model_copy(update={"visits": visits})
    return changed


def add(document: Document, path: Path, name: str, part: Part) -> tuple[Document, Path]:
    """With a part more at the end of a list of the part at `path`; answers where it stands."""
    whole = part_at(document, path)
    if name not in HOLDS.get(kind_of(path), frozenset()):
        raise NotFound("A protocol has no such part.")
    parts: tuple[Part, ...] = getattr(whole, name)
    grown = whole.model_copy(update={name: (*parts, part)})
    where = (*path, name, len(parts))
    if not path:
        return document.model_copy(update={name: (*parts, part)}), where
    return _changed(document, path, lambda held, index: (*held[:index], grown, *held[index + 1 :])), where


def remove(document: Document, path: Path) -> Document:
    return _changed(document, path, lambda parts, index: (*parts[:index], *parts[index + 1 :]))


def move(document: Document, path: Path, by: int) -> Document:
    """One place up (-1) or down (1) among its neighbours; at the end of the list it stays."""

    def moved(parts: tuple[Part, ...], index: int) -> tuple[Part, ...]:
        other = index + by
        if not 0 <= other < len(parts):
            return parts
        order = list(parts)
        order[index], order[other] = order[other], order[index]
        return tuple(order)

    return _changed(document, path, moved)


def _changed(whole: Whole, path: Path, change: Callable[[tuple[Any, ...], int], tuple[Any, ...]]) -> Whole:
    """The whole with one of its lists changed, somewhere within."""
    if not path:
        raise NotFound("A protocol has no such part.")
    name, rest = str(path[0]), path[2:]
    parts: tuple[Part, ...] = getattr(whole, name)
    index = _within(parts, path[1])
    within = (
        (*parts[:index], _changed(parts[index], rest, change), *parts[index + 1 :]) if rest else change(parts, index)
    )
    return whole.model_copy(update={name: within})
