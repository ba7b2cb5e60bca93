"""The gate that every tube passes when it is reserved, listed, picked and handed over. What it looks at stays locked
until the commit: the participants first, then the tubes; whoever needs a pick list locks it after them.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from sqlalchemy import ColumnElement, select

from biobank.actor import Permission
from biobank.participant.models import Participant
from biobank.participant.queries import decisions
from biobank.participant.rules import Decisions
from biobank.picking import rules
from biobank.picking.blocks import Blocked, Reason, consent_block, quality_block
from biobank.picking.rules import TubeFacts
from biobank.specimen.claims import claims
from biobank.specimen.lineage import contributors
from biobank.specimen.models import Custody, Specimen
from biobank.specimen.queries import within
from biobank.tx import Tx


@dataclass(frozen=True, slots=True)
class Held:
    """Locked tubes by code, and what counts now for everybody whose material is in them."""

    tubes: Mapping[str, tuple[Specimen, Custody]]
    people: Mapping[int, tuple[Decisions, ...]]

    def consent_block(self, tube: Specimen) -> Blocked | None:
        """A pool is judged by everybody whose material is in it."""
        return consent_block(tube.code, self.people[tube.id], rules.CONSENT_TO_PICK)


async def hold(tx: Tx, tubes: ColumnElement[bool], permission: Permission) -> Held:
    """Lock the tubes that meet a condition and are within reach, after the participants of all of them.

    A withdrawal locks its participant and then the tubes; locks that all take in one order cannot end in a deadlock.
    """
    ids = (await tx.session.execute(select(Specimen.id).where(tubes))).scalars().all()
    donors = await contributors(tx, ids)
    everybody = {person for people in donors.values() for person in people}
    decided = await decisions(tx, everybody)
    rows = await tx.session.execute(select(Participant.id, Participant.code).where(Participant.id.in_(everybody)))
    by_id = {row.id: decided[row.code] for row in rows}
    found = await tx.session.execute(
        select(Specimen, Custody)
        .join(Custody, Custody.specimen_id == Specimen.id)
        .where(Specimen.id.in_(ids), within(tx.scope(permission)))
        .order_by(Specimen.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return Held(
        tubes={tube.code: (tube, custody) for tube, custody in found},
        people={tube: tuple(by_id[person] for person in sorted(people)) for tube, people in donors.items()},
    )


def place_of(custody: Custody) -> str:
    """The kind of place: position, holder, package, party or ended."""
    if custody.terminal is not None:
        return "ended"
    if custody.package_id is not None:
        return "package"
    if custody.external_party_id is not None:
        return "party"
    return "holder" if custody.holder_id is not None else "position"


async def claim_blocks(
    tx: Tx, held: Held, codes: Iterable[str], purpose: str, *, mine_only: bool = False
) -> list[Blocked]:
    """What keeps tubes from being reserved or put on a list for a purpose. With `mine_only` a claim of somebody else
    does, whatever it is for: a tube is reserved once.
    """
    claimed = await claims(tx, [tube.id for tube, _ in held.tubes.values()])
    blocked = []
    for code in codes:
        if code not in held.tubes:
            blocked.append(Blocked(code, Reason.UNKNOWN, "is not known to you"))
            continue
        tube, custody = held.tubes[code]
        facts = TubeFacts(
            exists=tube.existence == "exists",
            place=place_of(custody),
            quality=tube.quality,
            hold=tube.hold,
            claim=claimed.get(tube.id),
        )
        block = rules.tube_block(code, facts, *(() if mine_only else (purpose,))) or held.consent_block(tube)
        if block is not None:
            blocked.append(block)
    return blocked


def pick_blocks(held: Held, tubes: Collection[Specimen], site_id: int) -> list[Blocked]:
    """What keeps tubes of a list from being picked, or from being handed over, at this moment."""
    blocked = []
    for tube in tubes:
        _, custody = held.tubes[tube.code]
        place, block = place_of(custody), None
        if tube.existence != "exists":
            block = Blocked(tube.code, Reason.ENDED, f"is recorded as {tube.existence.replace('_', ' ')}")
        elif place == "package":
            block = Blocked(tube.code, Reason.IN_SHIPMENT, "is in an open shipment")
        elif place == "party" or custody.site_id != site_id:
            block = Blocked(tube.code, Reason.NOT_HERE, "is recorded at another site")
        block = block or quality_block(tube.code, tube.quality, tube.hold) or held.consent_block(tube)
        if block is not None:
            blocked.append(block)
    return blocked
