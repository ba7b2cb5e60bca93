"""The tubes of a pick list on the wells of a run, in the order of the list."""

from typing import Annotated

from pydantic import Field

from biobank import ids
from biobank.assay import queries
from biobank.assay.commands import Command
from biobank.assay.plating import PlateWells, WellSpec
from biobank.assay.views import PlateView
from biobank.errors import Invalid
from biobank.picking.queries import pick_list
from biobank.tx import ReadTx


class PlateList(Command):
    """A pick list whose tubes go on the free wells of a plate, column by column."""

    pick_list: Annotated[str, Field(min_length=1, max_length=40)]
    plate: Annotated[int, Field(ge=1)] = 1


async def wells_of(tx: ReadTx, run: str, command: PlateList) -> PlateWells:
    """What plating a list means well by well. Nothing is written yet: plating checks each tube.

    Raises:
        NotFound: no such list or run within reach.
        Invalid: the run has no such plate, the list brought no tubes, or more than there are free wells.
    """
    found = await pick_list(tx, command.pick_list)
    tubes = [line.tube for line in found.lines if line.status == "picked"]
    if not tubes:
        problem = f"Pick list {ids.grouped(found.code)} has brought no tubes yet: pick them first."
        raise Invalid(problem, errors={"pick_list": "has no picked tubes"})
    plates = {plate.number: plate for plate in (await queries.run(tx, run)).plates}
    if command.plate not in plates:
        raise Invalid(f"The run has no plate {command.plate}.", errors={"plate": "is none of this run"})
    free = _free(plates[command.plate])
    if len(tubes) > len(free):
        problem = f"{len(tubes)} tubes were picked and {len(free)} wells are free: take another plate."
        raise Invalid(problem, errors={"plate": "has too few free wells"})
    wells = tuple(WellSpec(well=well, code=tube) for well, tube in zip(free, tubes, strict=False))
    return PlateWells(plate=command.plate, wells=wells)


def _free(plate: PlateView) -> list[str]:
    taken = {(well.row, well.col) for well in plate.wells if well.role != "empty"}
    return [
        f"{row}{col}"
        for across, col in enumerate(plate.col_labels)
        for down, row in enumerate(plate.row_labels)
        if (down, across) not in taken
    ]
