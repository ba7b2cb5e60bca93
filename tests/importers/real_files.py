"""The checks of real files, evaluated in this process."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from assay_importers.contract import Importer, SourceFile
from assay_importers.corpus import check_run
from assay_importers.registry import parse


def missed(data: Path, manifest: list[dict[str, Any]], formats: set[str], importers: list[Importer]) -> list[str]:
    """What does not hold of the files of these formats, each read by the one of the importers that claims it."""
    wanted = [entry for entry in manifest if entry["format"] in formats]
    assert {entry["format"] for entry in wanted} == formats
    found = []
    for entry in wanted:
        path = data / entry["path"]
        run = parse(SourceFile(path.name, path.read_bytes()), None, importers)
        found += [f"{entry['path']}: {failure}" for failure in check_run(run, entry["checks"])]
    return found
