"""Commands that end by themselves: settings, users, files, and the audit trail."""

import json
import re

import pytest
from commandline import PASSWORD, CommandLine, sql

from tests.bench import xponent


def test_a_setting_that_cannot_be_used_refuses_to_start_and_is_named():
    for command in ("serve", "migrate"):
        refused = CommandLine(port="many", session_hours="0")(command, status=1).stderr
        assert "BIOBANK_PORT" in refused
        assert "BIOBANK_SESSION_HOURS" in refused


def test_a_file_is_parsed_without_a_database_and_the_exit_status_tells_how_it_went(tmp_path):
    line = CommandLine(port="many")  # parse reads a file and no setting
    good, other, faulty = tmp_path / "run.csv", tmp_path / "letter.txt", tmp_path / "cut.csv"
    content = xponent({"A1": "S-1", "B1": "S-2"}, ["alpha"])
    good.write_bytes(content)
    other.write_text("Dear colleague, the plate is in the freezer.\n")
    faulty.write_bytes(content.replace(b"1(1,A1)", b"1(1,?)"))
    shown = line("parse", good).stdout
    assert re.search(r"format +luminex_xponent", shown)
    run = json.loads(line("parse", good, "--json").stdout)
    assert (run["format"], [well["location"] for well in run["wells"]]) == ("luminex_xponent", ["A1", "B1"])
    assert {reading["raw"] for reading in run["readings"]} == {"100", "50", "900"}
    refused = line("parse", other, "--json", status=2)
    error = json.loads(refused.stdout)["error"]
    assert set(error) == {"kind", "message", "details"}
    assert error["message"] in refused.stderr
    assert "cut.csv" in line("parse", faulty, status=3).stderr


def imported(said):
    """Which of the libraries that take long to import a command did."""
    slow = {"alembic", "assay_importers", "jinja2", "labels", "litestar", "pyarrow", "reportlab", "sqlalchemy"}
    return slow & set(re.findall(r"^import time:.*\| +(\w+)$", said, re.MULTILINE))


def test_users_get_names_roles_and_tokens_once(line, dsn):
    line("user", "create", "jo.doe", "--name", "Jo Doe", password=PASSWORD)
    again = line("user", "create", "jo.doe", "--name", "Jo Doe", status=1, password=PASSWORD)
    assert again.stderr == "Error: A user of this name exists already: choose another name.\n"
    wizard = line("user", "create", "w.izard", "--name", "W", "--role", "wizard", status=1, password=PASSWORD)
    assert "There is no role wizard: choose one of technician" in wizard.stderr
    line.environment["PYTHONPROFILEIMPORTTIME"] = "1"
    nobody = line("token", "create", "nobody", "x", status=1).stderr
    assert "no user nobody" in nobody
    assert imported(nobody) == {"alembic", "sqlalchemy"}
    assert imported(line("migrate").stderr) == {"alembic", "sqlalchemy"}
    assert imported(line("audit", "verify").stderr) == set()
    assert sql(dsn, "select string_agg(username, ' ' order by username) from app_user") == "jo.doe root.admin"


@pytest.fixture
def sealed(line):
    """A trail with two seals; gives its head."""
    assert re.search(r"^\d+ entries sealed in 1 seals", line("audit", "seal").stdout)
    line("user", "create", "jo.doe", "--name", "Jo Doe", "--no-password")
    line("audit", "seal")
    return line("audit", "verify").stdout.splitlines()[-1].removeprefix("head ")


def test_the_trail_is_verified_here_and_from_its_export(line, dsn, sealed, tmp_path):
    assert re.fullmatch(r"[0-9a-f]{64}", sealed)
    assert line("audit", "verify", "--head", sealed).stdout.startswith("sound: ")
    bad = line("audit", "verify", "--head", "ab" * 32, status=1).stdout
    assert "does not pass through abab" in bad
    assert "1 FAULTS" in bad

    trail = tmp_path / "trail.jsonl"
    written = line("audit", "export", trail).stdout
    assert written == f"{len(trail.read_text().splitlines())} lines written to {trail}\n"
    before = trail.read_bytes()
    line("audit", "export", trail, status=1)
    assert trail.read_bytes() == before
    offline = CommandLine(database_url="postgresql://nobody@127.0.0.1:1/none")
    assert sealed in offline("audit", "verify", "--export", trail, "--head", sealed).stdout
    trail.write_bytes(before.replace(b"jo.doe", b"jo.dough"))
    assert "audit_entry" in offline("audit", "verify", "--export", trail, status=1).stdout
    trail.write_bytes(before[:-20])
    assert "line" in offline("audit", "verify", "--export", trail, status=1).stderr

    changed = sql(
        dsn,
        "set session_replication_role = replica",
        "update app_user set display_name = 'Somebody Else' where username = 'jo.doe' returning id",
    )
    found = line("audit", "verify", status=1).stdout
    assert f"app_user {changed}: was changed without an audit entry: display_name\n" in found
    assert "1 FAULTS" in found


def test_a_database_of_a_newer_version_is_left_alone(line, dsn):
    sql(dsn, "update alembic_version set version_num = '9999_future'")
    assert "a newer version" in line("migrate", status=1).stderr


def test_a_database_that_is_away_is_said_in_one_line():
    away = CommandLine(database_url="postgresql://somebody@127.0.0.1:1/none")("audit", "seal", status=1).stderr
    assert away.startswith("Error: the database or a file cannot be used: ")
    assert away.count("\n") == 1
