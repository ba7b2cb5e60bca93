"""What genes, transcripts and probes are called, to tell a matrix of them from any other table."""

from __future__ import annotations

import re
from collections.abc import Sequence


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Of each kind the authority's own pattern, so that a name of a sample is not taken for one.
_ID = re.compile(
    r"ENS[A-Z]{0,4}(?:G|T|P|E)R?\d{11}(?:\.\d+)?(?:_PAR_Y)?(?:[|_:].*)?"  # Ensembl, GENCODE
    r"|(?:[NX][MRP]_\d{6,9}|NM_\d+|NR_\d+)(?:\.\d+)?(?:_\d+)?"  # RefSeq
    r"|FB(?:gn|tr)\d{7}|WBGene\d{8}|ZDB-GENE-[\d-]+|MGI:\d+|HGNC:\d+|RGD:\d+|RGD\d+"  # model organisms
    r"|AT[1-5MC]G\d{5}(?:\.\d+)?|Y[A-P][LR]\d{3}[WC](?:-[A-Z])?|LOC\d{6,}|M?STRG\.\d+(?:\.\d+)?"
    r"|\d{4,}(?:_[a-z]{1,2})?_(?:at|st)|AFFX-\S+|TC\d{8}\S*|ILMN_\d{5,}|A_\d{2}_P\d{6,}|cg\d{8}"  # arrays
    r"|(?:hsa|mmu|rno)-(?:mir|miR|let)-\S+|MIMAT\d{7}|uc\d{3}[a-z]{3}(?:\.\d+)?"
)
# What begins or ends tables sorted by name or by Ensembl's number, and what is in every one.
_SYMBOLS = _words(
    """
    A1BG A1CF A2M A2ML1 A3GALT2 A4GALT A4GNT AAAS AACS AADAC AADAT AAED1 AAGAB AAK1 AAMDC AAMP AANAT AAR2 AARD
    AARS AARS1 AARS2 AARSD1 AASDH AASS AATF AATK ABAT ABCA1 ABCA2 ABCA3 ABCB1 ABCC1 ABL1 ACE ACE2 ACTB ACTG1 ALB
    APOE ARF5 ATM B2M BAD BRCA1 BRCA2 CALM1 CD19 CD3D CD3E CD4 CD8A CFH CFTR CXCL10 DDX11L1 DPM1 EEF1A1 EGFR ENPP4
    FGR FUCA2 GAPDH GCLC HBA1 HBB HLA-A HLA-B HPRT1 IFI27 IFI44 IFI44L IFIT1 IFIT2 IFIT3 IFNG IL1B IL6 IRF7 ISG15
    ITGA2B KRAS LAP3 LAS1L MALAT1 MKI67 MT-CO1 MT-ND1 MX1 MYC NFYA NIPAL3 OAS1 OR4F5 PGK1 PPIA PTEN PTPRC RPL13A
    RPLP0 RSAD2 SAMD11 NOC2L SCYL3 SEMA3F STPG1 TBP TNF TNMD TP53 TSPAN6 WASH7P MIR1302-2HG FAM138A XIST YWHAZ ZYX
    ZZEF1 ZZZ3 XKR4 RP1 SOX17 MRPL15 LYPLA1 TCEA1 GNAI3 CDC45 H19 SCML2 APOH NARF CAV2 KLF6
    """
)
_COLUMN = _words(
    """
    gene genes geneid genename genenames genesymbol genesymbols symbol symbols hgncsymbol mgisymbol hugosymbol
    ensembl ensemblid ensemblgene ensemblgeneid ensgene ensgeneid gencodeid transcript transcripts transcriptid
    transcriptname txid txname targetid feature features featureid featurename probe probes probeid probeset
    probesetid idref reporter entrez entrezid entrezgene entrezgeneid ncbigeneid trackingid externalgenename
    externalgeneid locustag geneidentifier ilmngene probename mirna mirnaid
    """
)
_PLACES = _words(
    """
    chr chrom chromosome chromosomename seqnames start end startposition endposition strand width length
    genelength transcriptlength effectivelength gc gccontent percentagegccontent description genedescription
    genetype genebiotype biotype type entrez entrezid entrezgene entrezgeneid ncbigeneid locus exons exoncount
    definition taxid
    """
)
_STATISTICS = _words(
    """
    ct cq basemean log2foldchange lfcse stat pvalue padj logfc aveexpr adjpval pval fdr logcpm lr svalue qvalue
    foldchange logratio
    """
)


def plain(name: str) -> str:
    """A column's name without case, blanks and marks."""
    return re.sub(r"[^a-z0-9]", "", name.casefold())


def names_genes(column: str) -> bool:
    """Whether a column of this name holds genes, transcripts or probes."""
    return plain(column) in _COLUMN


def is_place(column: str) -> bool:
    """Whether a column of this name says something of a gene, though in numbers: where it lies, how long it is."""
    return plain(column) in _PLACES


def is_statistic(column: str) -> bool:
    """Whether a column of this name compares groups and is no sample."""
    return plain(column) in _STATISTICS


def gene_ids(names: Sequence[str]) -> float:
    """The share of the names that are ids of genes, transcripts or probes."""
    return sum(_ID.fullmatch(name) is not None for name in names) / max(len(names), 1)


def symbols(names: Sequence[str]) -> int:
    """How many of the names are well-known symbols of genes of man or mouse."""
    return len(_SYMBOLS.intersection(name.upper() for name in names))
