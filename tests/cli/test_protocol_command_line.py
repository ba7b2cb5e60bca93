"""The protocol of a study as a file, from the command line."""

import asyncio

from commandline import sql

from tests.world import build_world


def test_a_protocol_goes_out_is_checked_and_comes_in(line, dsn, tmp_path):
    asyncio.run(build_world(dsn, "biobank_app"))
    out, bad = tmp_path / "protocol.yaml", tmp_path / "bad.yaml"
    assert "lines written to" in line("protocol", "export", "LLS", out).stdout
    assert line("protocol", "export", "LLS", "--version", "1").stdout == out.read_text(encoding="utf-8")
    assert line("protocol", "check", out).stdout == "sound: 3 visits of the protocol of LLS\n"
    bad.write_text(out.read_text(encoding="utf-8").replace("day: 365", "day: 40").replace("unit: uL", "unit: L", 1))
    refused = line("protocol", "check", bad, status=1).stderr.splitlines()
    assert refused[0] == "line 16, column 15: visits[0].tubes[0].unit: BLD is measured in uL"
    assert "visits[1].day: the window" in refused[1]
    assert refused[2] == "Error: 2 problems, nothing was changed"
    assert "2 problems" in line("protocol", "import", bad, status=1).stderr
    assert line("protocol", "import", out).stdout == "version 2 of the protocol of LLS is draft\n"
    made = line("protocol", "import", out, "--publish", "2030-01-01").stdout
    assert made == "version 2 of the protocol of LLS is published from 2030-01-01\n"
    early = line("protocol", "import", out, "--publish", "2025-01-01", status=1).stderr
    assert early.startswith("Error: The present version is in force from 2030-01-01")
    assert sql(dsn, "select count(*) from protocol_version where status = 'draft' and number > 1") == 0
    assert "no version 0" in line("protocol", "export", "OTH", "--version", "0", status=1).stderr
    assert "No study XXX" in line("protocol", "export", "XXX", status=1).stderr
    nothing = tmp_path / "nothing.yaml"
    nothing.write_text("visits: []\n")
    assert "name the study" in line("protocol", "check", nothing, status=1).stderr
