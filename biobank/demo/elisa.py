"""A run of the ELISA, whose reader gives a table of no known format: somebody said what its columns mean, and it is
remembered.
"""

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal

from assay_importers.contract import SourceFile
from assay_importers.mapping import Column, Mapping, read_with
from assay_importers.table_look import signature_of
from biobank import ids
from biobank.demo import plan
from biobank.demo.bulk import Bulk
from biobank.demo.chance import Minter
from biobank.demo.house import House
from biobank.demo.runs import RunPlan, levels, write_read
from biobank.demo.xponent import Spot
from biobank.tx import Tx

_MOST = 12
_ABOVE = "ELISA-Reader;Platte 1\n\n"
_UPPER, _CUT_OFF = Decimal(400), Decimal(30)
MAPPING = Mapping(
    shape="wide",
    delimiter=";",
    decimal=",",
    header_line=3,
    columns=(
        Column(name="Well", meaning="well"),
        Column(name="Probe", meaning="sample"),
        Column(name="dsDNA", meaning="value", unit="[IU]/mL"),
        Column(name="OD 450 nm", meaning="fact"),
        Column(name="Befund", meaning="flag"),
    ),
)


def plan_elisa(runs: Sequence[RunPlan], minter: Minter) -> RunPlan | None:
    """The day after the first plate of beads was released: some of its tubes once more, by the other method."""
    first = next((run for run in runs if run.status == "released"), None)
    subjects = () if first is None else tuple(one for one in first.subjects if one.person.withdrawn is None)[:_MOST]
    if first is None or not subjects:
        return None
    day = first.day + timedelta(days=1)
    return RunPlan(1, "released", day, subjects, minter(ids.Kind.PLATE), plan.ELISA, thaw=2)


async def write_elisa(tx: Tx, bulk: Bulk, house: House, run: RunPlan, seed: int) -> int:
    """The run and what is remembered of its table; answers how many results it has."""
    spots = [
        Spot(0, "blank", "Leerwert", (0.0,)),
        Spot(1, "control", "Kontrolle negativ", (6.0,)),
        Spot(2, "control", "Kontrolle positiv", (180.0,)),
    ]
    spots += [
        Spot(len(spots) + number, "unknown", f"P{number + 1:02d}", levels(one, seed)[:1])
        for number, one in enumerate(run.subjects)
    ]
    file = SourceFile(f"{run.name}.csv", table(spots))
    technician = house.users["technician"]
    (mapping,) = await bulk.insert(
        "column_mapping",
        "study_id signature number mapping made_by made_at",
        [
            (
                house.study,
                signature_of(MAPPING),
                1,
                MAPPING.model_dump_json(),
                technician,
                run.moment(0, 17 * 60),
            )
        ],
    )
    tx.record(
        "column_mapping.remembered",
        subject="column_mapping",
        subject_id=mapping,
        study_id=house.study,
        number=1,
        columns=len(MAPPING.columns),
    )
    return await write_read(tx, bulk, house, run, spots, file, read_with(MAPPING, file), mapping)


def table(spots: Sequence[Spot]) -> bytes:
    """The file as the reader's software writes it, with decimal commas below two lines of its own."""
    lines = [";".join(column.name for column in MAPPING.columns)]
    for spot in spots:
        level = Decimal(f"{spot.levels[0]:.1f}")
        value = f">{_UPPER}" if level > _UPPER else str(level).replace(".", ",")
        density = str((Decimal("0.052") + min(level, _UPPER) / 160).quantize(Decimal("0.001"))).replace(".", ",")
        call = "" if spot.role == "blank" else "positiv" if level >= _CUT_OFF else "negativ"
        lines.append(f"{spot.well};{spot.sample};{value};{density};{call}")
    return (_ABOVE + "\n".join(lines) + "\n").encode()
