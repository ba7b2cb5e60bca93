"""Files, importers and made-up exports that the tests of the importers share."""

from __future__ import annotations

import json
import os
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from assay_importers.registry import GROUP

ROOT = Path(__file__).parents[2]
DATA = ROOT.parent / "shared" / "data"
# A package of another laboratory, whose tests run on its own.
collect_ignore = ["example_package"]


def register(folder: Path, name: str, points: dict[str, str]) -> None:
    """Write what an installed package called `name` would have on the path: the importers that it registers."""
    info = folder / f"{name}-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    lines = "".join(f"{key} = {value}\n" for key, value in points.items())
    (info / "entry_points.txt").write_text(f"[{GROUP}]\n{lines}")


@pytest.fixture(scope="session", autouse=True)
def registered(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Our own importers are registered even where the tests run from a folder that was not installed."""
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["entry-points"][GROUP]
    declared.setdefault("plate_layout_grid", "assay_importers.formats.plate_layout:PlateLayoutGrid")
    known = {point.name for point in entry_points(group=GROUP)}
    missing = {key: value for key, value in declared.items() if key not in known}
    folder = tmp_path_factory.mktemp("registered")
    if missing:
        register(folder, "biobank-source", missing)
    sys.path.append(str(folder))
    yield
    sys.path.remove(str(folder))


@pytest.fixture(scope="session")
def data() -> Path:
    """The folder of real files. It is no part of the project; where it is missing only CI insists on it."""
    if not (DATA / "MANIFEST.json").is_file():
        if os.environ.get("CI"):
            pytest.fail(f"the real files are missing: {DATA}")
        pytest.skip(f"the real files are not here: {DATA}")
    return DATA


@pytest.fixture(scope="session")
def manifest(data: Path) -> list[dict[str, object]]:
    return list(json.loads((data / "MANIFEST.json").read_text(encoding="utf-8")))
