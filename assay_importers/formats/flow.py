"""BD FACSDiva's experiment XML: events of each population of each tube, and the statistics of its parameters."""

from __future__ import annotations

from collections.abc import Iterator
from xml.etree.ElementTree import Element

from assay_importers.contract import Finding, Head, Importer, ParsedRun, Run, SourceFile, Table, Verdict
from assay_importers.dates import read_moment
from assay_importers.delimited import Collector
from assay_importers.errors import FaultyFile
from assay_importers.markup import read_xml
from assay_importers.text_matrix import repeated

_ROOT = "bdfacs"
_OF_TUBES = ("date", "data_filename", "record_user", "data_instrument_name")
_SAMPLE_ID = "SAMPLE ID"


class Flow(Importer):
    """A population is an analyte of its tube; single events are in FCS files and not here."""

    key = "flow"
    title = "BD FACSDiva experiment XML"
    version = "1"
    extensions = (".xml",)
    technique = "flow cytometry"
    maturity = "beta"

    def sniff(self, head: Head) -> Finding:
        if head.data.lstrip(b"\xef\xbb\xbf \r\n\t").startswith(b"<") and b"<bdfacs" in head.data[:2000]:
            return Finding(Verdict.YES, "an experiment that FACSDiva wrote")
        return Finding(Verdict.NO, "no element bdfacs")

    def parse(self, file: SourceFile) -> ParsedRun:
        root = read_xml(file.content)
        if root.tag != _ROOT:
            raise FaultyFile("the XML is no experiment of FACSDiva", line=1, value=root.tag, expected=_ROOT)
        tubes = [
            (specimen, tube) for specimen in root.iterfind("experiment/specimen") for tube in specimen.iterfind("tube")
        ]
        if not tubes:
            raise FaultyFile("the experiment has no tubes", line=1, expected="specimens with tubes")
        found = Collector()
        again = set(repeated([tube.get("name", "") for _, tube in tubes]))
        for specimen, tube in tubes:
            _read_tube(specimen, tube, found, again)
        return ParsedRun(
            format=self.key,
            importer_version=self.version,
            run=_run(root, tubes[0][1]),
            readings=tuple(found.readings),
            facts=tuple(found.facts),
            tables=(Table(name="tubes", columns=(), rows=len(tubes)),),
            unread=("worksheets, gates' outlines and cytometer settings are not read",),
            notes=found.all_notes(),
        )


def _text(element: Element, path: str) -> str:
    return (element.findtext(path) or "").strip()


def _keywords(element: Element) -> Iterator[tuple[str, str]]:
    for keyword in element.iterfind("keywords/keyword"):
        yield keyword.get("name", ""), _text(keyword, "value")


def _read_tube(specimen: Element, tube: Element, found: Collector, again: set[str]) -> None:
    """A tube; its sample is the keyword SAMPLE ID, else its name, with the specimen's where names repeat."""
    name, of = tube.get("name", ""), specimen.get("name", "")
    keywords = dict(_keywords(tube))
    sample = keywords.get(_SAMPLE_ID) or (f"{of}: {name}" if name in again else name)
    found.fact("specimen", of, sample=sample)
    found.fact("tube", name, sample=sample)
    for key, text in keywords.items():
        if key != _SAMPLE_ID and "PATIENT" not in key.upper():
            found.fact(key, text, sample=sample)
    for key in _OF_TUBES:
        found.fact(key, _text(tube, key), sample=sample)
    for gate in tube.iterfind("gates/gate"):
        found.cell(_text(gate, "num_events"), "events", sample=sample, analyte=gate.get("fullname", ""))
    for schedule in tube.iterfind("statistics_calculations/calculation_schedule"):
        population = f"{schedule.get('gate', '')}: {schedule.get('parameter', '')}".rstrip(": ")
        for one in schedule.iterfind("calculation"):
            found.cell(one.get("value", ""), one.get("formula", ""), sample=sample, analyte=population)


def _run(root: Element, tube: Element) -> Run:
    header = {"root": root.tag, **root.attrib}
    for experiment in root.iterfind("experiment"):
        header["experiment"] = experiment.get("name", "")
        header.update({key: text for key in ("date", "owner_name", "export_time") if (text := _text(experiment, key))})
        header.update({key: text for key, text in _keywords(experiment) if text})
    return Run(
        instrument=_text(tube, "data_instrument_name") or None,
        software=f"BD FACSDiva {header.get('version', '')}".strip(),
        serial_number=_text(tube, "data_instrument_serial_number") or None,
        batch=header.get("experiment") or None,
        operator=header.get("owner_name"),
        started_at=read_moment(header.get("date", "")).iso,
        header=header,
    )
