"""Which importers there are, which of them knows a file, and reading it with the one that does."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import entry_points

from assay_importers.archives import unpack
from assay_importers.contract import Finding, Head, Importer, Match, ParsedRun, SourceFile, Verdict
from assay_importers.errors import FaultyFile, NoImporter, NotInstalled, SeveralImporters, UnknownFormat
from assay_importers.resaved import texts_of

GROUP = "biobank.assay_importers.v1"

Files = SourceFile | Sequence[SourceFile]

_NO = Verdict.NO
_ORDER = (Verdict.YES, Verdict.MAYBE, Verdict.NO)


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


def recognise(files: Files, importers: Iterable[Importer]) -> tuple[Match, ...]:
    """The verdict of every importer on the file, or on the files of one run together, with its reason."""
    together = tuple((file, file.head) for file in _listed(files))
    return tuple(_match(together, importer) for importer in importers)


def _listed(files: Files) -> tuple[SourceFile, ...]:
    if isinstance(files, SourceFile):
        return (files, *files.companions)
    return tuple(files)


def _match(files: Sequence[tuple[SourceFile, Head]], importer: Importer) -> Match:
    """Several files are claimed by an importer that says YES to one of them and NO to none."""
    found = [_sniff(head, importer) for _, head in files]
    refused = next(
        ((head, why) for (_, head), (verdict, why) in zip(files, found, strict=True) if verdict is _NO), None
    )
    verdict, reason = min(found, key=lambda finding: _ORDER.index(finding.verdict))
    if len(files) > 1 and not importer.several:
        verdict, reason = _NO, "reads one file at a time"
    elif refused is not None:
        verdict, reason = _NO, refused[1] if len(files) == 1 else f"{refused[0].name}: {refused[1]}"
    return Match(format=importer.key, verdict=verdict, reason=reason)


def _sniff(head: Head, importer: Importer) -> Finding:
    try:
        return Finding(*importer.sniff(head))
    except Exception as error:  # noqa: BLE001 - one faulty importer must not keep the others from reading the file
        return Finding(_NO, f"its recognition failed: {type(error).__name__}: {error}")


def parse(files: Files, format_key: str | None = None, importers: Sequence[Importer] | None = None) -> ParsedRun:
    """Read the file, or the files of one run, in this process with the only importer that says YES, or the named one.

    Archives are unpacked first. Raises `ImporterError`. Files from outside go through `assay_importers.sandbox`, which
    sets limits.
    """
    known = {importer.key: importer for importer in (discover() if importers is None else importers)}
    if format_key is not None and format_key not in known:
        raise UnknownFormat(format_key, sorted(known))
    together = unpack(_listed(files))
    if not together:
        raise FaultyFile("no file was given", expected="at least one file")
    for file in together:
        if not file.content:
            which = "the file" if len(together) == 1 else file.name
            raise FaultyFile(f"{which} is empty", expected="the file as the instrument exported it")
    match = recognise(together, known.values())
    if format_key is None:
        claims = _claims(match)
        if not claims:
            again = _saved_again(together[0], known) if len(together) == 1 else None
            if again is None:
                raise NoImporter(match)
            return again
        if len(claims) > 1:
            raise SeveralImporters(match)
        format_key = claims[0]
    importer = known[format_key]
    if len(together) > 1 and not importer.several:
        raise FaultyFile(f"{importer.title} is one file, and {len(together)} were given", expected="one file at a time")
    # The one that is surely of the format leads; the others may be anything that belongs to it.
    leading = next((file for file in together if _sniff(file.head, importer).verdict is Verdict.YES), together[0])
    rest = tuple(file for file in together if file is not leading)
    return importer.parse(SourceFile(leading.name, leading.content, rest)).model_copy(update={"match": match})


def _claims(match: Sequence[Match]) -> list[str]:
    return [one.format for one in match if one.verdict is Verdict.YES]


def _saved_again(file: SourceFile, known: Mapping[str, Importer]) -> ParsedRun | None:
    """A workbook that nobody claims may be a text export that a spreadsheet saved again: its first sheet that exactly
    one importer claims as text.
    """
    for sheet, text, others in texts_of(file):
        match = recognise(text, known.values())
        claims = _claims(match)
        if len(claims) == 1:
            run = known[claims[0]].parse(text)
            note = f"read from the sheet {sheet!r} of a workbook, as the text that a spreadsheet made it of"
            return run.model_copy(
                update={"match": match, "notes": (*run.notes, note), "unread": (*run.unread, *others)}
            )
    return None
