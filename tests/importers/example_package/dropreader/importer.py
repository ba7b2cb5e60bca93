"""Exports of the Dropreader: two lines about the run, then a row for each well.

Dropreader;2.1
Plate;P-17
Well;Sample;OD 450
A1;Standard1;1,204
"""

from assay_importers import Finding, Head, Importer, ParsedRun, Run, SourceFile, Verdict
from assay_importers.collect import Collector, last_line_note
from assay_importers.errors import FaultyFile
from assay_importers.text import decode, read_rows
from assay_importers.values import read_value
from assay_importers.wells import read_well

COLUMNS = ("Well", "Sample", "OD 450")


class Dropreader(Importer):
    """One optical density for each well."""

    key = "dropreader"
    title = "Dropreader export"
    version = "1"
    extensions = (".csv",)
    technique = "ELISA"
    maturity = "experimental"

    def sniff(self, head: Head) -> Finding:
        if head.text is not None and head.text.startswith("Dropreader;"):
            return Finding(Verdict.YES, "the first line names the Dropreader")
        return Finding(Verdict.NO, "the first line does not name the Dropreader")

    def parse(self, file: SourceFile) -> ParsedRun:
        text, _, notes = decode(file.content)
        found = Collector(notes=[*notes, *last_line_note(text)])
        rows = [row for row in read_rows(text, ";") if row.cells]
        head = next((number for number, row in enumerate(rows) if row.cells == COLUMNS), None)
        if head is None:
            raise FaultyFile("the file has no table", line=1, expected=";".join(COLUMNS))
        for row in rows[:head]:
            found.add_header(row.cells[0].strip(), ";".join(row.cells[1:]).strip())
        plate = found.header.get("Plate") or None
        found.table("wells", COLUMNS, len(rows) - head - 1)
        seen = set()
        for row in rows[head + 1 :]:
            well, sample, density = (*row.cells, "", "")[:3]
            location = read_well(well)
            if location is None or location in seen:
                raise FaultyFile("no well, or one again", line=row.line, column="Well", value=well, expected="A1")
            seen.add(location)
            found.well(plate, location, sample=sample.strip())
            found.reading("OD 450", density, plate=plate, location=location, value=read_value(density, ","))
            found.unread += [f"line {row.line}: {cell}" for cell in row.cells[3:]]
        run = Run(instrument="Dropreader", software=found.header.get("Dropreader"))
        return found.finish(self.key, self.version, run, "a row for each well")
