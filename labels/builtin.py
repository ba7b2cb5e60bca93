"""The templates that ship."""

from collections.abc import Mapping
from types import MappingProxyType

from labels.elements import Code, Text
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


TEMPLATES: Mapping[str, Template] = MappingProxyType(
    {
        one.name: one
        for one in (
            _TUBE,
            _wide("box", "Box"),
            _wide("rack", "Rack"),
            _wide("shelf", "Shelf"),
            _wide("freezer", "Freezer"),
            _wide("shipment", "Shipment"),
            _wide("badge", "Badge or command card"),
        )
    }
)
"""Templates that ship, by name."""
