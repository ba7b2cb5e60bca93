"""A made-up reading of a plate by a bead instrument, written as its software exports it: the bytes are read back
by the importer itself.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from random import Random

from biobank.demo import plan

ROWS = "ABCDEFGH"
STANDARDS = ("800", "266.7", "88.9", "29.6", "9.9", "3.3", "1.1")
_TOP, _MIDDLE, _GROUND = 28_000, 350, 18


@dataclass(frozen=True, slots=True)
class Spot:
    """A well, counted down the columns, with what the operator called its content and the true level of each
    analyte in U/mL.
    """

    number: int
    role: str
    sample: str
    levels: tuple[float, ...]

    @property
    def row(self) -> int:
        return self.number % 8

    @property
    def col(self) -> int:
        return self.number // 8

    @property
    def well(self) -> str:
        return f"{ROWS[self.row]}{self.col + 1}"

    @property
    def location(self) -> str:
        return f"{self.number + 1}(1,{self.well})"


def reference_spots(*, failed: bool) -> list[Spot]:
    """Seven standards, a blank and two controls. On a failed plate the high control reads three times what it
    should.
    """
    width = len(plan.PANEL)
    spots = [
        Spot(number, "standard", f"Standard{number + 1}", (float(text),) * width)
        for number, text in enumerate(STANDARDS)
    ]
    spots.append(Spot(7, "blank", "Background0", (0.0,) * width))
    spots.append(Spot(8, "control", "Control Low", (15.0,) * width))
    spots.append(Spot(9, "control", "Control High", ((750.0 if failed else 250.0),) * width))
    return spots


def export(spots: Sequence[Spot], batch: str, started: datetime, chance: Random) -> bytes:
    """The file: header, medians, concentrations, units and dilutions, one row a well."""
    names = [analyte.name for analyte in plan.PANEL]
    levels = [[level * chance.lognormvariate(0.0, 0.06) for level in spot.levels] for spot in spots]
    events = [str(chance.randint(700, 1150)) for _ in spots]
    medians = [[_median(level, chance) for level in row] for row in levels]
    results = [
        [_result(level, analyte, chance) for level, analyte in zip(row, plan.PANEL, strict=True)] for row in levels
    ]
    day, clock = f"{started.month}/{started.day}/{started.year}", f"{started:%I:%M:%S %p}".lstrip("0")
    lines: list[Sequence[str]] = [
        ("Program", "xPONENT", "", "MAGPIX"),
        ("Build", "4.3.309.1"),
        ("Date", day, f"{started:%I:%M %p}".lstrip("0")),
        (),
        ("SN", "MAGPX00000001"),
        ("Batch", batch),
        ("Version", "1"),
        ("Operator", "Demo technician"),
        ("ComputerName", "DEMO-MAGPIX"),
        ("Country Code", "409"),
        ("ProtocolName", "Autoantibody 8-plex"),
        ("ProtocolVersion", "1"),
        ("SampleVolume", "50 uL"),
        ("BatchStartTime", f"{day} {clock}"),
        ("ProtocolPlate", "Name", "96 well", "Type", "96", "Plates", "1"),
        (),
        ("Samples", str(len(spots)), "Min Events", "50", "Per Bead"),
        (),
        ("Results",),
        (),
    ]
    for name, table in (("Median", medians), ("Result", results)):
        lines += [("DataType:", name), ("Location", "Sample", *names, "Total Events")]
        lines += [
            (spot.location, spot.sample, *cells, count) for spot, cells, count in zip(spots, table, events, strict=True)
        ]
        lines.append(())
    lines += [
        ("DataType:", "Units"),
        ("Analyte:", *names),
        ("BeadID:", *(str(12 + n) for n in range(len(names)))),
        ("Units:", *("U/mL" for _ in names)),
        (),
    ]
    lines += [("DataType:", "Dilution Factor"), ("Location", "Sample", "Dilution Factor")]
    lines += [(spot.location, spot.sample, str(plan.DILUTION) if spot.role == "unknown" else "1") for spot in spots]
    lines += [(), ("-- CRC --",), ("CRC32: 00000000",)]
    return "".join(",".join(f'"{cell}"' for cell in line) + "\r\n" for line in lines).encode()


def _median(level: float, chance: Random) -> str:
    halves = int(2 * (_GROUND + _TOP * level / (level + _MIDDLE) + chance.uniform(-4, 4)))
    return f"{halves // 2}.5" if halves % 2 else str(halves // 2)


def _result(level: float, analyte: plan.AnalytePlan, chance: Random) -> str:
    if chance.random() < 0.003:
        return "---"
    if level < float(analyte.lloq):
        return f"<{analyte.lloq}"
    return f">{analyte.uloq}" if level > float(analyte.uloq) else f"{level:.1f}"
