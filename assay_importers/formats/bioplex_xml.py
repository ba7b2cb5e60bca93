"""Bio-Plex Manager's XML: raw statistics of each well that was read, then samples with their replicates."""

from __future__ import annotations

from collections.abc import Iterator
from xml.etree.ElementTree import Element

from assay_importers.contract import Importer, ParsedRun, Role, Run, Table
from assay_importers.dates import read_moment
from assay_importers.delimited import Collector
from assay_importers.errors import FaultyFile
from assay_importers.markup import read_xml
from assay_importers.values import Value, read_dilution, read_value
from assay_importers.wells import read_well

_ROLES: dict[str, Role] = {"Blank": "blank", "Control": "control", "Standard": "standard", "Unknown": "unknown"}
_EVENTS = ("TotalEvents", "TotalGatedEvents", "TotalRegionEventCount")
_OF_WELLS = ("User", "AcquisitionTime", "RunProtocolDocumentName")


def is_bioplex_xml(data: bytes) -> bool:
    """Whether the document begins as an export of Bio-Plex Manager."""
    start = data[:2000]
    return start.lstrip(b"\xef\xbb\xbf \r\n\t").startswith(b"<") and b"BioPlexManager" in start and b"Bio-Rad" in start


def read_bioplex_xml(data: bytes, importer: Importer) -> ParsedRun:
    """Read the document."""
    root = read_xml(data)
    reader = _Reader(root)
    reader.wells()
    reader.samples()
    found = reader.found
    if not found.readings:
        raise FaultyFile("the XML holds no well", line=1, expected="elements Well or MemberWell")
    return ParsedRun(
        format=importer.key,
        importer_version=importer.version,
        run=reader.run(),
        wells=found.wells,
        readings=tuple(found.readings),
        facts=tuple(found.facts),
        tables=tuple(Table(name=name, columns=(), rows=rows) for name, rows in reader.counted.items()),
        unread=reader.unread,
        notes=found.all_notes(),
    )


def _text(element: Element, path: str) -> str:
    return (element.findtext(path) or "").strip()


def _children(root: Element, *names: str) -> Iterator[Element]:
    """The elements of that path, whatever their namespace."""
    found = [root]
    for name in names:
        found = [child for parent in found for child in parent if _name(child) == name]
    yield from found


def _name(element: Element) -> str:
    return element.tag.rpartition("}")[2]


def _well(element: Element) -> str:
    row, column = element.get("RowNo", ""), element.get("ColNo", "")
    letter = chr(ord("A") + int(row) - 1) if row.isascii() and row.isdigit() and 1 <= int(row) <= 26 else ""
    location = read_well(f"{letter}{column}")
    if location is None:
        raise FaultyFile(
            "a well has no row and column", value=f"RowNo {row!r}, ColNo {column!r}", expected="numbers from 1"
        )
    return location


