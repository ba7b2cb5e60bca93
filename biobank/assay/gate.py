"""The gate of assays: whose material is in a tube and whether they allow it now, and what went wrong with it."""

from collections.abc import Collection, Iterable, Mapping

from sqlalchemy import select

from biobank.assay.models import Assay, AssayRun, AssayVersion
from biobank.assay.rules import CONSENT_SCOPE
from biobank.participant.models import Participant
from biobank.participant.queries import decisions, foreseen
from biobank.participant.rules import Decisions
from biobank.picking.blocks import claim_block
from biobank.specimen.claims import claims
from biobank.specimen.deviations import blocking
from biobank.specimen.lineage import contributors
from biobank.specimen.models import IdentityDoubt
from biobank.tx import ReadTx, Tx


async def claimed(tx: ReadTx, purposes: Collection[str], specimen_ids: Iterable[int]) -> dict[int, str]:
    """By tube, why somebody else's claim keeps it from an assay; a claim for one of `purposes` does not."""
    blocks = {tube: claim_block("", claim, purposes) for tube, claim in (await claims(tx, specimen_ids)).items()}
    return {tube: f"the tube {block.words}" for tube, block in blocks.items() if block is not None}


async def purposes_of(tx: ReadTx, run: AssayRun) -> tuple[str, ...]:
    """What a claim may be for that a run fulfils: the run, or its assay by code or title."""
    assay = await tx.session.execute(
        select(Assay.code, Assay.title)
        .join(AssayVersion, AssayVersion.assay_id == Assay.id)
        .where(AssayVersion.id == run.assay_version_id)
    )
    return (run.name, *assay.one())


async def refused(tx: Tx, specimen_ids: Iterable[int]) -> dict[int, str]:
    """By tube, why the consent gate stops it; tubes that may be used are left out.

    Everybody whose material is in the tubes is held until the commit, so that no withdrawal slips in between.
    """
    people = await contributors(tx, specimen_ids)
    return await _stopped(tx, people, await decisions(tx, _everybody(people))) | await _doubtful(tx, people)


async def would_be_refused(tx: ReadTx, specimen_ids: Iterable[int]) -> dict[int, str]:
    """By tube, why the consent gate would stop it at this moment; nobody is held to it."""
    people = await contributors(tx, specimen_ids)
    return await _stopped(tx, people, await foreseen(tx, _everybody(people))) | await _doubtful(tx, people)


async def _doubtful(tx: ReadTx, specimen_ids: Iterable[int]) -> dict[int, str]:
    """Tubes of which it is in doubt whose they are: what was measured of them is nobody's until that is settled."""
    rows = await tx.session.execute(
        select(IdentityDoubt.specimen_id).where(
            IdentityDoubt.specimen_id.in_(list(specimen_ids)), IdentityDoubt.settled_at.is_(None)
        )
    )
    return dict.fromkeys(rows.scalars(), "it is in doubt whose tube this is")


def _everybody(people: Mapping[int, frozenset[int]]) -> set[int]:
    return set().union(*people.values())


async def _stopped(
    tx: ReadTx, people: Mapping[int, frozenset[int]], decided: Mapping[str, Decisions]
) -> dict[int, str]:
    rows = await tx.session.execute(
        select(Participant.id, Participant.code).where(Participant.id.in_(_everybody(people)))
    )
    stopped: dict[int, str] = {}
    for person in rows:
        decision = decided[person.code]
        if decision.stopped:
            stopped[person.id] = "consent was withdrawn"
        elif CONSENT_SCOPE not in decision.granted:
            stopped[person.id] = "there is no consent to future research"
    return {
        tube: stopped[person]
        for tube, held in people.items()
        for person in sorted(held, reverse=True)
        if person in stopped
    }


async def unfit(tx: Tx, specimen_ids: Iterable[int]) -> dict[int, str]:
    """By tube, why it may not go onto a plate: what the consent gate says, and open deviations that keep a tube from
    being measured. A run that was plated before keeps its wells; its results are judged by consent alone.
    """
    wanted = list(specimen_ids)
    deviated = {
        tube: f"the tube has an open deviation ({titles})"
        for tube, titles in (await blocking(tx, wanted, "assay")).items()
    }
    return deviated | await refused(tx, wanted)
