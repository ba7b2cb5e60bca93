"""Biobank: samples and lab-assay inventory of prospective studies, from collection to released result."""

__version__ = "0.1.0"
