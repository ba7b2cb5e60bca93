"""What every importer owes, over every importer that is registered and every real file."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay_importers.archives import unpack
from assay_importers.contract import HEAD_BYTES, Importer, ParsedRun, SourceFile, Verdict
from assay_importers.errors import ImporterError
from assay_importers.registry import discover, parse, recognise

# The layout that came with a run is no export of the instrument: it has an importer of its own.
BY_SUFFIX = {("luminex_xponent", ".xlsx"): "plate_layout_grid"}
# Folders that are not called as their importer is; where one holds several formats, the end of the name tells.
BY_FORMAT = {
    "decimal_comma_readers": {"": "thermo_gallery"},
    "nucleic_acid_qc": {"": "qubit"},
    "qpcr": {"CFX_sample.txt": "cfx", "BioMark_sample.csv": "biomark", "": "quantstudio"},
    "transcriptomics/star": {"": "star_counts"},
    "transcriptomics/htseq": {"": "htseq_counts"},
    "transcriptomics/featurecounts": {"": "featurecounts"},
    "transcriptomics/salmon": {"": "salmon_quant"},
    "transcriptomics/kallisto": {"": "kallisto_abundance"},
    "transcriptomics/rsem": {"": "rsem_results"},
    "transcriptomics/matrix": {"samplesheet.csv": "nf_core_samplesheet", "": "expression_matrix"},
    "transcriptomics/gct": {"": "gct"},
    "transcriptomics/geo": {"series_matrix.txt.gz": "geo_series_matrix", "": "geo_soft"},
    "transcriptomics/sle_expression": {"": "sample_table"},
    "transcriptomics/sle_sdrf": {"": "mage_tab_sdrf"},
    "transcriptomics/10x_mtx_v3": {"": "tenx_mtx"},
    "transcriptomics/10x_h5": {"": "tenx_h5"},
    "transcriptomics/h5ad": {"": "h5ad"},
    "transcriptomics/multiqc": {"": "multiqc"},
}
Manifest = list[dict[str, object]]


@pytest.fixture(scope="session")
def importers(registered: None) -> tuple[Importer, ...]:
    return discover()


def files(data: Path, manifest: Manifest) -> Iterator[tuple[SourceFile, str]]:
    """The real files, each with the key of the importer that should claim it, if there is one."""
    for entry in manifest:
        path = data / str(entry["path"])
        kind = str(entry["format"])
        ends = {"": BY_SUFFIX.get((kind, path.suffix), kind)} | BY_FORMAT.get(kind, {})
        key = ends[max((end for end in ends if path.name.endswith(end)), key=len)]
        (file,) = unpack([SourceFile(path.name, path.read_bytes())])
        yield file, key


@pytest.fixture(scope="session")
def own(data: Path, manifest: Manifest, importers: tuple[Importer, ...]) -> list[tuple[SourceFile, Importer]]:
    known = {importer.key: importer for importer in importers}
    return [(file, known[key]) for file, key in files(data, manifest) if key in known]


def test_every_importer_describes_itself(importers: tuple[Importer, ...]) -> None:
    for importer in importers:
        assert importer.key.isidentifier()
        assert importer.key == importer.key.lower()
        assert importer.title
        assert importer.version
        assert importer.technique
        assert importer.maturity in {"stable", "beta", "experimental"}
        assert all(extension.startswith(".") for extension in importer.extensions)


def test_every_importer_is_documented(importers: tuple[Importer, ...]) -> None:
    folder = Path(__file__).parents[2] / "docs" / "importers"
    for importer in importers:
        if type(importer).__module__.startswith("assay_importers."):
            assert importer.key in (folder / f"{importer.key}.md").read_text(encoding="utf-8")


def test_yes_on_its_own_files_and_on_no_other(data: Path, manifest: Manifest, importers: tuple[Importer, ...]) -> None:
    known = {importer.key for importer in importers}
    wrong = [
        (file.name, match)
        for file, key in files(data, manifest)
        for match in recognise(file, importers)
        if (match.verdict is Verdict.YES) != (match.format == key and key in known)
    ]
    assert wrong == []


def test_a_file_is_recognised_by_its_content_whatever_it_is_called(
    own: list[tuple[SourceFile, Importer]], importers: tuple[Importer, ...]
) -> None:
    for file, importer in own:
        claims = [m.format for m in recognise(SourceFile("x", file.content), importers) if m.verdict is Verdict.YES]
        assert claims == [importer.key]


def test_reading_keeps_its_promises(own: list[tuple[SourceFile, Importer]]) -> None:
    for file, importer in own:
        run = parse(file, None, [importer])
        assert (run.format, run.importer_version) == (importer.key, importer.version)
        bare = run.model_copy(update={"matrix": None})
        assert ParsedRun.model_validate_json(run.model_dump_json()) == bare, "the JSON holds everything, exactly"
        wells = {(well.plate, well.location) for well in run.wells}
        assert len(wells) == len(run.wells)
        assert {(r.plate, r.location) for r in run.readings if r.location is not None} <= wells


def test_files_that_were_cut_raise_importer_errors_only(own: list[tuple[SourceFile, Importer]]) -> None:
    for file, importer in own:
        whole = parse(file, importer.key, [importer])
        size = len(file.content)
        parts = 25 if size < 200_000 else 4  # a long file is one line after another
        for part in range(parts):
            cut = SourceFile(file.name, file.content[: size * part // parts])
            with contextlib.suppress(ImporterError):
                run = parse(cut, importer.key, [importer])
                assert run == whole or run.notes != whole.notes, "a cut that loses anything is said"


@settings(deadline=None)
@given(st.data())
def test_mutated_files_raise_importer_errors_only(own: list[tuple[SourceFile, Importer]], data: st.DataObject) -> None:
    file, importer = data.draw(st.sampled_from(own))
    # The smaller files alone: what a fault does to the reader does not depend on the number of wells.
    content = file.content if len(file.content) < 40_000 else file.content[:4000] + file.content[-4000:]
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(content)))
        gone = data.draw(st.integers(0, 200))
        content = content[:at] + data.draw(st.binary(max_size=12)) + content[at + gone :]
    mutated = SourceFile(file.name, content)
    importer.sniff(mutated.head)
    try:
        importer.parse(mutated)
    except ImporterError as error:
        assert error.exit_status == 3  # noqa: PT017 - a mutation that leaves the file readable is no failure


def test_recognition_looks_at_the_head_alone() -> None:
    file = SourceFile("f", b"x" * (HEAD_BYTES + 1))
    assert (len(file.head.data), file.head.size, file.head.complete) == (HEAD_BYTES, HEAD_BYTES + 1, False)
