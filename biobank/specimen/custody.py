"""Where a tube is: exactly one of five kinds of place. All moves of tubes in the whole house go through `hand_over`."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import insert

from biobank.specimen.models import Custody
from biobank.tx import Tx


@dataclass(frozen=True, slots=True)
class AtPosition:
    """A position of a box, counted from 0 at A1. `site_id` is the box's site; the database holds it to that."""

    container_id: int
    row: int
    col: int
    site_id: int


@dataclass(frozen=True, slots=True)
class InPackage:
    """In a package of a shipment. `site_id` is the sending site until it is received."""

    package_id: int
    site_id: int


@dataclass(frozen=True, slots=True)
class WithHolder:
    """In a person's hands or on their bench."""

    holder_id: int
    site_id: int


@dataclass(frozen=True, slots=True)
class WithParty:
    """With a laboratory, vendor or researcher outside the house."""

    external_party_id: int


@dataclass(frozen=True, slots=True)
class Ended:
    """`terminal` is disposed, consumed, missing, lost or transferred. `site_id` is where a missing or lost tube is
    looked for, and keeps it within reach there.
    """

    terminal: str
    site_id: int | None = None


FINDABLE = frozenset({"missing", "lost"})
"""Ends from which a tube comes back when it turns up."""
Place = AtPosition | InPackage | WithHolder | WithParty | Ended
_COLUMNS = ("container_id", "row", "col", "package_id", "holder_id", "external_party_id", "terminal", "site_id")


def columns(place: Place) -> dict[str, Any]:
    """The columns of `custody` for a place: its own, and null for those of the other kinds."""
    return {name: getattr(place, name, None) for name in _COLUMNS}


async def begin_custody(tx: Tx, places: Sequence[tuple[int, Place]]) -> None:
    """The first place of newly made tubes, by specimen id."""
    if places:
        rows = [{"specimen_id": specimen_id, **columns(place), "since": tx.now} for specimen_id, place in places]
        await tx.session.execute(insert(Custody), rows)


_MOVE = """
update custody u set container_id = v.container_id, "row" = v.at_row, col = v.at_col, package_id = v.package_id,
       holder_id = v.holder_id, external_party_id = v.external_party_id, terminal = v.terminal, site_id = v.site_id,
       since = $1
  from unnest($2::bigint[], $3::bigint[], $4::int[], $5::int[], $6::bigint[], $7::bigint[], $8::bigint[], $9::text[],
              $10::bigint[])
       as v(tube, container_id, at_row, at_col, package_id, holder_id, external_party_id, terminal, site_id)
 where u.specimen_id = v.tube
"""


async def hand_over(tx: Tx, places: Sequence[tuple[int, Place]]) -> None:
    """Move tubes, by specimen id, in one statement. The history is written by the database; tubes may swap places in
    one call.
    """
    if places:
        await _move(tx, places)


async def hand_over_nothing(tx: Tx) -> None:
    """The statement of `hand_over` for no tube, so that this connection knows its types and triggers."""
    await _move(tx, ())


async def _move(tx: Tx, places: Sequence[tuple[int, Place]]) -> None:
    rows = [columns(place) for _, place in places]
    arrays = [[row[name] for row in rows] for name in _COLUMNS]
    await tx.fetchrow(_MOVE, tx.now, [tube for tube, _ in places], *arrays)
