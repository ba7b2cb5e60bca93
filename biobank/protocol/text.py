"""The protocol as a YAML file: read with the place of every value, written so that it reads back the same.

Only what a document needs is read: mappings, lists and plain text. Every value is text until the document says what it
means, so a country `NO`, a temperature class `-80` or a time `12:30` is never taken for something else. Aliases,
anchors, tags and a second document are refused, so a small file cannot grow in memory.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

import yaml
from pydantic import ValidationError

from biobank.errors import TooLarge
from biobank.protocol.document import Document
from biobank.protocol.rules import Path, Problem, ProtocolRefused, Vocabulary, problems_of

MOST_BYTES = 256 * 1024
MOST_NODES = 40_000
DEEPEST = 12

Place = tuple[int, int]


class ProtocolFileTooLarge(TooLarge):
    code = "protocol-file-too-large"
    title = "The protocol file is too large"


@dataclass(slots=True)
class Source:
    """A file as it was read: nested mappings, lists and texts, and the line and column of each key and value, from
    1.
    """

    tree: Any = None
    values: dict[Path, Place] = field(default_factory=dict)
    keys: dict[Path, Place] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def place(self, path: Path, *, key: bool = False) -> Place:
        """Where something stands; what is missing stands where its mapping begins."""
        found = self.keys.get(path) if key else None
        while found is None:
            found = self.values.get(path) if path else self.values.get((), (1, 1))
            path = path[:-1]
        return found


class _Reader:
    """Builds a `Source` from the parser's events, one document without aliases and tags."""

    def __init__(self, text: str) -> None:
        self.events: Iterator[Any] = yaml.parse(text, Loader=yaml.CSafeLoader)
        self.source = Source()
        self.nodes = 0

    def read(self) -> Source:
        documents = 0
        for event in self.events:
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    raise _refused("file", (), "holds a second document: a protocol is one", _at(event))
                self.source.tree = self._node(next(self.events), ())
        return self.source

    def _node(self, event: Any, path: Path) -> Any:
        place = _at(event)
        self.nodes += 1
        self.source.values[path] = place
        if isinstance(event, yaml.AliasEvent):
            raise _refused("file", path, f"refers to an anchor (*{event.anchor}): write it out", place)
        if event.anchor is not None or event.tag is not None:
            raise _refused("file", path, "has an anchor or a tag: write plain values", place)
        if self.nodes > MOST_NODES or len(path) > DEEPEST:
            raise _refused("file", (), f"is nested deeper than {DEEPEST} levels or has too many values", place)
        if isinstance(event, yaml.ScalarEvent):
            is_null = event.style is None and event.value in {"", "~", "null"}
            return None if is_null else event.value
        return self._list(path) if isinstance(event, yaml.SequenceStartEvent) else self._mapping(path)

    def _list(self, path: Path) -> list[Any]:
        items: list[Any] = []
        while not isinstance(event := next(self.events), yaml.SequenceEndEvent):
            items.append(self._node(event, (*path, len(items))))
        return items

    def _mapping(self, path: Path) -> dict[str, Any]:
        found: dict[str, Any] = {}
        while not isinstance(event := next(self.events), yaml.MappingEndEvent):
            if not isinstance(event, yaml.ScalarEvent) or event.tag is not None or event.anchor is not None:
                raise _refused("file", path, "a key is plain text", _at(event))
            key, place = event.value, _at(event)
            where = (*path, key)
            if key in found:
                line, column = place
                self.source.problems.append(
                    Problem("duplicate-key", where, "stands here a second time", key, line, column)
                )
                self._node(next(self.events), (*path, f"{key} (again)"))
                continue
            self.source.keys[where] = place
            found[key] = self._node(next(self.events), where)
        return found


def _at(event: Any) -> Place:
    return event.start_mark.line + 1, event.start_mark.column + 1


def _refused(kind: str, path: Path, message: str, place: Place) -> ProtocolRefused:
    return ProtocolRefused([Problem(kind, path, message, None, *place)])


def read_source(content: bytes) -> Source:
    """The values of a file with their places.

    Raises:
        ProtocolFileTooLarge: more than 256 KiB.
        ProtocolRefused: no YAML, or more of YAML than a protocol needs; with line and column.
    """
    if len(content) > MOST_BYTES:
        raise ProtocolFileTooLarge(
            f"A protocol file has at most {MOST_BYTES // 1024} KiB, this one {len(content) // 1024 + 1}.",
            limit=MOST_BYTES,
        )
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        column = error.start - content.rfind(b"\n", 0, error.start)
        raise _refused("file", (), "is not UTF-8 text", (line, column)) from None
    try:
        return _Reader(text).read()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        place = (mark.line + 1, mark.column + 1) if mark is not None else (1, 1)
        raise _refused("file", (), f"is no YAML: {error.problem or error.context}", place) from None
    except yaml.YAMLError as error:
        raise _refused("file", (), f"is no YAML: {str(error).splitlines()[0]}", (1, 1)) from None


def read_document(content: bytes, vocabulary: Vocabulary, study: str | None = None) -> Document:
    """The document of a file, in its right shape and by the rules.

    Raises:
        ProtocolFileTooLarge: more than 256 KiB.
        ProtocolRefused: with every problem, each with line, column, path and value.
    """
    source = read_source(content)
    document, problems = examine(source.tree, vocabulary, study)
    placed = [_placed(problem, source) for problem in problems]
    found = sorted(
        [*source.problems, *placed], key=lambda one: (one.line or 0, one.column or 0, one.place, one.message)
    )
    if found or document is None:
        raise ProtocolRefused(found)
    return document


