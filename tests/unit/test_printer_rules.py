"""Rules of printers and print jobs, the host status of ZPL printers, and pictures of labels: pure functions."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from io import BytesIO

import pytest
import zxingcpp
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from biobank.errors import Invalid
from biobank.printer import rules, status
from biobank.printer.rules import Rule, Wanted
from biobank.printer.status import HostStatus, UnreadableStatus
from biobank.printer.zpl_picture import ZplError, draw_zpl
from labels import STOCKS, TEMPLATES, Item, RollStock, lay_out, render_zpl

PUBLISHED = (
    b"\x02030,0,0,1245,000,0,0,0,000,0,0,0\x03\r\n\x02000,0,0,0,0,2,4,0,00000000,1,000\x03\r\n\x021234,0\x03\r\n"
)


def test_the_published_answer_is_a_ready_printer():
    said = status.parse(PUBLISHED)
    assert (said.condition, said.is_idle) == ("ready", True)


@pytest.mark.parametrize(
    ("flags", "condition"),
    [
        ({"head_open": True, "paper_out": True}, "head_open"),
        ({"paper_out": True, "paused": True}, "out_of_labels"),
        ({"ribbon_out": True}, "out_of_ribbon"),
        ({"paused": True}, "paused"),
        ({"corrupt_memory": True}, "busy"),
        ({"under_temperature": True}, "busy"),
        ({"over_temperature": True}, "busy"),
        ({"buffer_full": True}, "busy"),
        ({"waiting": 3}, "ready"),
    ],
)
def test_every_flag_is_read_from_where_it_is_written(flags, condition):
    made = HostStatus(**flags)
    assert status.parse(status.written(made)) == made
    assert made.condition == condition


def test_a_printer_with_something_left_is_not_idle():
    assert [HostStatus(**one).is_idle for one in ({"waiting": 1}, {"remaining": 1}, {"partial_format": True})] == [
        False
    ] * 3


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (b"", "0 of 3 lines"),
        (PUBLISHED.replace(b"030,0", b"030"), "line 1 of the status has 11 fields"),
        (PUBLISHED.replace(b"030", b"abc"), "field 1 of line 1"),
        (PUBLISHED.replace(b"1234", "\uff11".encode()), "field 1 of line 3"),
    ],
)
def test_what_is_no_status_says_why(answer, why):
    with pytest.raises(UnreadableStatus, match=why):
        status.parse(answer)


@given(st.binary(max_size=200))
def test_no_answer_breaks_the_reading(answer):
    with suppress(UnreadableStatus):
        status.parse(answer)


def rule(position, printer="ZD-1", *, usable=True, **named):
    fields = {"user": None, "workstation": None, "label_kind": None} | named
    return Rule("LAB", position, printer=printer, is_usable=usable, **fields)


def test_the_first_rule_that_fits_wins_and_each_says_why():
    judged = rules.judge(
        [
            rule(1, usable=False),
            rule(2, user="ann"),
            rule(3, workstation="Bench 4"),
            rule(4, label_kind="box"),
            rule(5, "ZD-2", user="bob", workstation="bench 3", label_kind="tube"),
            rule(6),
        ],
        Wanted("bob", "BENCH 3", "tube"),
    )
    assert [one.wins for one in judged] == [False] * 4 + [True, False]
    assert [one.why for one in judged] == [
        "printer ZD-1 is out of use",
        "is for ann",
        "is for workstation Bench 4",
        "is for labels of boxes",
        "is the first that fits: user bob, workstation bench 3, labels of tubes",
        "fits, but rule 5 of LAB comes first",
    ]
    assert rules.judge([rule(1)], Wanted("bob", None, None))[0].why == "is the first that fits: it is for everything"


def test_who_works_at_several_sites_gets_a_printer_by_a_rule_that_names_them_or_their_workstation():
    everywhere = [rule(1), rule(2, "ZD-2", workstation="Bench 3"), rule(3, "ZD-3", user="bob")]
    for wanted, winner in (
        (Wanted("bob", "Bench 3", "tube", several=True), "ZD-2"),
        (Wanted("bob", None, "tube", several=True), "ZD-3"),
        (Wanted("ann", None, "tube", several=True), None),
    ):
        judged = rules.judge(everywhere, wanted)
        assert [one.rule.printer for one in judged if one.wins] == ([winner] if winner else [])
        assert judged[0].why == "is for everybody at LAB, and you work at several sites"


@pytest.mark.parametrize(
    ("kind", "host", "port", "field"),
    [("download", "here", None, "host"), ("zpl_tcp", None, 9100, "host"), ("pull", "here", None, "port")],
)
def test_an_address_is_where_one_is_needed(kind, host, port, field):
    with pytest.raises(Invalid) as refused:
        rules.check_address(kind, host, port)
    assert field in refused.value.errors


def test_addresses_and_stocks_that_fit():
    rules.check_address("download", None, None)
    rules.check_address("zpl_tcp", "here", 9100)
    rules.check_stock("download", 203, None)
    rules.check_stock("pull", 300, 300)
    for dpi in (None, 203):
        with pytest.raises(Invalid):
            rules.check_stock("zpl_tcp", 300, dpi)


def test_steps_and_versions():
    rules.check_version("ZD-1", 1, 1)
    with pytest.raises(rules.PrinterChanged):
        rules.check_version("ZD-1", 1, 2)
    rules.check_step("queued", ("queued",), "cancelled")
    with pytest.raises(rules.PrintJobState, match="is verified: it cannot be cancelled"):
        rules.check_step("verified", ("queued",), "cancelled")


def test_every_state_says_what_to_do_where_something_is_to_be_done():
    for trouble in rules.TROUBLES:
        assert rules.what_to_do("queued", trouble, "zpl_tcp")
        assert rules.trouble_words(trouble)
    assert rules.trouble_words(None) == ""
    assert "Look at the printer" in rules.what_to_do("unknown", "out_of_labels", "pull")
    assert "Download" in rules.what_to_do("queued", None, "download")
    assert "Print the file" in rules.what_to_do("sent", None, "download")
    assert "scan each" in rules.what_to_do("acknowledged", None, "zpl_tcp")
    assert rules.what_to_do("verified", None, "zpl_tcp") == rules.what_to_do("queued", None, "pull") == ""


@pytest.mark.parametrize(
    ("minutes", "words"),
    [(-1, "just now"), (0, "just now"), (59, "59 min ago"), (60, "1 h ago"), (2879, "47 h ago"), (2880, "2 days ago")],
)
def test_the_age_of_a_job(minutes, words):
    now = datetime(2026, 1, 9, tzinfo=UTC)
    assert rules.age_words(now - timedelta(minutes=minutes), now) == words


def test_a_further_copy_bears_its_own_number_and_nothing_else_is_touched():
    first = {"line1": "Rack R2", "line2": "Freezer 1"}
    assert rules.recopied(first, 1, 2) == {"line1": "Rack R2 R2", "line2": "Freezer 1", "copy": "R2"}
    assert rules.recopied({"line1": "Rack R2 R2"}, 2, 3) == {"line1": "Rack R2 R3", "copy": "R3"}
    assert rules.recopied({}, 1, 2) == {"line1": "R2", "copy": "R2"}


ROLLS = [stock for stock in STOCKS.values() if isinstance(stock, RollStock)]


@pytest.mark.parametrize("dpi", [203, 300, 600])
def test_the_picture_of_what_was_sent_reads_back(dpi):
    stock = next(one for one in ROLLS if one.dpi == dpi and one.label_width > 30)
    for name in ("tube", "box"):
        item = Item.lined("TKQ7M3X9V7", ["SER 500 uL ~^_ é"])
        try:
            lay_out(TEMPLATES[name], item, stock)
        except ValueError:
            continue
        picture = Image.open(BytesIO(draw_zpl(render_zpl([item], TEMPLATES[name], stock), dpi)))
        assert [symbol.text for symbol in zxingcpp.read_barcodes(picture)] == ["TKQ7M3X9V7"]


def test_every_mark_that_is_written_is_drawn():
    zpl = (
        b"^XA^CI28^PW100^LL80^LH0,0^FO2,2^GB20,2,2^FS^FO2,10^GD20,10,1,B,R^FS^FO2,30^GD20,10,1,B,L^FS"
        b"^FT50,40^A0R,12,12^FDa^FS^FT50,40^A0I,12,12^FDb^FS^FT50,40^A0B,12,12^FH_^FDc_5E^FS^FO60,50^GFA,2,2,1,FFFF^FS"
        b"^FO70,50^GFA,8,8,2,!:,F,H0FF^FS^FO0,70^GFA,2,2,2,,^FS^PQ1^XZ"
    )
    picture = Image.open(BytesIO(draw_zpl(zpl)))
    assert picture.size == (100, 80)
    assert [picture.getpixel(at) for at in ((5, 3), (61, 50), (90, 70))] == [0, 0, 255]
    dots = [[picture.getpixel((70 + x, 50 + y)) for x in (0, 8, 15)] for y in range(4)]
    assert dots == [[0, 0, 0], [0, 0, 0], [255, 255, 255], [0, 255, 255]]


@pytest.mark.parametrize(
    "zpl",
    [b"hello", b"^XA^PW99999999^XZ", b"^XA^FO1^XZ", b"^XA^GFB,1,1,1,x^XZ", b"^XA^GFA,9,9,0,FF^XZ", b"^XA^A0N,0^FDx^XZ"],
)
def test_what_cannot_be_drawn_is_refused(zpl):
    with pytest.raises(ZplError):
        draw_zpl(zpl)


def test_a_job_is_moved_to_another_printer_of_its_site_that_takes_its_labels():
    rules.check_move("ZD-1", "ZD-2", same_site=True, same=False)
    rules.check_usable("ZD-2", is_active=True)
    rules.check_other_stock("ZD-2", counted=True)
    with pytest.raises(Invalid, match="waits for ZD-1 already"):
        rules.check_move("ZD-1", "ZD-1", same_site=True, same=True)
    with pytest.raises(Invalid, match="at another site than ZD-1"):
        rules.check_move("ZD-1", "ZD-2", same_site=False, same=False)
    with pytest.raises(Invalid, match="other labels in it"):
        rules.check_other_stock("ZD-2", counted=False)
    with pytest.raises(rules.PrinterNotUsable):
        rules.check_usable("ZD-2", is_active=False)
