"""The printed pick list: its bar code reads back, every tube is there in order, what cannot be printed is said."""

from dataclasses import replace

import pytest

from labels import LETTER, EmptyListError, PickLine, PickListError, PickSheet, UnprintableTextError, render_pick_list

LINES = tuple(
    PickLine(
        tube=f"T{n:09d}",
        place="Central Biorepository / Freezer room / Freezer 1 / Shelf 1 / Rack 1 / Box 8",
        position=f"A{n}",
        material="Serum",
        holds="500 uL",
        state="" if n % 3 else "picked",
    )
    for n in range(1, 90)
)
SHEET = PickSheet(
    code="QNMZDC3J9V",
    particulars=(("For", "Cytokine pilot, Łódź"), ("Goes to", "a bench")),
    lines=LINES,
    printed="As it stood 2026-05-04 09:00 CEST.",
)


def test_the_bar_code_opens_the_list_and_every_tube_is_there_in_order(read_pdf, text_of):
    pdf = render_pick_list(SHEET)
    assert pdf == render_pick_list(SHEET)
    (code,) = read_pdf(pdf)
    assert (code.page, code.text, code.symbology) == (0, "QNMZDC3J9V", "Code 128")
    pages = text_of(pdf)
    assert len(pages) > 1
    assert all(f"Pick list QNMZ-DC3J-9V Page {n} of" in page for n, page in enumerate(pages, start=1))
    text = "".join("".join(pages).split())
    places = [text.index(f"T000-0000-{n:02d}") for n in range(1, 90)]
    assert places == sorted(places)


def test_it_fits_other_paper(read_pdf):
    assert [code.text for code in read_pdf(render_pick_list(SHEET, page=LETTER))] == ["QNMZDC3J9V"]


def test_what_cannot_be_printed_is_said():
    with pytest.raises(EmptyListError):
        render_pick_list(replace(SHEET, lines=()))
    with pytest.raises(UnprintableTextError):
        render_pick_list(replace(SHEET, printed="\N{SNOWMAN}\N{GRINNING FACE}"))
    with pytest.raises(PickListError, match="QNMZDC3J9V"):
        render_pick_list(replace(SHEET, particulars=(("For", "word " * 6000),)))
