"""A spilled box by scan: all its tubes in their new order, a look at what that changes, and the deed."""

from biobank import ids
from biobank.accession.bench import attempt
from biobank.rackscan import remapping
from biobank.rackscan.remapping import RemapView
from biobank.scan.answers import Answer, StationScan, shown_box
from biobank.tx import Tx


async def remap(tx: Tx, command: StationScan, box: str) -> Answer:
    """What the scanned order changes, as a question; with its digest the deed itself."""
    if command.digest is None:
        seen = await remapping.look(tx, box, command.codes)
        return Answer(
            verdict="warning",
            word="Re-map it?",
            code=seen.box,
            title=_counted(seen),
            message=_named(seen),
            mode=command.mode,
            confirm="remap",
            digest=seen.digest,
        )
    deed = remapping.RemapBox(scans=command.codes, digest=command.digest)
    done = await attempt(tx, lambda: remapping.remap_box(tx, box, deed))
    return Answer(
        verdict="warning" if done.missing or done.foreign else "ok",
        word="Re-mapped",
        code=done.box,
        title=_counted(done),
        message=_named(done),
        mode=command.mode,
        undo=done.undo,
        **await shown_box(tx, box),
    )


def _counted(view: RemapView) -> str:
    return (
        f"{view.name}: {len(view.moved)} at another position, {view.unchanged} as before, {len(view.missing)} missing, "
        f"{len(view.foreign)} that do not belong here."
    )


def _named(view: RemapView) -> str | None:
    """The tubes that are missing, with where they stood, and those that belong elsewhere, with where that is."""
    gone = [f"{ids.grouped(one.tube or 'a tube out of reach')} of {one.was}" for one in view.missing]
    foreign = [f"{ids.grouped(one.code)} in {one.position} ({one.home})" for one in view.foreign]
    words = [f"Missing: {', '.join(gone)}."] if gone else []
    words += [f"Not of this box: {', '.join(foreign)}."] if foreign else []
    return " ".join(words) or None
