"""Label templates: what stands where on a label of a given size, and the values that one label puts in.

A template is data: `Template.from_data` reads it from what JSON gives, `to_data` writes the same again.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Self

from labels.elements import Element, tokens
from labels.template_data import check, read, texts, write
from labels.text import grouped

LINES = 6

TOKENS: Mapping[str, str] = MappingProxyType(
    {
        "id": "the code as people read it, in groups",
        "code": "the code as it is encoded",
        "lines": "all lines, under one another",
        **{f"line{number}": f"line {number}" for number in range(1, LINES + 1)},
    }
)
"""The tokens that every label knows, and what each stands for. An application adds its own."""


@dataclass(frozen=True, slots=True)
class Item:
    """What one label says: its machine-readable `code`, and a value for each token beside `{id}` and `{code}`.

    Lines that are not given are empty; any other token without a value is refused when the label is laid out.
    """

    code: str
    values: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def lined(cls, code: str, lines: Iterable[str] = (), **values: str) -> Self:
        """A label with `lines` as `line1`, `line2`..."""
        return cls(code, {f"line{number}": line for number, line in enumerate(lines, start=1)} | values)

    def filled(self) -> dict[str, str]:
        """The value of every token."""
        most = max(LINES, len(self.values))
        lines = [self.values.get(f"line{number}", "") for number in range(1, most + 1)]
        made = {f"line{number}": line for number, line in enumerate(lines, start=1)}
        made |= {"id": grouped(self.code), "code": self.code, "lines": "\n".join(line for line in lines if line)}
        return made | dict(self.values)


@dataclass(frozen=True, slots=True)
class Template:
    """A label `width` x `height` mm large and what stands on it, from back to front.

    On a stock of another size the boxes are stretched with the label, while type and modules stay within their limits.
    Raises TemplateError for what lies outside the label or contradicts itself.
    """

    name: str
    title: str
    width: float
    height: float
    elements: tuple[Element, ...]

    def __post_init__(self) -> None:
        check(self.name, self.width, self.height, self.elements)

    @classmethod
    def from_data(cls, data: Any, *, known: Iterable[str] = TOKENS) -> Self:
        """The template that `to_data` (or a person) wrote. `known` are the tokens it may use.

        Raises TemplateError naming the place of what is wrong.
        """
        return cls(**read(data, frozenset(known)))

    def to_data(self) -> dict[str, Any]:
        """The template as JSON knows it: objects, lists, texts, numbers."""
        return {
            "name": self.name,
            "title": self.title,
            "width": self.width,
            "height": self.height,
            "elements": [write(element) for element in self.elements],
        }

    def tokens(self) -> frozenset[str]:
        """All tokens that the template uses."""
        places = (texts(element, "") for element in self.elements)
        return frozenset(token for place in places for _, text in place for token in tokens(text))
