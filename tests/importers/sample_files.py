"""The files that the contract is held to: made-up ones of every format in `samples/`, and the real ones.

A file in `samples/KEY/` is of the format KEY; a folder in there is one run of several files.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from assay_importers.archives import unpack
from assay_importers.contract import SourceFile
from assay_importers.testing import samples_in

ROOT = Path(__file__).parents[2]
DATA = ROOT.parent / "shared" / "data"
SAMPLES = Path(__file__).parent / "samples"

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


def own_samples(key: str) -> tuple[SourceFile, ...]:
    """The made-up files of a format."""
    return samples_in(SAMPLES / key)


def all_samples() -> Iterator[tuple[SourceFile, str]]:
    """Every made-up file with the key of its format."""
    for folder in sorted(path for path in SAMPLES.iterdir() if path.is_dir()):
        for sample in samples_in(folder):
            yield sample, folder.name


def real_samples(data: Path) -> Iterator[tuple[SourceFile, str]]:
    """The real files, each with the key of the importer that should claim it, if there is one; none where they are not.

    They are no part of the project.
    """
    manifest = data / "MANIFEST.json"
    for entry in json.loads(manifest.read_text(encoding="utf-8")) if manifest.is_file() else ():
        path = data / str(entry["path"])
        kind = str(entry["format"])
        ends = {"": BY_SUFFIX.get((kind, path.suffix), kind)} | BY_FORMAT.get(kind, {})
        key = ends[max((end for end in ends if path.name.endswith(end)), key=len)]
        (file,) = unpack([SourceFile(path.name, path.read_bytes())])
        yield file, key
