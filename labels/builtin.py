"""The templates that ship. Each fits other stocks too: boxes stretch with the label."""

from collections.abc import Mapping
from types import MappingProxyType

from labels.elements import Code, Line, Text
from labels.geometry import Box
from labels.symbols import ModuleRange, Symbology
from labels.template import Template

_BARS = ModuleRange(0.165, 0.34, bar_height=3.5)

_TUBE = Template(
    "tube",
    "Tube: Data Matrix, id and lines",
    32.5,
    12.7,
    (
        Code(Box(1.0, 1.0, 5.2, 10.7)),
        Text(Box(6.7, 1.0, 24.8, 3.6), "{id}", (6.0, 9.0)),
        Text(Box(6.7, 4.6, 24.8, 7.1), "{lines}", (4.0, 7.0)),
    ),
)
_CAP = Template("cap", "Cap: Data Matrix alone", 9.5, 9.5, (Code(Box(2.0, 2.0, 5.5, 5.5)),))
_TUBE_AND_CAP = Template(
    "tube-and-cap",
    "Tube and cap: the tube's label, and its Data Matrix again for the cap",
    44.0,
    12.7,
    (
        *_TUBE.elements,
        Code(Box(36.5, 3.6, 5.5, 5.5)),
    ),
)


def _wide(name: str, title: str) -> Template:
    return Template(
        name,
        title,
        99.1,
        38.1,
        (
            Code(Box(1.5, 1.5, 96.1, 13.0), symbology=Symbology.CODE_128, modules=_BARS),
            Text(Box(1.5, 15.3, 96.1, 7.8), "{id}", (6.0, 14.0)),
            Text(Box(1.5, 23.1, 96.1, 13.5), "{lines}", (4.5, 9.0)),
        ),
    )


_SHIPMENT = Template(
    "shipment",
    "Shipment: Code 128, id in large letters, lines",
    101.6,
    50.8,
    (
        Code(Box(2.0, 2.0, 97.6, 16.0), symbology=Symbology.CODE_128, modules=ModuleRange(0.165, 0.5, bar_height=3.5)),
        Text(Box(2.0, 18.8, 97.6, 11.0), "{id}", (6.0, 24.0), "centre"),
        Line((2.0, 31.0), (99.6, 31.0), 0.3),
        Text(Box(2.0, 31.8, 97.6, 17.0), "{lines}", (4.5, 14.0), wrap=True),
    ),
)
_KIT = Template(
    "kit",
    "Kit: Data Matrix and Code 128, id and lines",
    66.675,
    25.4,
    (
        Code(Box(1.0, 1.0, 9.0, 9.0), modules=ModuleRange(0.2, 0.5)),
        Code(Box(11.0, 1.0, 54.6, 9.0), symbology=Symbology.CODE_128, modules=_BARS),
        Text(Box(1.5, 10.6, 63.6, 5.2), "{id}", (6.0, 12.0)),
        Text(Box(1.5, 15.8, 63.6, 8.6), "{lines}", (4.5, 8.0), wrap=True),
    ),
)

TEMPLATES: Mapping[str, Template] = MappingProxyType(
    {
        one.name: one
        for one in (
            _TUBE,
            _TUBE_AND_CAP,
            _CAP,
            _wide("box", "Box: Code 128, id and lines"),
            _wide("rack", "Rack: Code 128, id and lines"),
            _wide("shelf", "Shelf: Code 128, id and lines"),
            _wide("freezer", "Freezer: Code 128, id and lines"),
            _SHIPMENT,
            _KIT,
            _wide("badge", "Badge or command card: Code 128, id and lines"),
        )
    }
)
"""Templates that ship, by name."""
