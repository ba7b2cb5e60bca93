"""Labels, box maps, manifests and certificates as PDF: geometry and drawing, no database and no HTTP."""

from labels.boxmap import BoxCell, BoxMap, render_box_map
from labels.certificate import (
    Certificate,
    CertifiedNotice,
    CertifiedSignature,
    CertifiedTube,
    render_certificate,
)
from labels.errors import (
    BoxMapError,
    CertificateError,
    CodeDoesNotFitError,
    CodeTooLongError,
    EmptyListError,
    LabelError,
    ManifestError,
    PickListError,
    StartOutsideSheetError,
    StockError,
    TextDoesNotFitError,
    UnencodableCodeError,
    UnknownKindError,
    UnprintableTextError,
)
from labels.geometry import A4, LETTER, Page
from labels.manifest import (
    EXEMPT,
    UN3373,
    Manifest,
    ManifestItem,
    ManifestPackage,
    Party,
    render_manifest,
)
from labels.picklist import PickLine, PickSheet, render_pick_list
from labels.sheet import Label, render_sheet
from labels.stock import STOCKS, SheetStock
from labels.templates import TEMPLATES

__all__ = [
    "A4",
    "EXEMPT",
    "LETTER",
    "STOCKS",
    "TEMPLATES",
    "UN3373",
    "BoxCell",
    "BoxMap",
    "BoxMapError",
    "Certificate",
    "CertificateError",
    "CertifiedNotice",
    "CertifiedSignature",
    "CertifiedTube",
    "CodeDoesNotFitError",
    "CodeTooLongError",
    "EmptyListError",
    "Label",
    "LabelError",
    "Manifest",
    "ManifestError",
    "ManifestItem",
    "ManifestPackage",
    "Page",
    "Party",
    "PickLine",
    "PickListError",
    "PickSheet",
    "SheetStock",
    "StartOutsideSheetError",
    "StockError",
    "TextDoesNotFitError",
    "UnencodableCodeError",
    "UnknownKindError",
    "UnprintableTextError",
    "render_box_map",
    "render_certificate",
    "render_manifest",
    "render_pick_list",
    "render_sheet",
]