def named_study(content: bytes) -> str:
    """The code of the study that a file says it is of.

    Raises:
        ProtocolFileTooLarge, ProtocolRefused: the file cannot be read, or names no study.
    """
    source = read_source(content)
    study = source.tree.get("study") if isinstance(source.tree, dict) else None
    if not isinstance(study, str):
        raise _refused("missing-field", ("study",), "is missing: name the study", source.place(("study",)))
    return study


def _placed(problem: Problem, source: Source) -> Problem:
    line, column = source.place(problem.path, key=problem.kind == "unknown-field")
    return replace(problem, line=line, column=column)


def examine(tree: Any, vocabulary: Vocabulary, study: str | None) -> tuple[Document | None, list[Problem]]:
    """A document and everything wrong in it. Where the shape of a part is wrong, the rules still look at the rest."""
    try:
        document = Document.model_validate(tree)
    except ValidationError as error:
        shape = [_from_pydantic(item) for item in error.errors(include_url=False)]
        return None, [*shape, *_beside(tree, [one.path for one in shape], vocabulary, study)]
    return document, problems_of(document, vocabulary, study=study)


_MESSAGES = {"extra_forbidden": "is no field here", "missing": "is missing"}


def _from_pydantic(item: Any) -> Problem:
    kind = {"extra_forbidden": "unknown-field", "missing": "missing-field"}.get(item["type"], "wrong-value")
    message = _MESSAGES.get(item["type"]) or str(item["msg"]).removeprefix("Value error, ")
    value = item["input"]
    shown = str(value)[:80] if isinstance(value, str | int | float | Decimal | bool) else None
    return Problem(kind, tuple(item["loc"]), message, shown)


def _beside(tree: Any, wrong: list[Path], vocabulary: Vocabulary, study: str | None) -> list[Problem]:
    """What the rules say of the parts whose shape is right: wrong values are taken out, and where that does not help,
    the part that holds them.
    """
    if not isinstance(tree, dict):
        return []
    # Without its day a visit would be unscheduled, and its window a contradiction.
    wrong = [*wrong, *((*path[:-1], name) for path in wrong if path[-1:] == ("day",) for name in ("before", "after"))]
    stand_in = {"study": study or "XX"} if ("study",) in wrong else {}
    left, origin, dropped = _without(tree, wrong)
    try:
        document = Document.model_validate(left | stand_in)
    except ValidationError as error:
        again = [origin.get(_part(tuple(item["loc"])), ()) for item in error.errors()]
        left, origin, dropped = _without(tree, [*wrong, *again])
        document = Document.model_validate(left | stand_in)
    found = problems_of(document, vocabulary, study=None if stand_in else study, elsewhere=dropped)
    return [replace(one, path=_traced(one.path, origin)) for one in found]


def _traced(path: Path, origin: dict[Path, Path]) -> Path:
    """A path in what was left, as the path in the file."""
    part = _part(path)
    return (*origin.get(part, part), *path[len(part) :])


def _part(path: Path) -> Path:
    """The innermost visit, tube, step or aliquot of a path, or nothing for the document itself."""
    return path[: max((index + 1 for index, step in enumerate(path) if isinstance(step, int)), default=0)]


def _without(tree: Any, wrong: list[Path]) -> tuple[Any, dict[Path, Path], set[str]]:
    """The tree without what stands at these paths; where each part that is left stood; codes of visits left out."""
    gone, origin, dropped = set(wrong), dict[Path, Path](), set[str]()

    def kept(value: Any, old: Path, new: Path) -> Any:
        if isinstance(value, dict):
            return {key: kept(item, (*old, key), (*new, key)) for key, item in value.items() if (*old, key) not in gone}
        if isinstance(value, list):
            items: list[Any] = []
            for index, item in enumerate(value):
                before, after = (*old, index), (*new, len(items))
                if before in gone:
                    if isinstance(item, dict) and isinstance(item.get("code"), str):
                        dropped.add(item["code"])
                    continue
                origin[after] = before
                items.append(kept(item, before, after))
            return items
        return value

    return kept(tree, (), ()), origin, dropped


class _Dumper(yaml.SafeDumper):
    """Block style, list items indented, texts quoted where another reader would take them for something else."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002  # PyYAML's signature
        super().increase_indent(flow, False)

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002  # PyYAML's signature
        return True


def _decimal(dumper: yaml.SafeDumper, value: Decimal) -> yaml.ScalarNode:
    text = f"{value:f}"
    return dumper.represent_scalar("tag:yaml.org,2002:float" if "." in text else "tag:yaml.org,2002:int", text)


def _words(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style="|" if "\n" in value else None)


_Dumper.add_representer(Decimal, _decimal)
_Dumper.add_representer(str, _words)


def write_document(document: Document, heading: str | None = None) -> str:
    """The file of a document: fields in their order, those that say nothing left out. `heading` is a comment on top."""
    tree = document.model_dump(exclude_defaults=True)
    ordered = {"format": document.format, **tree}
    body = yaml.dump(_lists(ordered), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=110)
    return f"# {heading}\n{body}" if heading else body


def _lists(value: Any) -> Any:
    """Tuples as lists, which YAML has."""
    if isinstance(value, dict):
        return {key: _lists(item) for key, item in value.items()}
    return [_lists(item) for item in value] if isinstance(value, tuple) else value
