"""The real instrument file of the thread, with what its manifest says that a reader must find in it."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

SHARED = Path(__file__).parents[3] / "shared" / "data"
NAME = "luminex_xponent/luminex_xPONENT_example02.csv"


def real_file() -> tuple[bytes, list[dict[str, Any]]]:
    """The bytes and the manifest's checks. Skipped where the sample files are not there; under CI that is a failure."""
    if not SHARED.is_dir():
        message = f"the sample files are not there: {SHARED}"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    manifest = json.loads((SHARED / "MANIFEST.json").read_text(encoding="utf-8"))
    return (SHARED / NAME).read_bytes(), next(entry for entry in manifest if entry["path"] == NAME)["checks"]
