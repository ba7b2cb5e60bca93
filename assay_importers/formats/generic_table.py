"""Any table with a sample or well and numbers: the last resort, which a person has to choose."""

from __future__ import annotations

from assay_importers.contract import Finding, Head, Importer, ParsedRun, SourceFile, Verdict
from assay_importers.delimited import head_grids
from assay_importers.errors import FaultyFile
from assay_importers.mapping import guess_from, guess_mapping, read_with


class GenericTable(Importer):
    """Reads by the mapping that is guessed; `assay_importers.mapping` reads by one that a person has corrected."""

    key = "generic_table"
    title = "Any table of samples and values"
    version = "1"
    extensions = (".csv", ".txt", ".tsv", ".xlsx", ".xls")
    technique = "any"
    maturity = "experimental"

    def sniff(self, head: Head) -> Finding:
        try:
            mapping = guess_from(head_grids(head))
        except FaultyFile as error:
            return Finding(Verdict.NO, str(error))
        meant = ", ".join(f"{column.name} is {column.meaning}" for column in mapping.columns[:6] if column.name)
        return Finding(Verdict.MAYBE, f"a {mapping.shape} table, as far as can be guessed: {meant}")

    def parse(self, file: SourceFile) -> ParsedRun:
        mapping = guess_mapping(file)
        run = read_with(mapping, file, self.key, self.version)
        meant = "; ".join(f"{column.name}: {column.meaning}" for column in mapping.columns if column.name)
        return run.model_copy(update={"notes": (f"what the columns mean was guessed: {meant}", *run.notes)})
