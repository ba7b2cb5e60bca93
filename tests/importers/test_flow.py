"""FACSDiva's XML, made up so that each trap stands alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from assay_importers.contract import SourceFile, Verdict
from assay_importers.errors import FaultyFile
from assay_importers.formats.flow import Flow
from tests.importers.real_files import missed
from tests.importers.tables import facts, values

IMPORTER = Flow()
TUBE = """<tube name="{name}"><date>2019-04-15T16:13:22</date><data_instrument_name>LSR</data_instrument_name><keywords>
<keyword name="SAMPLE ID"><value>{sample}</value></keyword><keyword name="PATIENT ID"><value>Someone</value></keyword>
<keyword name="LOT"><value>7</value></keyword></keywords>
<gates><gate fullname="All Events\\P1"><num_events>22927</num_events></gate></gates>
<statistics_calculations><calculation_schedule gate="P1" parameter="APC-A"><calculation formula="Median" value="NaN"/>
</calculation_schedule></statistics_calculations></tube>"""


def document(*tubes: str, root: str = "bdfacs") -> bytes:
    body = "".join(f'<specimen name="S{number}">{tube}</specimen>' for number, tube in enumerate(tubes, start=1))
    experiment = '<experiment name="E"><date>2019-04-15T16:20:39</date><owner_name>o</owner_name>'
    return f'<{root} version="Version 6.2">{experiment}{body}</experiment></{root}>'.encode()


def test_the_real_files(data: Path, manifest: list[dict[str, Any]]) -> None:
    assert missed(data, manifest, {"flow"}, [IMPORTER]) == []


def test_a_population_is_an_analyte_of_its_tube() -> None:
    tubes = [TUBE.format(name="T", sample=sample) for sample in ("P-1", "", "")]
    run = IMPORTER.parse(SourceFile("x", document(*tubes)))
    assert [r.sample for r in run.readings if r.quantity == "events"] == ["P-1", "S2: T", "S3: T"]
    assert values(run, "events", "All Events\\P1")[0] == ("22927", "22927", None)
    assert values(run, "Median", "P1: APC-A")[0] == ("NaN", None, "not_a_number")
    assert facts(run, "LOT") == ["7", "7", "7"]
    assert "Someone" not in run.model_dump_json()
    assert (run.run.instrument, run.run.batch, run.run.started_at) == ("LSR", "E", "2019-04-15T16:20:39")


def test_what_is_refused_and_recognised() -> None:
    with pytest.raises(FaultyFile, match="the experiment has no tubes"):
        IMPORTER.parse(SourceFile("x", document()))
    with pytest.raises(FaultyFile, match="the XML is no experiment of FACSDiva"):
        IMPORTER.parse(SourceFile("x", document(root="other")))
    assert IMPORTER.sniff(SourceFile("x", document()).head).verdict is Verdict.YES
    assert IMPORTER.sniff(SourceFile("x", document(root="other")).head).verdict is Verdict.NO
