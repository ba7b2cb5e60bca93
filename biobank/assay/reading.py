"""Reading the bytes of files in a process of its own, and what an importer's errors mean to people."""

from assay_importers import ImporterError, ParsedRun, sandbox
from assay_importers import errors as importer_errors
from assay_importers.mapping import Mapping
from assay_importers.table_look import Spot, TableLook
from biobank.assay import formats, rules
from biobank.errors import DomainError


async def read(name: str, content: bytes, *, format_key: str | None, limit: int) -> ParsedRun:
    """Read a file in a process of its own. To be called outside of any transaction: it may take half a minute.

    Raises:
        FileTooLarge, FileRefused, FormatUnclear, ImporterFailed: as the file deserves.
    """
    try:
        return await sandbox.parse_bytes_async(
            content, name, format_key=format_key, limits=sandbox.Limits(file_bytes=limit)
        )
    except ImporterError as error:
        raise meant(error) from None


async def read_table(name: str, content: bytes, mapping: Mapping, *, limit: int) -> ParsedRun:
    """Read a table as a mapping says, in a process of its own. To be called as `read` is, and raises what it does."""
    try:
        return await sandbox.parse_mapped_async(content, name, mapping, limits=sandbox.Limits(file_bytes=limit))
    except ImporterError as error:
        raise meant(error) from None


async def look_at_table(name: str, content: bytes, at: Spot | None, *, limit: int) -> TableLook:
    """Look at the beginning of a table in a process of its own. To be called as `read` is, and raises what it does."""
    try:
        return await sandbox.look_at_async(content, name, at, limits=sandbox.Limits(file_bytes=limit))
    except ImporterError as error:
        raise meant(error) from None


def meant(error: ImporterError) -> DomainError:
    """What an importer's error means to the person who handed the file in."""
    match error:
        case importer_errors.FileTooLarge():
            return rules.FileTooLarge(f"Nothing was stored: {error}.", **error.details)
        case importer_errors.NoImporter() | importer_errors.SeveralImporters():
            return rules.FormatUnclear(f"Nothing was stored: {_unclear(error)}", **error.details)
        case importer_errors.UnknownFormat():
            return rules.FormatUnclear(f"Nothing was stored: {error}", **error.details)
        case importer_errors.FaultyFile():
            return rules.FileRefused(f"Nothing was stored: {error}.", **error.details)
        case importer_errors.ParseTimeout():
            return rules.FileRefused(f"Nothing was stored: {error}. Export fewer plates into one file.")
    return rules.ImporterFailed(f"Nothing was stored: {error}. Tell your administrator, and keep the file.")


def _unclear(error: importer_errors.NoImporter | importer_errors.SeveralImporters) -> str:
    """Which formats the file has or may have, by their titles; why it is of no other stands in the error's fields."""
    named = formats.titles()

    def said(verdict: str) -> str:
        return "; ".join(
            f"{named.get(m.format, m.format)} ({m.reason})" for m in error.candidates if m.verdict == verdict
        )

    if sure := said("YES"):
        return f"more than one importer recognises this file: {sure}. Name the one that is meant."
    perhaps = said("MAYBE")
    return "no importer recognises this file. " + (
        f"Perhaps it is one of these, to be named: {perhaps}." if perhaps else "Is it the file that was exported?"
    )
