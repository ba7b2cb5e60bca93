"""The pages behind `/problems/<code>`, read from `docs/problems`: a title, what it means, what to do."""

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_PLACES = (Path(__file__).parent / "problems", Path(__file__).parents[2] / "docs" / "problems")
_SHAPE = re.compile(
    r"^# (?P<title>.+?)\n+Status: (?P<status>\d{3})\n+(?P<meaning>.+?)\n+## What to do\n+(?P<way_out>.+?)\n*$",
    re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class ProblemDoc:
    code: str
    title: str
    status: int
    meaning: str
    way_out: str


def parse(code: str, text: str) -> ProblemDoc:
    """A problem's page. Its shape is fixed, so that the page, the API's `type` and the documentation are one text.

    Raises:
        ValueError: the text does not have the shape.
    """
    match = _SHAPE.match(text)
    if match is None:
        raise ValueError(f"docs/problems/{code}.md: expected '# Title', 'Status: NNN', a meaning and '## What to do'")
    return ProblemDoc(code, match["title"], int(match["status"]), match["meaning"], match["way_out"])


@cache
def problem_docs() -> tuple[ProblemDoc, ...]:
    """All problem pages, by code. An installed package carries them; a checkout reads `docs/problems`."""
    folder = next(place for place in _PLACES if place.is_dir())
    return tuple(
        parse(path.stem, path.read_text(encoding="utf-8"))
        for path in sorted(folder.glob("*.md"))
        if path.stem != "README"
    )


def problem_doc(code: str) -> ProblemDoc | None:
    return next((doc for doc in problem_docs() if doc.code == code), None)
