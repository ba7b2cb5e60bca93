from dataclasses import replace

import pytest

from labels import LETTER, BoxCell, BoxMap, BoxMapError, TextDoesNotFitError, UnprintableTextError, render_box_map
from labels.boxmap import grid_box

CELLS = tuple(BoxCell(n // 9, n % 9, ("TKQ7", "M3X9", f"V{n}", "SER")) for n in range(0, 81, 2))
BOX = BoxMap("BKQ7M3X9V7", "Serum, Łódź", "Freezer 3 / shelf 2", tuple("ABCDEFGHI"), tuple("123456789"), CELLS)


def test_a_box_map_shows_every_position_and_its_code(read_pdf, text_of):
    pdf = render_box_map(BOX)
    assert [symbol.text for symbol in read_pdf(pdf)] == ["BKQ7M3X9V7"]
    (page,) = text_of(pdf)
    shown = page.split()
    assert {f"V{n}" for n in range(0, 81, 2)} <= set(shown)
    assert not {f"V{n}" for n in range(1, 81, 2)} & set(shown)
    assert set("ABCDEFGHI123456789") <= set(shown)
    assert "Łódź" in shown


def test_cells_stand_in_their_row_and_column():
    import pypdfium2

    box = replace(BOX, cells=(BoxCell(0, 0, ("first",)), BoxCell(8, 2, ("other",))))
    document = pypdfium2.PdfDocument(render_box_map(box))
    page = document[0].get_textpage()
    grid = grid_box(box)
    side = grid.width / 9
    for words, row, column in (("first", 0, 0), ("other", 8, 2)):
        index, count = page.search(words).get_next()
        boxes = [page.get_charbox(index + n) for n in range(count)]
        x = (boxes[0][0] + boxes[-1][2]) / 2 / 72 * 25.4
        y = 297 - (boxes[0][1] + boxes[0][3]) / 2 / 72 * 25.4
        assert (x, y) == pytest.approx((grid.x + (column + 0.5) * side, grid.y + (row + 0.5) * side), abs=0.5)
    document.close()


def test_the_notch_is_at_the_first_position():
    import pypdfium2

    document = pypdfium2.PdfDocument(render_box_map(replace(BOX, cells=())))
    image = document[0].render(scale=300 / 72, grayscale=True).to_pil()
    grid = grid_box(BOX)

    def shade(x, y):
        return image.getpixel((round(x / 25.4 * 300), round(y / 25.4 * 300)))

    assert shade(grid.x + 0.8, grid.y + 0.8) == 0
    assert shade(grid.x + grid.width - 0.8, grid.y + 0.8) > 200
    assert shade(grid.x + 0.8, grid.y + grid.height - 0.8) > 200
    document.close()


def test_bytes_depend_on_the_arguments_alone():
    assert render_box_map(BOX) == render_box_map(BOX)
    assert render_box_map(BOX) != render_box_map(BOX, page=LETTER)


def test_an_empty_box_without_details_is_still_a_map(text_of):
    (page,) = text_of(render_box_map(replace(BOX, cells=(), details="")))
    assert "BKQ7M3X9V7" in page


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"row_names": ()}, "at least one row"),
        ({"column_names": ()}, "at least one row"),
        ({"cells": (BoxCell(9, 0, ()),)}, "row 9, column 0 is outside"),
        ({"cells": (BoxCell(0, -1, ()),)}, "row 0, column -1 is outside"),
        ({"cells": (BoxCell(1, 2, ("a",)), BoxCell(1, 2, ("b",)))}, "position B3 holds two tubes"),
        ({"cells": (BoxCell(1, 2, ("a",)), BoxCell(1, 2, ("a",)))}, "position B3 holds two tubes"),
    ],
)
def test_a_map_that_contradicts_its_box_is_refused(change, problem):
    with pytest.raises(BoxMapError, match=problem):
        render_box_map(replace(BOX, **change))


def test_text_that_cannot_be_printed_is_refused():
    with pytest.raises(TextDoesNotFitError, match="the box map leaves"):
        render_box_map(replace(BOX, cells=(BoxCell(0, 0, ("x" * 60,)),)))
    with pytest.raises(UnprintableTextError):
        render_box_map(replace(BOX, title="日本"))
