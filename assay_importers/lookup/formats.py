"""The words that manifests use for facts of single formats: for each importer's key, each word, and where it is found.

An answer gives all that it finds. A word that means the same in
every format is no entry here but is found by `assay_importers.lookup.find` itself.
"""

from __future__ import annotations

from collections.abc import Mapping

from assay_importers.lookup import nanostring, olink, somascan, transcriptomics, xponent
from assay_importers.lookup.question import Answer

FIELDS: Mapping[str, Mapping[str, Answer]] = {
    "featurecounts": transcriptomics.FEATURECOUNTS,
    "htseq_counts": transcriptomics.HTSEQ,
    "kallisto_abundance": transcriptomics.KALLISTO,
    "luminex_xponent": xponent.FIELDS,
    "nanostring": nanostring.FIELDS,
    "olink": olink.FIELDS,
    "plate_layout_grid": xponent.LAYOUT,
    "rsem_results": transcriptomics.RSEM,
    "salmon_quant": transcriptomics.SALMON,
    "somascan": somascan.FIELDS,
    "star_counts": transcriptomics.STAR,
}
