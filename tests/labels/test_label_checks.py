from io import BytesIO

import pytest
from pypdf import PdfReader, PdfWriter
from reportlab.pdfgen.canvas import Canvas
from test_label_templates import png

from labels import (
    STOCKS,
    TEMPLATES,
    Box,
    Code,
    Image,
    Item,
    Line,
    ModuleRange,
    Page,
    RollStock,
    SheetStock,
    Symbology,
    Template,
    Text,
    UnreadableFileError,
    check,
    render_pdf,
    verify_pdf,
)

ITEM = Item.lined("TKQ7M3X9V7", ("SER",))
STOCK = RollStock("roll", "roll", 60, 30, dpi=600)
CODE, ID = Code(Box(1, 1, 9, 9)), Text(Box(12, 1, 40, 5), "{id}", (6, 9))


def found(*elements, stock=STOCK):
    template = Template("x", "x", 60, 30, elements)
    return [(finding.rule, finding.severity, finding.what) for finding in check(template, stock, ITEM)]


@pytest.mark.parametrize(("template", "stock"), [("tube", "cryo-letter-85"), ("box", "l7163"), ("kit", "5160")])
def test_templates_that_ship_are_good(template, stock):
    assert check(TEMPLATES[template], STOCKS[stock], ITEM) == ()


@pytest.mark.parametrize(
    ("elements", "finding"),
    [
        ((ID,), ("code", "warning", "")),
        ((CODE,), ("id", "warning", "TKQ7M3X9V7")),
        ((CODE, Text(Box(12, 1, 40, 5), "{id}", (5, 5))), ("id", "warning", "TKQ7M3X9V7")),
        ((CODE, ID, Text(Box(12, 9, 40, 5), "{line1}", (3, 3.5))), ("text-size", "warning", "SER")),
        ((ID, Code(Box(1, 1, 9, 9), modules=ModuleRange(0.1, 0.15))), ("module-size", "warning", "TKQ7M3X9V7")),
        (
            (ID, Code(Box(1, 9, 50, 9), "{code}", Symbology.CODE_128, ModuleRange(0.08, 0.12))),
            ("module-size", "warning", "TKQ7M3X9V7"),
        ),
        ((CODE, ID, Line((1, 5), (9, 5))), ("quiet-zone", "error", "TKQ7M3X9V7")),
        ((CODE, ID, Line((1, 4), (9, 4)), Line((1, 5), (9, 5))), ("quiet-zone", "error", "TKQ7M3X9V7")),
        ((CODE, ID, Image(Box(20, 2, 5, 3), png())), ("contrast", "warning", "TKQ7-M3X9-V7")),
        ((CODE, ID, Text(Box(12, 1, 40, 5), "x", (9, 9))), ("contrast", "warning", "x")),
        ((Code(Box(1, 1, 2, 2)), ID), ("refused", "error", "")),
    ],
)
def test_what_would_not_be_read_is_found(elements, finding):
    assert found(*elements) == [finding]


def test_findings_say_what_to_do():
    (finding,) = check(Template("x", "x", 60, 30, (CODE, ID, Line((1, 5), (9, 5)))), STOCK, ITEM)
    assert finding.message == "Something stands in its quiet zone: move it away, or the code is not found."
    (finding,) = check(Template("x", "x", 60, 30, (CODE, Text(Box(12, 1, 40, 5), "{id}", (5, 5)))), STOCK, ITEM)
    assert finding.message == "The id is set in 5 points; people read it from 6."


def test_a_quiet_zone_over_the_edge_is_found():
    """The code is moved to the printer's next dot, here to the right, and its box ends with the label."""
    dot = 25.4 / 203
    wide = 32 * dot  # 14 modules and the quiet zone, two dots each
    stock = RollStock("roll", "roll", wide + 0.064, 30, dpi=203)
    template = Template("x", "x", stock.label_width, 30, (Code(Box(0.064, 0, wide, 20)), Text(Box(0, 20, 4, 9), "a")))
    findings = [finding for finding in check(template, stock, ITEM) if finding.rule == "quiet-zone"]
    assert [finding.message for finding in findings] == ["Its quiet zone reaches over the label's edge."]


SHEET = SheetStock("small", "A small sheet", Page("small", 120, 60), 35.6, 16.9, 3, 3, 5, 4, 38.1, 16.9)
CODES = [f"T{n}KQ7M3X9V" for n in range(2, 8)]


