"""Which importers there are, which of them knows a file, and reading it with the one that does."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from importlib.metadata import entry_points

from assay_importers.contract import Importer, Match, ParsedRun, SourceFile, Verdict
from assay_importers.errors import FaultyFile, NoImporter, NotInstalled, SeveralImporters, UnknownFormat

GROUP = "biobank.assay_importers.v1"


def discover() -> tuple[Importer, ...]:
    """Every importer that an installed package registers, ours included, in the order of their keys.

    Raises `NotInstalled` when there is none, when one cannot be loaded or when two share a key.
    """
    found: dict[str, Importer] = {}
    for point in entry_points(group=GROUP):
        try:
            importer = point.load()()
        except Exception as error:
            raise NotInstalled(f"the importer {point.value!r} cannot be loaded: {error}") from error
        if not isinstance(importer, Importer):
            raise NotInstalled(f"{point.value!r} is registered in {GROUP} but is not an Importer")
        if importer.key in found:
            raise NotInstalled(f"two installed packages register an importer called {importer.key!r}; remove one")
        found[importer.key] = importer
    if not found:
        raise NotInstalled(f"no importer is registered in {GROUP}: install the package, a bare source folder has none")
    return tuple(found[key] for key in sorted(found))


def recognise(file: SourceFile, importers: Iterable[Importer]) -> tuple[Match, ...]:
    """The verdict of every importer on the file, with its reason."""
    return tuple(_match(file, importer) for importer in importers)


def _match(file: SourceFile, importer: Importer) -> Match:
    try:
        verdict, reason = importer.sniff(file.head)
    except Exception as error:  # noqa: BLE001 - one faulty importer must not keep the others from reading the file
        verdict, reason = Verdict.NO, f"its recognition failed: {type(error).__name__}: {error}"
    return Match(format=importer.key, verdict=verdict, reason=reason)


def parse(file: SourceFile, format_key: str | None = None, importers: Sequence[Importer] | None = None) -> ParsedRun:
    """Read the file in this process with the only importer that says YES, or with the one that was named.

    Raises `ImporterError`. Files from outside go through `assay_importers.sandbox`, which sets limits.
    """
    known = {importer.key: importer for importer in (discover() if importers is None else importers)}
    if format_key is not None and format_key not in known:
        raise UnknownFormat(format_key, sorted(known))
    if not file.content:
        raise FaultyFile("the file is empty", expected="the file as the instrument exported it")
    match = recognise(file, known.values())
    if format_key is None:
        claims = [m.format for m in match if m.verdict is Verdict.YES]
        if not claims:
            raise NoImporter(match)
        if len(claims) > 1:
            raise SeveralImporters(match)
        format_key = claims[0]
    return known[format_key].parse(file).model_copy(update={"match": match})