class _Reader:
    def __init__(self, root: Element) -> None:
        for element in root.iter():
            element.tag = _name(element)
        self.root = root
        self.found = Collector()
        self.counted: dict[str, int] = {}
        self.names: dict[str, str] = {}
        self.units: dict[str, str] = {}
        self.header: dict[str, str] = {
            name.rpartition("}")[2]: text for name, text in root.attrib.items() if "XMLSchema" not in name
        }
        self._samples: dict[str, tuple[str, Role]] = {}
        self._read_header()

    def _read_header(self) -> None:
        for child in self.root:
            if not len(child) and child.text and child.text.strip():
                self.header[child.tag] = child.text.strip()
        for size in _children(self.root, "PlateDimensions"):
            self.header["PlateDimensions"] = f"{size.get('Columns')}x{size.get('Rows')}"
        for curve in self.root.iter("Interpolator"):
            region, name = curve.get("RegionNumber", ""), _text(curve, "AnalyteName")
            self._named(region, name)
            self.units[region] = _text(curve, "ConcentrationUnits")
            self.header.update(
                {
                    f"{part}: {name or region}": text
                    for part in ("Regression", "EquationErr")
                    if (text := _text(curve, part))
                }
            )
        for analyte in (*self.root.iter("Analyte"), *self.root.iter("MWAnalyte")):
            self._named(analyte.get("RegionNumber", ""), _text(analyte, "AnalyteName"))
        plates = list(dict.fromkeys(_text(well, "PlateID") for well in _children(self.root, "Wells", "Well")))
        self.plate = plates[0] or None if len(plates) == 1 else None
        for kind in _children(self.root, "Samples"):
            for sample in (sample for group in kind for sample in group if sample.tag in _ROLES):
                name = _text(sample, "Description") or _text(sample, "Label")
                for member in _children(sample, "MemberWells", "MemberWell"):
                    self._samples[_well(member)] = (name, _ROLES[sample.tag])
        for region, name in self.names.items():
            self.found.fact("RegionNumber", region, analyte=name)

    def _named(self, region: str, name: str) -> None:
        if region and name:
            self.names.setdefault(region, name)

    def _analyte(self, element: Element) -> str:
        region = element.get("RegionNumber", "")
        return self.names.get(region) or f"region {region}"

    def _add_well(self, location: str, dilution: str = "") -> str | None:
        name, role = self._samples.get(location, (None, None))
        factor = read_dilution(dilution) if dilution else None
        self.found.well(self.plate, location, name or None, role=role, dilution=factor)
        return name or None

    def wells(self) -> None:
        """The wells as they were read: statistics of each bead region."""
        for well in _children(self.root, "Wells", "Well"):
            location = _well(well)
            sample = self._add_well(location)
            self.counted["Wells"] = self.counted.get("Wells", 0) + 1
            for name in _OF_WELLS:
                self.found.fact(name, _text(well, name), plate=self.plate, location=location, sample=sample)
            for name in _EVENTS:
                if text := _text(well, name):
                    self.found.cell(text, name, plate=self.plate, location=location, sample=sample)
            for region in _children(well, "BeadRegions", "BeadRegion"):
                for part in region:
                    self.found.cell(
                        (part.text or "").strip(),
                        part.tag,
                        plate=self.plate,
                        location=location,
                        sample=sample,
                        analyte=self._analyte(region),
                    )

    def samples(self) -> None:
        """The samples: means of replicates, which belong to no well, then what stands in each well."""
        for kind in _children(self.root, "Samples"):
            for group in kind:
                for sample in (sample for sample in group if sample.tag in _ROLES):
                    self.counted[group.tag] = self.counted.get(group.tag, 0) + 1
                    self._sample(sample)

    def _sample(self, sample: Element) -> None:
        label = _text(sample, "Label")
        name = _text(sample, "Description") or label
        self.found.fact("Label", label, sample=name)
        for analyte in _children(sample, "Analytes", "Analyte"):
            for part in analyte:
                if part.tag not in {"AnalyteName", "StatsErrorCode"} and not part.tag.endswith("Flag"):
                    self._number(part, name, None, analyte)
        for member in _children(sample, "MemberWells", "MemberWell"):
            location = _well(member)
            self._add_well(location, _text(sample, "Dilution"))
            self.found.fact("Label", label, plate=self.plate, location=location, sample=name)
            for analyte in _children(member, "MWAnalytes", "MWAnalyte"):
                for part in analyte:
                    if part.tag != "AnalyteName":
                        self._number(part, name, location, analyte)

    def _number(self, part: Element, sample: str, location: str | None, analyte: Element) -> None:
        """A number; one that its own attributes call not valid is missing, whatever digits stand there."""
        text = (part.text or "").strip()
        value = read_value(text)
        conc = part.tag.endswith("Conc")
        if part.get("ReadingOK") == "false" or (conc and part.get("RecoveryRangeCode") == "9" and not text):
            value = Value(None, None, "not_reported")
        elif part.get("Valid") == "false" or part.get("OutlierType", "None") != "None":
            value = Value(value.value, None, "masked")
        self.found.cell(
            text,
            part.tag,
            plate=self.plate if location else None,
            location=location,
            sample=sample,
            analyte=self._analyte(analyte),
            unit=self.units.get(analyte.get("RegionNumber", "")) or None if conc else None,
            value=value,
        )
        for inner in part:
            self.found.cell(
                (inner.text or "").strip(), f"{part.tag}: {inner.tag}", sample=sample, analyte=self._analyte(analyte)
            )

    @property
    def unread(self) -> tuple[str, ...]:
        """The settings and the single beads of each well."""
        left = [
            f"{sum(1 for _ in self.root.iter(tag))} x {tag}"
            for tag in ("RunConditions", "RunSettings", "BeadEventData")
            if self.root.find(f".//{tag}") is not None
        ]
        return (f"not read: {', '.join(left)}",) if left else ()

    def run(self) -> Run:
        """The run: as its first well describes it."""
        first = next(_children(self.root, "Wells", "Well"), self.root)
        moment = read_moment(_text(first, "AcquisitionTime").rstrip("Z"))
        return Run(
            instrument="Bio-Plex",
            software=f"Bio-Plex Manager {self.header.get('BioPlexManagerVersion', '')}".strip(),
            serial_number=_text(first, "MachineInfo/SerialNumber") or None,
            batch=self.plate,
            operator=_text(first, "User") or None,
            started_at=moment.iso,
            protocol=_text(first, "RunProtocolDocumentName") or None,
            header=self.header,
        )
