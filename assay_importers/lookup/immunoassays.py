"""Words for facts of files of bead assays, plates of spots, antibody tables and titres."""

from __future__ import annotations

from typing import Any

from assay_importers.lookup import xponent
from assay_importers.lookup.question import Answer, Question
from assay_importers.wells import read_well, row_and_column


def _bead_regions(asked: Question) -> list[Any]:
    return [len({reading.analyte for reading in asked.run.readings if reading.analyte})]


def _analytes(asked: Question) -> list[Any]:
    """The sheets that hold an analyte each."""
    return [[table.name for table in asked.run.tables]]


def _of_region(quantity: str) -> Answer:
    """A statistic of a bead region of a well, by the number of the region."""

    def answer(asked: Question) -> list[Any]:
        facts = asked.run.facts
        region = asked.analyte.removeprefix("region ")
        names = {fact.analyte for fact in facts if fact.name == "RegionNumber" and fact.text == region}
        return [
            reading.raw
            for reading in asked.run.readings
            if reading.quantity == quantity
            and reading.analyte in names
            and reading.location is not None
            and asked.sample == "row{}col{}".format(*row_and_column(reading.location))
        ]

    return answer


INTELLIFLEX = {**xponent.FIELDS, "n_bead_regions": _bead_regions}
BIOPLEX = {
    "analyte_sheets": _analytes,
    **{name: _of_region(name) for name in ("RegionCount", "Median", "Mean", "CV", "StdDev", "StdErr")},
}


def _first_line(asked: Question) -> list[Any]:
    return [text for name, text in asked.run.run.header.items() if name == "Plate"]


def _header(name: str) -> Answer:
    return lambda asked: [text for key, text in asked.run.run.header.items() if key == name]


def _legend(asked: Question) -> list[Any]:
    return [[fact.text for fact in asked.run.facts if fact.name == "Legend"]]


def _on_spot(name: str) -> Answer:
    """What stands under a name, by sample and well and by assay and spot, `IL-6 spot 2`: of the readings, else of the
    facts; `first listed spot` is the first that has a value.
    """

    def answer(asked: Question) -> list[Any]:
        run = asked.run
        wanted = asked.sample.split("|")
        assay, _, spot = asked.analyte.rpartition(" spot ")
        places = {
            (fact.sample, fact.location, fact.analyte)
            for fact in run.facts
            if fact.name == "Spot" and fact.text == spot
        }
        if asked.analyte == "first listed spot":
            assay = next((reading.analyte or "" for reading in run.readings), "")
            places = {(reading.sample, reading.location, assay) for reading in run.readings}
        texts = [(r.sample, r.location, r.analyte, r.raw) for r in run.readings if r.quantity == name]
        texts += [(f.sample, f.location, f.analyte, f.text) for f in run.facts if f.name == name]
        return [
            text
            for sample, location, analyte, text in texts
            if analyte == assay
            and (sample, location, analyte) in places
            and all(part == sample or read_well(part) == location for part in wanted)
        ]

    return answer


MSD = {
    "first_line": _first_line,
    "barcode": _header("Barcode1"),
    "plate type": _header("Type"),
    "active spots (Legend)": _legend,
    **{
        name: _on_spot(name)
        for name in (
            "Signal",
            "Concentration",
            "Calc. Concentration",
            "Calc. Conc. Mean",
            "Detection Range",
            "Dilution",
        )
    },
}


def _column(asked: Question) -> list[Any]:
    """What stands in a column of a table, named as the analyte: numbers, texts, and the antibodies themselves."""
    run = asked.run
    found = [r.raw for r in run.readings if (r.sample or "").strip() == asked.sample and r.quantity == asked.analyte]
    found += [f.text for f in run.facts if (f.sample or "").strip() == asked.sample and f.name == asked.analyte]
    if asked.analyte in {name for table in run.tables for name in table.columns} and not found:
        found = [r.analyte or "" for r in run.readings if (r.sample or "").strip() == asked.sample]
    return found


def _texts(name: str) -> Answer:
    return lambda asked: [sorted({fact.text for fact in asked.run.facts if fact.name == name})]


def _sample_ids(asked: Question) -> list[Any]:
    return [sorted({reading.sample or "" for reading in asked.run.readings})]


def _padded_ids(asked: Question) -> list[Any]:
    return [[name for name in _sample_ids(asked)[0] if name != name.rstrip()]]


def _pairs_again(asked: Question) -> list[Any]:
    """Pairs of sample and antibody beyond the first of each, in the first column of numbers."""
    readings = asked.run.readings
    pairs = [(r.sample, r.analyte) for r in readings if r.quantity == readings[0].quantity]
    return [len(pairs) - len(set(pairs))]


AUTOANTIBODY = {
    "value": _column,
    "diagnoses": _texts("Diagnosis"),
    "sample_types": _texts("Sample_Type"),
    "all_sample_ids": _sample_ids,
    "sample_ids_with_trailing_space": _padded_ids,
    "n_duplicate_sample_antibody_pairs": _pairs_again,
}


def _in_header(name: str) -> Answer:
    return lambda asked: [asked.run.run.header.get(name)]


def _spots(asked: Question) -> list[Any]:
    return [table.rows for table in asked.run.tables]


def _blocks(asked: Question) -> list[Any]:
    features = asked.run.features
    return [] if features is None else [len(set(features.annotation.get("Block", ())))]


def _named_columns(asked: Question) -> list[Any]:
    return [len(table.columns) for table in asked.run.tables]


def _records(asked: Question) -> list[Any]:
    return [sum(not name.startswith("ATF") for name in asked.run.run.header)]


class _Spot(dict[str, Any]):
    """`block 1 row 2 col 3` is a spot, the analyte what is printed there: any layer of it on the first slide."""

    def get(self, word: str, default: Any = None) -> Any:
        return super().get(word, default) or (lambda asked: self._layer(asked, word))

    def _layer(self, asked: Question, word: str) -> list[Any]:
        features, matrix = asked.run.features, asked.run.matrix
        if features is None or matrix is None or word not in matrix.layers:
            return []
        names = features.annotation.get("Name", ())
        rows = [row for row, name in enumerate(features.ids) if name == asked.sample]
        return [matrix.value(word, row, 0) for row in rows if names and names[row] == asked.analyte]


GENEPIX = _Spot(
    {
        "n_header_records": _records,
        "declared_columns": _in_header("ATF columns"),
        "actual_columns": _named_columns,
        "n_spots": _spots,
        "n_blocks": _blocks,
    }
)


def _drawn(asked: Question) -> list[Any]:
    """The first four rows of a grid, names above it included."""
    rows: dict[str, list[str]] = {}
    above: dict[str, None] = {}
    for reading in asked.run.readings:
        above[reading.sample or ""] = None
        rows.setdefault(reading.analyte or "", []).append(reading.raw)
    return [[["None", *above], *([name, *raws] for name, raws in rows.items())][:4]]


def _head_line(asked: Question) -> list[Any]:
    return ["\t".join(asked.run.tables[0].columns)]


TITERS = {"grid": _drawn, "first_line": _head_line}


def _first_columns(asked: Question) -> list[Any]:
    """The first eight names of columns."""
    return [list(table.columns[:8]) for table in asked.run.tables]


ANALYZER = {"first_columns": _first_columns}


def _root(asked: Question) -> list[Any]:
    header = asked.run.run.header
    return [[header.get("root"), header.get("version")]]


def _tubes(asked: Question) -> list[Any]:
    return [table.rows for table in asked.run.tables]


FLOW = {"root/version": _root, "n_tubes": _tubes}
