"""What the demo study is made of, as data: sites, cohorts, visits, consent forms, the collection bundle, freezers
and the assay panel.

The shape is that of a registry with a biorepository in lupus: four cohorts, clinics in two countries, one central
repository, yearly visits
and visits at flares. The protocol number and the cohorts are public; everything else, the bundle of tubes above all,
is made up.
"""

from dataclasses import dataclass
from decimal import Decimal

STUDY = "LLS"
STUDY_TITLE = "Lupus Landmark Study (demonstration)"
PROTOCOL = "LNX-Landmark-001"
REGISTRY = "NCT05934149"
STUDY_DAYS = 2_300
"""How long before the reference day the first participant is enrolled."""


@dataclass(frozen=True, slots=True)
class SitePlan:
    """A site. `share` is its part of the participants; the central repository enrols none."""

    code: str
    name: str
    country: str
    timezone: str
    address: str
    share: int = 0


CENTRAL = SitePlan(
    "LAB", "Central Biorepository", "US", "America/New_York", "200 Harbor Way, Philadelphia, PA 19100, United States"
)
CLINICS = (
    SitePlan("CHI", "Chicago Lupus Clinic", "US", "America/Chicago", "12 Prairie Ave, Chicago, IL 60600", 4),
    SitePlan("TOR", "Toronto Lupus Clinic", "CA", "America/Toronto", "88 Queen Street, Toronto, ON M5V 0A1", 3),
    SitePlan("ATL", "Atlanta Lupus Clinic", "US", "America/New_York", "7 Peach Row, Atlanta, GA 30300", 2),
    SitePlan("DEN", "Denver Lupus Clinic", "US", "America/Denver", "450 Summit Road, Denver, CO 80200", 2),
    SitePlan("LAX", "Los Angeles Lupus Clinic", "US", "America/Los_Angeles", "31 Mesa Drive, Los Angeles, CA 90000", 2),
)
SITES = (*CLINICS, CENTRAL)

PARTIES = (
    ("AAL", "Autoantibody Reference Laboratory", "CA", "5 Foothills Lane, Calgary, AB T2N 0A1"),
    ("PRO", "Plasma Proteomics Laboratory", "US", "19 Bay Street, Boston, MA 02100"),
)

COHORTS = (
    ("NEW", "New Onset", 30),
    ("ALN", "Active Lupus Nephritis", 20),
    ("ERF", "Extra-Renal Flare", 20),
    ("PREV", "Prevalent", 30),
)

BASELINE, FLARE, BIOPSY = "BASE", "FLARE", "BIOPSY"

CONSENTS = (("1.0", -30, 900), ("2.0", 900, None))
"""Version, and the days from the study's start between which it is the approved one."""
LANGUAGES = ("en", "fr", "es")


@dataclass(frozen=True, slots=True)
class Spin:
    """A centrifuge run: g, minutes, °C and whether the brake was on."""

    g: int
    minutes: int
    celsius: int
    brake: bool


@dataclass(frozen=True, slots=True)
class Line:
    """One kind of tube of the bundle and what is made of it.

    `tubes` are drawn at baseline and at later visits. A tube without `child` is stored as it is. Otherwise each gives
    up to
    `children` vials of `nominal` in the child's unit; `recovered` is the usual yield of all tubes of the line
    together, which falls short
    at times. With `stock` the yield of all tubes is first gathered in one derivative, from which the vials are filled.
    `held` is the temperature in °C that tubes and vials wait at until they are frozen.
    """

    key: str
    tube_type: str
    specimen_type: str
    unit: str
    content: int
    tubes: tuple[int, int]
    child: str | None = None
    child_tube: str = "CRYO05"
    child_unit: str = "uL"
    children: tuple[int, int] = (0, 0)
    nominal: int = 0
    recovered: int = 0
    least: int = 0
    clot: int = 0
    spin: Spin | None = None
    process: str = "aliquot"
    stock: bool = False
    scope: str | None = None
    held: int = 20


