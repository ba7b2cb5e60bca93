"""Labels as PDF, ZPL, SVG and PNG; box maps, manifests and certificates as PDF. No database and no HTTP."""

from labels.boxmap import BoxCell, BoxMap, render_box_map
from labels.builtin import TEMPLATES
from labels.certificate import (
    Certificate,
    CertifiedNotice,
    CertifiedSignature,
    CertifiedTube,
    render_certificate,
)
from labels.checks import Finding, check
from labels.elements import Code, Element, Image, Line, Text
from labels.errors import (
    BoxMapError,
    CertificateError,
    CodeDoesNotFitError,
    CodeTooLongError,
    EmptyListError,
    LabelError,
    ManifestError,
    MissingValueError,
    OutsideAreaError,
    PickListError,
    StartOutsideSheetError,
    StockError,
    TemplateError,
    TextDoesNotFitError,
    UnencodableCodeError,
    UnprintableTextError,
    UnreadableFileError,
)
from labels.geometry import A4, LETTER, Box, Page
from labels.layout import Drawing, PlacedImage, PlacedLine, PlacedSymbol, PlacedText, lay_out
from labels.manifest import (
    EXEMPT,
    UN3373,
    Manifest,
    ManifestItem,
    ManifestPackage,
    Party,
    render_manifest,
)
from labels.pdf import render_pdf
from labels.picklist import PickLine, PickSheet, render_pick_list
from labels.picture import render_png
from labels.stock import PRINTER_DPI, Area, RollStock, SheetStock, Stock, stock_from_data, stock_to_data
from labels.stock_picture import render_stock_svg
from labels.stocks import STOCKS
from labels.svg import render_svg
from labels.symbols import ModuleRange, Symbology
from labels.template import TOKENS, Item, Template
from labels.verify import Found, Verdict, verify_pdf
from labels.zpl import render_zpl

__all__ = [
    "A4",
    "EXEMPT",
    "LETTER",
    "PRINTER_DPI",
    "STOCKS",
    "TEMPLATES",
    "TOKENS",
    "UN3373",
    "Area",
    "Box",
    "BoxCell",
    "BoxMap",
    "BoxMapError",
    "Certificate",
    "CertificateError",
    "CertifiedNotice",
    "CertifiedSignature",
    "CertifiedTube",
    "Code",
    "CodeDoesNotFitError",
    "CodeTooLongError",
    "Drawing",
    "Element",
    "EmptyListError",
    "Finding",
    "Found",
    "Image",
    "Item",
    "LabelError",
    "Line",
    "Manifest",
    "ManifestError",
    "ManifestItem",
    "ManifestPackage",
    "MissingValueError",
    "ModuleRange",
    "OutsideAreaError",
    "Page",
    "Party",
    "PickLine",
    "PickListError",
    "PickSheet",
    "PlacedImage",
    "PlacedLine",
    "PlacedSymbol",
    "PlacedText",
    "RollStock",
    "SheetStock",
    "StartOutsideSheetError",
    "Stock",
    "StockError",
    "Symbology",
    "Template",
    "TemplateError",
    "Text",
    "TextDoesNotFitError",
    "UnencodableCodeError",
    "UnprintableTextError",
    "UnreadableFileError",
    "Verdict",
    "check",
    "lay_out",
    "render_box_map",
    "render_certificate",
    "render_manifest",
    "render_pdf",
    "render_pick_list",
    "render_png",
    "render_stock_svg",
    "render_svg",
    "render_zpl",
    "stock_from_data",
    "stock_to_data",
    "verify_pdf",
]
