"""A small writer of PDF files: pages are compressed and written as they come, the one font at the end.

Only what labels need: filled paths, text, lines and grey pictures. The same calls give the same bytes.
"""

import zlib
from io import BytesIO
from typing import Any

from labels.text import ADVANCE, FONT, face

_CATALOGUE, _PAGES, _FONT, _DESCENDANT, _DESCRIPTOR, _FONT_FILE, _UNICODE, _INFO = range(1, 9)
_FIRST_FREE = 9


class Glyphs(dict[int, str]):
    """Characters as the hexadecimal numbers of their glyphs in the embedded font, numbered as they are first used."""

    def __init__(self) -> None:
        super().__init__()
        self.characters: list[int] = []
        self.unicode: dict[int, int] = {}
        self._numbers: dict[int, int] = {0: 0}

    def __missing__(self, character: int) -> str:
        number = self._numbers.setdefault(face().charToGlyph[character], len(self._numbers))
        self.characters.append(character)
        self.unicode.setdefault(number, character)
        self[character] = made = f"{number:04X}"
        return made


class Pdf:
    """A file under construction: pages of one size in points, top to bottom in the order they are added."""

    def __init__(self, size: tuple[float, float], title: str) -> None:
        self.glyphs = Glyphs()
        self._size = size
        self._title = title
        self._out = BytesIO()
        self._out.write(b"%PDF-1.5\n%\xe2\xe3\xcf\xd3\n")
        self._offsets: dict[int, int] = {}
        self._next = _FIRST_FREE
        self._pages: list[int] = []
        self._pictures: dict[bytes, tuple[str, int]] = {}

    def shown(self, text: str) -> str:
        """`text` as the operand of Tj."""
        return f"<{text.translate(self.glyphs)}>"

    def page(self, operators: str) -> None:
        content = self._new()
        self._stream(content, operators.encode("ascii"))
        page = self._new()
        self._object(page, f"<</Type/Page/Parent {_PAGES} 0 R/Contents {content} 0 R>>".encode())
        self._pages.append(page)

    def picture(self, key: bytes, width: int, height: int, grey: bytes) -> str:
        """The name of a picture of `width` x `height` grey bytes; the same `key` is written once."""
        if key not in self._pictures:
            number = self._new()
            about = f"/Type/XObject/Subtype/Image/Width {width}/Height {height}"
            self._stream(number, grey, f"{about}/ColorSpace/DeviceGray/BitsPerComponent 8")
            self._pictures[key] = (f"/P{len(self._pictures)}", number)
        return self._pictures[key][0]

    def finish(self) -> bytes:
        kids = " ".join(f"{page} 0 R" for page in self._pages)
        pictures = "".join(f"{name} {number} 0 R" for name, number in self._pictures.values())
        width, height = self._size
        self._object(
            _PAGES,
            f"<</Type/Pages/Count {len(self._pages)}/Kids[{kids}]/MediaBox[0 0 {width:.4f} {height:.4f}]"
            f"/Resources<</Font<</F {_FONT} 0 R>>/XObject<<{pictures}>>>>>>".encode(),
        )
        self._font()
        # A printer that scales to its margins prints every label off its place.
        preferences = "/ViewerPreferences<</PrintScaling/None>>"
        self._object(_CATALOGUE, f"<</Type/Catalog/Pages {_PAGES} 0 R{preferences}>>".encode())
        title = ("\ufeff" + self._title).encode("utf-16-be").hex()
        self._object(_INFO, f"<</Title<{title}>/Producer(Biobank)>>".encode())
        return self._end()

    def _font(self) -> None:
        font: Any = face()
        name = f"BIOBNK+{FONT}"
        data = font.makeSubset(self.glyphs.characters)
        self._object(
            _FONT,
            f"<</Type/Font/Subtype/Type0/BaseFont/{name}/Encoding/Identity-H/DescendantFonts[{_DESCENDANT} 0 R]"
            f"/ToUnicode {_UNICODE} 0 R>>".encode(),
        )
        self._object(
            _DESCENDANT,
            f"<</Type/Font/Subtype/CIDFontType2/BaseFont/{name}/CIDSystemInfo<</Registry(Adobe)/Ordering(Identity)"
            f"/Supplement 0>>/FontDescriptor {_DESCRIPTOR} 0 R/DW {round(1000 * ADVANCE)}"
            "/CIDToGIDMap/Identity>>".encode(),
        )
        box = " ".join(f"{edge:.0f}" for edge in font.bbox)
        self._object(
            _DESCRIPTOR,
            f"<</Type/FontDescriptor/FontName/{name}/Flags 5/FontBBox[{box}]/ItalicAngle 0/Ascent {font.ascent:.0f}"
            f"/Descent {font.descent:.0f}/CapHeight {font.capHeight:.0f}/StemV 80"
            f"/FontFile2 {_FONT_FILE} 0 R>>".encode(),
        )
        self._stream(_FONT_FILE, data, f"/Length1 {len(data)}")
        self._stream(_UNICODE, self._to_unicode().encode("ascii"))

    def _to_unicode(self) -> str:
        pairs = [
            f"<{number:04X}><{chr(character).encode('utf-16-be').hex()}>"
            for number, character in sorted(self.glyphs.unicode.items())
        ]
        blocks = (pairs[first : first + 100] for first in range(0, len(pairs), 100))
        mapped = "\n".join(f"{len(block)} beginbfchar\n" + "\n".join(block) + "\nendbfchar" for block in blocks)
        return (
            "/CIDInit/ProcSet findresource begin 12 dict begin begincmap/CIDSystemInfo<</Registry(Adobe)/Ordering(UCS)"
            "/Supplement 0>>def/CMapName/Adobe-Identity-UCS def/CMapType 2 def\n1 begincodespacerange<0000><FFFF>"
            f"endcodespacerange\n{mapped}\nendcmap CMapName currentdict/CMap defineresource pop end end"
        )

    def _new(self) -> int:
        self._next += 1
        return self._next - 1

    def _object(self, number: int, body: bytes) -> None:
        self._offsets[number] = self._out.tell()
        self._out.write(b"%d 0 obj\n%b\nendobj\n" % (number, body))

    def _stream(self, number: int, data: bytes, about: str = "") -> None:
        packed = zlib.compress(data, 6)
        head = f"<<{about}/Filter/FlateDecode/Length {len(packed)}>>stream\n".encode()
        self._object(number, head + packed + b"\nendstream")

    def _end(self) -> bytes:
        start = self._out.tell()
        rows = "".join(f"{self._offsets[number]:010d} 00000 n \n" for number in range(1, self._next))
        self._out.write(
            f"xref\n0 {self._next}\n0000000000 65535 f \n{rows}trailer\n<</Size {self._next}/Root {_CATALOGUE} 0 R"
            f"/Info {_INFO} 0 R>>\nstartxref\n{start}\n%%EOF\n".encode()
        )
        return self._out.getvalue()
