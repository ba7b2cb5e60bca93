"""The gate of assays: whose material is in a tube and whether they allow it now, and what went wrong with it."""

from collections.abc import Iterable

from sqlalchemy import select

from biobank.assay.models import Assay, AssayRun, AssayVersion
from biobank.assay.plates import contributors
from biobank.assay.rules import CONSENT_SCOPE
from biobank.participant.models import Participant
from biobank.participant.queries import decisions
from biobank.picking.blocks import claim_block
from biobank.picking.claims import claims
from biobank.specimen.deviations import blocking
from biobank.tx import Tx


async def claimed(tx: Tx, run: AssayRun, specimen_ids: Iterable[int]) -> dict[int, str]:
    """By tube, why somebody else's claim keeps it from this run; a claim for the run or its assay does not."""
    assay = await tx.session.execute(
        select(Assay.code, Assay.title)
        .join(AssayVersion, AssayVersion.assay_id == Assay.id)
        .where(AssayVersion.id == run.assay_version_id)
    )
    purposes = [run.name, *assay.one()]
    blocks = {tube: claim_block("", claim, purposes) for tube, claim in (await claims(tx, specimen_ids)).items()}
    return {tube: f"the tube {block.words}" for tube, block in blocks.items() if block is not None}


async def refused(tx: Tx, specimen_ids: Iterable[int]) -> dict[int, str]:
    """By tube, why the consent gate stops it; tubes that may be used are left out.

    Everybody whose material is in the tubes is held until the commit, so that no withdrawal slips in between.
    """
    people = await contributors(tx, specimen_ids)
    everyone = set().union(*people.values()) if people else set()
    decided = await decisions(tx, everyone)
    rows = await tx.session.execute(select(Participant.id, Participant.code).where(Participant.id.in_(everyone)))
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
