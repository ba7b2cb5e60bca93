"""The words that manifests use for facts of single formats: for each importer's key, each word, and where it is found.

An answer gives all that it finds. A word that means the same in
every format is no entry here but is found by `assay_importers.lookup.find` itself.
"""

from __future__ import annotations

from collections.abc import Mapping

from assay_importers.lookup import immunoassays, nanostring, olink, plates, rows, somascan, transcriptomics, xponent
from assay_importers.lookup.question import Answer

FIELDS: Mapping[str, Mapping[str, Answer]] = {
    "autoantibody": immunoassays.AUTOANTIBODY,
    "biomark": rows.QPCR,
    "bioplex": immunoassays.BIOPLEX,
    "bmg": plates.GRIDS,
    "cell_count": rows.ROWS,
    "cfx": rows.QPCR,
    "envision": plates.GRIDS,
    "featurecounts": transcriptomics.FEATURECOUNTS,
    "flow": immunoassays.FLOW,
    "gct": transcriptomics.GCT,
    "gen5": plates.GRIDS,
    "genepix_gpr": immunoassays.GENEPIX,
    "geo_series_matrix": transcriptomics.SERIES_MATRIX,
    "geo_soft": transcriptomics.SOFT,
    "h5ad": transcriptomics.H5AD,
    "htseq_counts": transcriptomics.HTSEQ,
    "immunoassay_analyzer": immunoassays.ANALYZER,
    "kaleido": plates.GRIDS,
    "kallisto_abundance": transcriptomics.KALLISTO,
    "lightcycler": rows.QPCR,
    "luminex_intelliflex": immunoassays.INTELLIFLEX,
    "luminex_xponent": xponent.FIELDS,
    "mage_tab_sdrf": transcriptomics.SDRF,
    "msd": immunoassays.MSD,
    "nanodrop": rows.ROWS,
    "nanostring": nanostring.FIELDS,
    "olink": olink.FIELDS,
    "plate_layout_grid": xponent.LAYOUT,
    "quantstudio": rows.QPCR,
    "qubit": rows.ROWS,
    "rsem_results": transcriptomics.RSEM,
    "salmon_quant": transcriptomics.SALMON,
    "softmax_pro": plates.SOFTMAX,
    "somascan": somascan.FIELDS,
    "star_counts": transcriptomics.STAR,
    "tecan_magellan": plates.MAGELLAN,
    "tenx_mtx": transcriptomics.TENX_MTX,
    "thermo_gallery": rows.ROWS,
    "titers": immunoassays.TITERS,
}