def sheet(codes=CODES):
    return render_pdf([Item.lined(code, ("SER",)) for code in codes], TEMPLATES["tube"], SHEET)


def spoiled(pdf: bytes, stock, place: tuple[float, float, float, float]) -> bytes:
    """The page with a black box on it: x, y, width, height in points from the bottom left."""
    buffer = BytesIO()
    canvas = Canvas(buffer, pagesize=stock.page.points)
    canvas.rect(*place, stroke=0, fill=1)
    canvas.save()
    writer = PdfWriter(clone_from=BytesIO(pdf))
    writer.pages[0].merge_page(PdfReader(buffer).pages[0])
    out = BytesIO()
    writer.write(out)
    return out.getvalue()


def test_a_good_sheet_is_good():
    verdict = verify_pdf(sheet(), CODES)
    assert verdict.good
    assert verdict.problems() == ()
    assert [one.code for one in verdict.found] == CODES


def test_every_fault_is_named_with_its_page_and_place():
    pdf = sheet([*CODES, CODES[0], "TFOREYGN22"])
    verdict = verify_pdf(pdf, [*CODES, "TM2SSYNG22"])
    assert not verdict.good
    assert verdict.missing == ("TM2SSYNG22",)
    assert [one.code for one in verdict.twice] == [CODES[0]]
    assert [one.code for one in verdict.foreign] == ["TFOREYGN22"]
    assert verdict.unreadable == ()
    missing, twice, foreign = verdict.problems()
    assert missing == "missing: TM2SSYNG22 is on no page"
    assert twice.startswith(f"once too often: {CODES[0]} on page 1 at ")
    assert foreign.startswith("should not be there: TFOREYGN22 on page 1 at ")
    for one, place in ((verdict.twice[0], 6), (verdict.foreign[0], 7)):
        x, y = SHEET.corner(place)
        assert (one.x, one.y) == (pytest.approx(x + 3.6 * 35.6 / 32.5, abs=0.2), pytest.approx(y + 16.9 / 2, abs=0.2))


def test_a_symbol_that_does_not_read_is_named_by_the_id_beside_it():
    x, y = SHEET.corner(1)
    at = (x / 25.4 * 72, (SHEET.page.height - y - SHEET.label_height) / 25.4 * 72, 20, 48)
    verdict = verify_pdf(spoiled(sheet(), SHEET, at), CODES)
    assert verdict.missing == ()
    assert CODES[1] in {one.code for one in verdict.unreadable}
    named = next(one for one in verdict.unreadable if one.code == CODES[1])
    assert (named.page, named.x, named.y) == (1, pytest.approx(x + 7.3, abs=1), pytest.approx(y + 3, abs=3))
    assert f"unreadable: {CODES[1]} on page 1 at " in "\n".join(verdict.problems())


def test_a_damaged_symbol_is_found_without_its_id():
    """Its pattern is there, but too much of its data is not."""
    stock = STOCKS["roll-51x25-300"]
    template = Template("x", "x", 50.8, 25.4, (Code(Box(1, 1, 20, 20), modules=ModuleRange(0.5, 1)),))
    pdf = render_pdf([Item("TKQ7M3X9V7")], template, stock)
    verdict = verify_pdf(spoiled(pdf, stock, (24, 34, 15, 15)), [])
    assert verdict.found == ()
    assert len(verdict.unreadable) == 1
    assert verdict.problems()[0].startswith("unreadable: a symbol on page 1 at ")


def test_labels_with_a_cap_dot_are_there_twice():
    stock = STOCKS["cryo-wrap-dot-300"]
    pdf = render_pdf([Item(code) for code in CODES], TEMPLATES["tube-and-cap"], stock)
    assert verify_pdf(pdf, [*CODES, *CODES]).good
    assert len(verify_pdf(pdf, CODES).twice) == len(CODES)
    one = render_pdf([Item(CODES[0])], TEMPLATES["tube"], stock)
    assert verify_pdf(one, [CODES[0]] * 2).missing == (CODES[0],)


def test_what_is_no_pdf_is_refused():
    with pytest.raises(UnreadableFileError, match="cannot be read as a PDF of labels"):
        verify_pdf(b"%PDF-nothing", CODES)
    buffer = BytesIO()
    canvas = Canvas(buffer, pagesize=(1500, 100))
    canvas.showPage()
    canvas.save()
    with pytest.raises(UnreadableFileError, match="page 1 is larger than half a metre"):
        verify_pdf(buffer.getvalue(), CODES)
