"""XML from outside: no document type, so no entities, and nothing that is fetched."""

from __future__ import annotations

from xml.etree.ElementTree import Element, ParseError, TreeBuilder
from xml.parsers import expat

from assay_importers.errors import FaultyFile


def read_xml(data: bytes) -> Element:
    """The root element; names keep their namespace as `{uri}name`.

    Raises `FaultyFile` for a damaged document and for one that declares a document type: entities can name files of the
    reader's machine, or grow to any size.
    """
    builder = TreeBuilder()
    parser = expat.ParserCreate(namespace_separator="}")

    def qualified(name: str) -> str:
        return "{" + name if "}" in name else name

    def refuse(*_: object) -> None:
        raise FaultyFile(
            "the XML declares a document type",
            line=parser.CurrentLineNumber,
            expected="an export as the instrument's software wrote it, which has none",
        )

    def start(name: str, attributes: dict[str, str]) -> None:
        builder.start(qualified(name), {qualified(key): value for key, value in attributes.items()})

    parser.StartDoctypeDeclHandler = refuse
    parser.StartElementHandler = start
    parser.EndElementHandler = lambda name: builder.end(qualified(name))
    parser.CharacterDataHandler = builder.data
    parser.buffer_text = True
    try:
        parser.Parse(data, True)
    except (expat.ExpatError, ParseError, ValueError, LookupError) as error:
        raise FaultyFile(
            f"the XML is damaged: {error}", line=parser.ErrorLineNumber, expected="a whole XML export"
        ) from error
    return builder.close()
