"""Labels from the command line: a list becomes a file, a file is read back, what is wrong is named with its line."""

import asyncio
import json

import pytest
from click.testing import CliRunner

from biobank import ids
from biobank.actor import SERVICE
from biobank.cli.label import labels
from biobank.db import Database
from biobank.template import commands
from biobank.tx import open_tx
from labels import TEMPLATES


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BIOBANK_DATABASE_URL", "postgresql://nobody@127.0.0.1:9/nothing")

    def command(*arguments, status=0, stdin=None):
        result = CliRunner().invoke(labels, [str(one) for one in arguments], input=stdin)
        assert result.exit_code == status, (result.output, result.exception)
        return result.output

    return command


def printed(run, name, *more, **how):
    return run("print", "--template", "tube", "--codes", name, *more, **how)


def codes(count):
    return [ids.mint(ids.Kind.TUBE) for _ in range(count)]


def test_a_list_is_printed_and_verified_without_a_database(run, tmp_path):
    many = codes(90)
    rows = "".join(f"{ids.grouped(code)},SER 500 uL,BASE {n}/90\n" for n, code in enumerate(many, start=1))
    (tmp_path / "codes.csv").write_text("\ufeff" + rows + "\n", encoding="utf-8")
    said = printed(run, "codes.csv", "--out", "labels.pdf", "--start", 4)
    assert said == "90 labels of template tube on cryo-letter-85 written to labels.pdf\n"
    assert "all 90 codes of the list are there" in run("verify", "labels.pdf", "--codes", "codes.csv")
    assert run("verify", "labels.pdf") == "sound: 90 symbols of 90 codes\n"
    fewer = run("verify", "labels.pdf", "--codes", "-", stdin="\n".join([*many[1:], "MISSING"]), status=1)
    assert f"should not be there: {many[0]} on page 1" in fewer
    assert "missing: MISSING is on no page" in fewer
    printed(run, "-", "--out", "labels.zpl", stdin=f"code,line1\n{many[0]},SER\n{many[1]}\n")
    assert (tmp_path / "labels.zpl").read_bytes().count(b"^XA") == 2
    first = (tmp_path / "labels.pdf").read_bytes()
    printed(run, "codes.csv", "--out", "again.pdf", "--start", 4)
    assert (tmp_path / "again.pdf").read_bytes() == first


def test_labels_are_printed_on_a_stock_that_a_file_measures(run, tmp_path):
    measures = {"type": "roll", "title": "Blue", "label_width": 34, "label_height": 14, "dpi": 300}
    (tmp_path / "blue.json").write_text(json.dumps(measures))
    said = printed(run, "-", "--out", "own.zpl", "--stock", "blue.json", stdin=codes(1)[0])
    assert said.endswith("on blue written to own.zpl\n")
    assert f"^PW{round(34 / 25.4 * 300)}".encode() in (tmp_path / "own.zpl").read_bytes()
    for content, words in (
        (json.dumps(measures | {"areas": [{"name": "dot"}]}), "areas[0].x: is missing"),
        (json.dumps(measures | {"gap": "wide"}), "gap: is not a number"),
        ("{", "is no JSON at line 1"),
        ("[]", "is not an object"),
    ):
        (tmp_path / "bad.json").write_text(content)
        how = {"stdin": codes(1)[0], "status": 1}
        assert words in printed(run, "-", "--out", "none.pdf", "--stock", "bad.json", **how)
    assert not (tmp_path / "none.pdf").exists()


def test_what_cannot_be_printed_is_named_with_its_line_and_nothing_is_written(run, tmp_path):
    one = codes(1)[0]
    wrong = one[:-1] + ("A" if one[-1] != "A" else "B")
    for stdin, words in (
        ("", "names no code"),
        (f"{one}\n,x\n", "line 2: has no code"),
        (f"{one}\n\n{ids.grouped(one)}\n", "line 3"),
        (f"x\n{wrong}\n", "line 2"),
        (f"code,line1\n{one},a,b\n", "line 2: has 3 columns"),
        (f"{one}\nABC\u00e9\n", "line 2: Data Matrix cannot hold"),
        ("X" * 60 + "\n", "line 1: code"),
        (f'{one}\n"open', "line 2"),
        (b"ok\n\xff\n", "line 2 is not UTF-8"),
        ("\n".join(f"{one}{n}" + "\u00e9" for n in range(60)), "and 10 more"),
    ):
        assert words in printed(run, "-", "--out", "x.pdf", stdin=stdin, status=1), stdin[:40]
    good = {"stdin": one, "status": 1}
    assert "name a .pdf or a .zpl file" in printed(run, "-", "--out", "x.txt", **good)
    assert "there is no stock none" in printed(run, "-", "--out", "x.pdf", "--stock", "none", **good)
    assert "is a sheet" in printed(run, "-", "--out", "x.zpl", "--stock", "l7163", **good)
    assert "start 99" in printed(run, "-", "--out", "x.pdf", "--start", 99, **good)
    assert not (tmp_path / "x.pdf").exists()
    (tmp_path / "x.pdf").write_bytes(b"kept")
    assert isinstance(
        CliRunner()
        .invoke(labels, ["print", "--template", "tube", "--codes", "-", "--out", "x.pdf"], input=one)
        .exception,
        FileExistsError,
    )
    assert "cannot be read as a PDF" in run("verify", "x.pdf", status=1)


def test_a_template_of_a_file_may_use_the_columns_of_the_list(run, tmp_path):
    data = TEMPLATES["tube"].to_data()
    data["elements"][2]["text"] = "{dose} mg"
    (tmp_path / "own.json").write_text(json.dumps(data))
    listed = {"stdin": f"code,dose\n{codes(1)[0]},5\n"}
    said = run("print", "--template", "own.json", "--codes", "-", "--out", "x.pdf", **listed)
    assert said.startswith("1 labels of template tube")
    bad = {"stdin": codes(1)[0], "status": 1}
    assert "there is no token {dose}" in run("print", "--template", "own.json", "--codes", "-", "--out", "y.pdf", **bad)
    for text, words in (("{", "line 1, column 2"), ('{"width": 1' + "0" * 400 + "}", ""), ("[]", "is not an object")):
        (tmp_path / "bad.json").write_text(text)
        assert words in run("print", "--template", "bad.json", "--codes", "-", "--out", "y.pdf", **bad)


def test_a_template_of_the_database_is_taken_in_a_published_version(run, dsn, monkeypatch):
    async def made():
        async with Database.open(dsn, role="biobank_app", size=1) as database, open_tx(database, SERVICE) as tx:
            new = commands.CreateLabelTemplate(name="own-tube", kind="tube", like="tube")
            draft = await commands.create_template(tx, new)
            publication = commands.PublishTemplateDraft(row_version=draft.head.row_version)
            await commands.publish_draft(tx, "own-tube", publication)
            await commands.start_draft(tx, "own-tube", commands.StartTemplateDraft())

    asyncio.run(made())
    monkeypatch.setenv("BIOBANK_DATABASE_URL", dsn)
    listed = {"stdin": f"code,line1\n{codes(1)[0]},SER\n"}
    for name in ("own-tube", "own-tube@1"):
        said = run("print", "--template", name, "--codes", "-", "--out", f"{name}.pdf", **listed)
        assert "template own-tube on cryo-letter-85" in said
    for name, words in (
        ("own-tube@2", "no published version 2"),
        ("other", "no label template"),
        ("own-tube@x", "is no version"),
    ):
        assert words in run("print", "--template", name, "--codes", "-", "--out", "x.pdf", **listed, status=1)
