"""Reads the files of instruments and pipelines into `ParsedRun`: no database, no web, usable on its own."""

from assay_importers.contract import Finding, Head, Importer, Match, ParsedRun, Reading, Run, SourceFile, Verdict, Well
from assay_importers.errors import ImporterError

__all__ = [
    "Finding",
    "Head",
    "Importer",
    "ImporterError",
    "Match",
    "ParsedRun",
    "Reading",
    "Run",
    "SourceFile",
    "Verdict",
    "Well",
]
