"""Tables that quantifiers write for one sample each: salmon, kallisto and RSEM. One reader, and the columns of each."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import ClassVar

from assay_importers.contract import HDF5, Finding, Head, Importer, ParsedRun, Run, SourceFile, Table, Verdict
from assay_importers.errors import FaultyFile
from assay_importers.hdf5 import names_parts, opened, texts
from assay_importers.one_sample import Part, Sample, run_of, sample_name
from assay_importers.text_matrix import (
    Layout,
    Lines,
    cells_of,
    first_lines,
    how_many,
    is_number,
    open_text,
    read_columns,
    repeated,
)

_SAMPLED = 200


class Quantification(Importer):
    """A column of ids, columns of texts as annotation, every other column as a layer."""

    version = "1"
    technique = "RNA sequencing"
    maturity = "stable"
    several = True

    program: ClassVar[str]
    headers: ClassVar[Sequence[Sequence[str]]]
    """The columns that a file of the format must have, the id first; in each of its kinds."""
    main: ClassVar[str]
    """The layer that gives the value."""
    texts: ClassVar[frozenset[str]] = frozenset()
    units: ClassVar[dict[str, str | None]]
    ending: ClassVar[re.Pattern[str]]

    def sniff(self, head: Head) -> Finding:
        if head.text is None or self._header(first_lines(head.text, 20)) is None:
            return Finding(Verdict.NO, f"not the columns of {self.program}")
        return Finding(Verdict.YES, f"the columns of {self.program}")

    def parse(self, file: SourceFile) -> ParsedRun:
        parts = [self._read(one) for one in (file, *file.companions)]
        return run_of(self, Run(software=self.program), parts, self.units)

    def _header(self, lines: Lines) -> tuple[int, tuple[str, ...]] | None:
        """The number of the header line, from 0, and its columns; comments stand above it or, once, it is one."""
        for number, line in enumerate(lines.texts):
            names = cells_of(line.lstrip("# "), "\t")
            if any(names[:1] == tuple(wanted[:1]) and set(wanted) <= set(names) for wanted in self.headers):
                return number, names
            if not line.startswith("#"):
                break
        return None

    def _read(self, file: SourceFile) -> Part:
        decoded = open_text(file.content)
        lines = first_lines(decoded.text, _SAMPLED)
        found = self._header(lines)
        if found is None:
            raise FaultyFile(
                f"{file.name} is no table of {self.program}",
                line=1,
                value=lines.texts[0],
                expected=f"the columns {', '.join(self.headers[0])}",
            )
        at, names = found
        if at + 1 == len(lines.texts):
            raise FaultyFile("the file ends before its first row", line=at + 1, expected="a row for each feature")
        twice = repeated(names)
        if twice:
            raise FaultyFile("the column stands twice", line=at + 1, column=twice[0], expected="each column once")
        rows = [cells_of(line, "\t") for line in lines.texts[at + 1 :]]
        named = frozenset(
            column
            for column, name in enumerate(names)
            if column == 0
            or name in self.texts
            or 2 * sum(is_number(row[column]) for row in rows if column < len(row)) < len(rows)
        )
        columns = read_columns(decoded.text, lines.starts[at + 1], Layout(names, named, quoted=False, line=at + 2))
        values = sorted(set(range(len(names))) - named, key=lambda column: names[column] != self.main)
        sample = Sample(
            sample_name(file.name, self.ending),
            columns.texts(0),
            {names[column]: columns.numbers(column) for column in values},
            {names[column]: columns.texts(column) for column in sorted(named - {0})},
        )
        notes = (*decoded.notes, how_many(columns.rows, "features"), *columns.notes)
        if self.main not in sample.layers:
            raise FaultyFile("the column holds no numbers", line=at + 2, column=self.main, expected="numbers")
        return Part(sample, Table(name=self.key, columns=names, rows=columns.rows), notes=notes)


class SalmonQuant(Quantification):
    """`quant.sf` and `quant.genes.sf`, of alevin's and sailfish's older kind too."""

    key = "salmon_quant"
    title = "salmon quant.sf"
    extensions = (".sf",)
    program = "salmon"
    headers = (("Name", "Length", "TPM", "NumReads"),)
    main = "NumReads"
    units: ClassVar[dict[str, str | None]] = {
        "NumReads": "reads",
        "TPM": "TPM",
        "Length": "nt",
        "EffectiveLength": "nt",
    }
    ending = re.compile(r"[._-]?(?:salmon[._-]?)?quant(?:[._-]?genes)?\.sf(?:\.txt)?$", re.IGNORECASE)


class KallistoAbundance(Quantification):
    """`abundance.tsv`, and `abundance.h5`, which has no TPM."""

    key = "kallisto_abundance"
    title = "kallisto abundance"
    extensions = (".tsv", ".txt", ".h5")
    program = "kallisto"
    headers = (("target_id", "length", "eff_length", "est_counts", "tpm"),)
    main = "est_counts"
    units: ClassVar[dict[str, str | None]] = {"est_counts": "reads", "tpm": "TPM", "length": "nt", "eff_length": "nt"}
    ending = re.compile(r"[._-]?(?:kallisto[._-]?)?abundances?\.(?:tsv|txt|h5)$", re.IGNORECASE)

    def sniff(self, head: Head) -> Finding:
        if head.store is not None and names_parts(head.store, "est_counts", "eff_lengths", "aux"):
            return Finding(Verdict.YES, "HDF5 with the parts of kallisto's abundance.h5")
        return super().sniff(head)

    def _read(self, file: SourceFile) -> Part:
        if not file.content.startswith(HDF5):
            return super()._read(file)
        with opened(file.content) as source:
            aux = source["aux"]
            ids = texts(aux["ids"])
            layers = {"est_counts": source["est_counts"][()], "length": aux["lengths"][()]}
            layers["eff_length"] = aux["eff_lengths"][()]
            bootstraps = len(source["bootstrap"]) if "bootstrap" in source else 0
            if not ids or any(values.shape != (len(ids),) for values in layers.values()):
                raise FaultyFile("the parts differ in length", expected="a count and a length for each target")
        notes = [how_many(len(ids), "features")] + [f"{bootstraps} bootstraps were not read"] * bool(bootstraps)
        sample = Sample(sample_name(file.name, self.ending), ids, layers)
        return Part(sample, Table(name=self.key, columns=("target_id", *layers), rows=len(ids)), notes=tuple(notes))


class RsemResults(Quantification):
    """`genes.results`, `isoforms.results` and `alleles.results`, with posterior columns where they are."""

    key = "rsem_results"
    title = "RSEM results"
    extensions = (".results", ".txt", ".tsv")
    program = "RSEM"
    headers = (
        ("gene_id", "transcript_id(s)", "length", "effective_length", "expected_count"),
        ("transcript_id", "gene_id", "length", "effective_length", "expected_count"),
        ("allele_id", "transcript_id", "gene_id", "length", "effective_length", "expected_count"),
    )
    main = "expected_count"
    texts = frozenset({"gene_id", "transcript_id", "transcript_id(s)"})
    units: ClassVar[dict[str, str | None]] = {
        "expected_count": "reads",
        "posterior_mean_count": "reads",
        "TPM": "TPM",
        "pme_TPM": "TPM",
        "FPKM": "FPKM",
        "pme_FPKM": "FPKM",
        "IsoPct": "%",
        "length": "nt",
        "effective_length": "nt",
    }
    ending = re.compile(r"[._-]?(?:rsem[._-]?)?(?:genes|isoforms|alleles)\.results(?:\.(?:txt|tsv))?$", re.IGNORECASE)