BUNDLE = (
    Line(
        "serum",
        "SST",
        "BLD",
        "uL",
        8500,
        (2, 2),
        "SER",
        "CRYO05",
        "uL",
        (8, 6),
        500,
        4150,
        100,
        40,
        Spin(1300, 10, 20, True),
    ),
    Line(
        "plasma",
        "EDTA10",
        "BLD",
        "uL",
        10000,
        (2, 2),
        "PL1",
        "CRYO05",
        "uL",
        (8, 6),
        500,
        4600,
        100,
        0,
        Spin(2000, 15, 4, True),
        held=4,
    ),
    Line(
        "pbmc",
        "CPT",
        "BLD",
        "uL",
        8000,
        (4, 3),
        "CEL",
        "CRYO20",
        "10*6",
        (4, 3),
        8,
        34,
        2,
        0,
        Spin(1800, 25, 20, False),
        "wash",
        True,
    ),
    Line(
        "dna",
        "EDTA4",
        "BLD",
        "uL",
        4000,
        (1, 0),
        "DNA",
        "CRYO05",
        "uL",
        (2, 0),
        50,
        104,
        20,
        0,
        None,
        "extract",
        True,
        "genetic_wgs",
    ),
    Line(
        "urine",
        "URINE",
        "URN",
        "uL",
        60000,
        (1, 1),
        "URN",
        "CRYO20",
        "uL",
        (6, 4),
        1800,
        40000,
        500,
        0,
        Spin(2000, 10, 4, True),
        held=4,
    ),
    Line("rna", "PAXRNA", "BLD", "uL", 2500, (2, 1)),
    Line("saliva", "ORAGENE", "SAL", "uL", 4000, (1, 0), scope="genetic_wgs"),
    Line("stool", "OMNIGENE", "STL", "mg", 400, (3, 2), scope="microbiome"),
)
SOPS = {"centrifuge": "SPIN-2", "aliquot": "ALIQUOT-3", "wash": "PBMC-4", "extract": "DNA-1", "quantify": "PBMC-4"}
"""The procedure of a step, by its kind."""
RESIDUES = {"plasma": ("BFF", "CRYO10", "uL", 700, (2, 1)), "urine": ("URS", "CRYO10", "uL", 250, (1, 1))}
"""What remains in a spun tube of a line and is kept as well: type, vial, unit, content, and how many at baseline
and later.
"""
TISSUE = Line("tissue", "CRYO20", "TIS", "mg", 14, (2, 2), scope="tissue")


@dataclass(frozen=True, slots=True)
class Storage:
    """Where tubes of a type go: a kind of unit, what stands in it, and the box. `shelves` 0: racks hang in the
    tank itself.
    """

    unit: str
    temperature: str
    box: str
    shelves: int
    racks: int
    boxes: int


_ULT81, _ULT25 = Storage("ULT", "-80", "BOX81", 5, 5, 16), Storage("ULT", "-80", "BOX25", 5, 5, 16)
_TANK = Storage("LN2TANK", "LN2V", "BOX81", 0, 12, 10)
STORED = {
    "SER": _ULT81,
    "PL1": _ULT81,
    "BFF": _ULT81,
    "URN": _ULT81,
    "URS": _ULT81,
    "DNA": _ULT81,
    "BLD": _ULT25,
    "STL": _ULT25,
    "CEL": _TANK,
    "TIS": _TANK,
    "SAL": Storage("CABINET", "RT", "BOX25", 4, 3, 10),
}
UNIT_NAMES = {"ULT": "Freezer", "LN2TANK": "LN2 tank", "CABINET": "Cabinet"}


@dataclass(frozen=True, slots=True)
class AnalytePlan:
    """An autoantibody of the panel: how often it is found, the usual level in U/mL, and by how much a flare raises
    it.
    """

    code: str
    title: str
    name: str
    uniprot: str | None
    prevalence: float
    level: float
    flare: float
    lloq: str = "2.5"
    uloq: str = "800"


PANEL = (
    AnalytePlan("dsDNA", "Double-stranded DNA antibodies", "dsDNA", None, 0.60, 70.0, 3.2),
    AnalytePlan("Sm", "Smith antigen antibodies", "Sm", "P62314", 0.22, 90.0, 1.1),
    AnalytePlan("U1-RNP", "U1 ribonucleoprotein antibodies", "RNP", "P08621", 0.28, 110.0, 1.1),
    AnalytePlan("Ro60", "Ro60 (SS-A) antibodies", "Ro60", "P10155", 0.36, 160.0, 1.0),
    AnalytePlan("Ro52", "Ro52 (TRIM21) antibodies", "Ro52", "P19474", 0.32, 150.0, 1.0),
    AnalytePlan("La", "La (SS-B) antibodies", "La", "P05455", 0.16, 80.0, 1.0),
    AnalytePlan("RibP", "Ribosomal P antibodies", "Ribo P", "P05388", 0.18, 60.0, 1.6),
    AnalytePlan("C1q", "C1q antibodies", "C1q", "P02745", 0.30, 45.0, 2.6),
)
LUMINEX, ELISA = "ANA-LX", "DNA-ELISA"
IMPORTERS = ("luminex_xponent", "generic_table")
DILUTION = Decimal(100)
SERUM_TAKEN = Decimal(20)
"""Microlitres of serum that a well of the panel takes."""

PURPOSE, CLASSIFICATION = "Storage at the central repository", "exempt_human_specimen"
DRY_ICE_KG = Decimal(8)
COURIER = "Polar Courier"

ROLES = (
    # user name, role, title, site, what its home page opens with
    ("technician", "technician", "Technician", "LAB", "Tubes in hand, shipments to receive, scan station"),
    ("clerk", "shipping_clerk", "Shipping clerk", "LAB", "Shipments to pack, ship and receive"),
    ("scientist", "scientist", "Scientist", None, "Results by participant"),
    ("coordinator", "site_coordinator", "Site coordinator", "CHI", "Participants and visits of the Chicago clinic"),
    ("reviewer", "assay_reviewer", "Assay reviewer", None, "Runs waiting for review"),
    ("manager", "manager", "Study manager", None, "The study at a glance"),
    ("auditor", "auditor", "Auditor", None, "The audit trail"),
    ("administrator", "administrator", "Administrator", None, "Users, studies and storage"),
)
