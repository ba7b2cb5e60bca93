"""The gate that every tube passes twice: when it is packed and when the shipment leaves. What it looks at stays
locked until the commit.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence

from sqlalchemy import select

from biobank.actor import Permission
from biobank.participant.models import Participant
from biobank.participant.queries import decisions
from biobank.picking.blocks import Blocked, Reason, consent_block, deviation_block, quality_block, refuse_blocked
from biobank.shipment import rules
from biobank.shipment.models import ExternalParty, PackageItem, Shipment
from biobank.shipment.rules import TubeFacts
from biobank.specimen.claims import claims
from biobank.specimen.deviations import blocking
from biobank.specimen.models import Custody, Derivation, Specimen
from biobank.specimen.queries import hold_donors, within
from biobank.study.models import Site
from biobank.tx import Tx


def place_of(custody: Custody) -> str:
    """The kind of place, as the rules call it."""
    if custody.terminal is not None:
        return "ended"
    if custody.package_id is not None:
        return "package"
    if custody.external_party_id is not None:
        return "party"
    return "holder" if custody.holder_id is not None else "position"


async def pass_packing(tx: Tx, shipment: Shipment, codes: Sequence[str]) -> list[Specimen]:
    """The tubes of these canonical codes, locked, if all of them may be packed.

    Raises:
        TubesBlocked: naming each tube that may not, with its reason.
    """
    await hold_donors(tx, Specimen.code.in_(codes))
    rows = await tx.session.execute(
        select(Specimen, Custody)
        .join(Custody, Custody.specimen_id == Specimen.id)
        .where(Specimen.code.in_(codes), within(tx.scope(Permission.SHIPMENT_PACK)))
        .order_by(Specimen.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    found = {row.Specimen.code: (row.Specimen, row.Custody) for row in rows}
    claimed = await claims(tx, [specimen.id for specimen, _ in found.values()])
    ours = await _packed_here(tx, shipment, [specimen.id for specimen, _ in found.values()])
    deviated = await blocking(tx, [specimen.id for specimen, _ in found.values()], "shipping")
    blocked = [Blocked(code, Reason.UNKNOWN, "is not known to you") for code in codes if code not in found]
    fit = []
    for specimen, custody in found.values():
        facts = TubeFacts(
            in_study=specimen.study_id == shipment.study_id,
            exists=specimen.existence == "exists",
            place=place_of(custody),
            here=custody.site_id == shipment.from_site_id,
            in_this=specimen.id in ours,
            quality=specimen.quality,
            hold=specimen.hold,
            claim=claimed.get(specimen.id),
        )
        block = rules.tube_block(specimen.code, facts, shipment.purpose) or deviation_block(
            specimen.code, deviated.get(specimen.id)
        )
        if block is None:
            fit.append(specimen)
        else:
            blocked.append(block)
    blocked += await consent_blocks(tx, shipment, fit)
    refuse_blocked(blocked, "Nothing was packed. Keep these out")
    return fit


async def pass_shipping(tx: Tx, shipment: Shipment, tubes: Iterable[Specimen]) -> None:
    """A second look at the moment of the hand-over: a withdrawal since packing keeps the whole shipment back.

    Raises:
        TubesBlocked: naming the tubes to put back.
    """
    blocked, fit, leaving = [], [], list(tubes)
    deviated = await blocking(tx, [specimen.id for specimen in leaving], "shipping")
    for specimen in leaving:
        block = quality_block(specimen.code, specimen.quality, specimen.hold) or deviation_block(
            specimen.code, deviated.get(specimen.id)
        )
        if block is None:
            fit.append(specimen)
        else:
            blocked.append(block)
    blocked += await consent_blocks(tx, shipment, fit)
    refuse_blocked(blocked, "Nothing was shipped. Open the shipment again and put these back")


async def _packed_here(tx: Tx, shipment: Shipment, tube_ids: Sequence[int]) -> set[int]:
    rows = await tx.session.execute(
        select(PackageItem.specimen_id).where(
            PackageItem.shipment_id == shipment.id, PackageItem.is_open, PackageItem.specimen_id.in_(tube_ids)
        )
    )
    return set(rows.scalars())


async def consent_blocks(tx: Tx, shipment: Shipment, tubes: Collection[Specimen]) -> list[Blocked]:
    """What consent keeps back of these tubes. A pool is judged by everybody whose material is in it."""
    if not tubes:
        return []
    people = await _people(tx, tubes)
    everybody = {person for of_tube in people.values() for person in of_tube}
    decided = await decisions(tx, everybody)
    rows = await tx.session.execute(select(Participant.id, Participant.code).where(Participant.id.in_(everybody)))
    by_id = {row.id: decided[row.code] for row in rows}
    needed = await _needed(tx, shipment)
    judged = (consent_block(tube.code, [by_id[person] for person in sorted(people[tube.id])], needed) for tube in tubes)
    return [block for block in judged if block is not None]


async def _people(tx: Tx, tubes: Collection[Specimen]) -> Mapping[int, set[int]]:
    """By tube id, the participants whose material it holds."""
    found = {tube.id: set() if tube.participant_id is None else {tube.participant_id} for tube in tubes}
    pools = [tube.id for tube in tubes if tube.participant_id is None]
    if pools:
        source = (
            select(Derivation.child_id.label("pool"), Derivation.parent_id.label("id"))
            .where(Derivation.child_id.in_(pools))
            .cte("source", recursive=True)
        )
        source = source.union(
            select(source.c.pool, Derivation.parent_id).join(Derivation, Derivation.child_id == source.c.id)
        )
        rows = await tx.session.execute(
            select(source.c.pool, Specimen.participant_id)
            .join(Specimen, Specimen.id == source.c.id)
            .where(Specimen.participant_id.is_not(None))
        )
        for row in rows:
            found[row.pool].add(row.participant_id)
    return found


async def _needed(tx: Tx, shipment: Shipment) -> tuple[str, ...]:
    here = select(Site.country).where(Site.id == shipment.from_site_id)
    if shipment.to_site_id is not None:
        to = select(Site.country).where(Site.id == shipment.to_site_id)
    else:
        to = select(ExternalParty.country).where(ExternalParty.id == shipment.to_party_id)
    return rules.needed_scopes(
        external=shipment.to_party_id is not None,
        from_country=(await tx.session.execute(here)).scalar_one(),
        to_country=(await tx.session.execute(to)).scalar_one(),
    )
