"""The marks of `tests/probes.py` tell what coverage.py's own tracer tells."""

import asyncio
import contextlib
import json
from pathlib import Path
from typing import Any

import pytest
from coverage import Coverage

from tests.probes import NAME, Meaning, Probed

SOURCE = '''"""Every way through a file that there is."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import decimal


class Named(Protocol):
    """What has a name."""

    def name(self) -> str: ...


@contextlib.contextmanager
def room():
    """A place to be in."""
    yield 1


@(
    lambda made: made
)
class Kept:
    """A class of its own."""

    size: int = 3
    names = [
        "a",
        "b",
    ]

    @property
    @contextlib.contextmanager
    def held(self):
        yield self


def conditions(a, b):
    if a:
        if b:
            return "both"
    elif (
        b
    ):
        """No statement."""
        pass
    else:
        a = [
            number
            for number in range(3)
            if number
        ]
    if b:
        a = 1


def loops(rows, stop):
    for row in rows:
        if row == stop:
            break
        if row < 0:
            continue
        stop += 0
    else:
        stop = None
    while rows:
        rows = rows[1:]
        if not rows:
            stop = 1
    while True:
        if stop:
            break
        stop = True
    for row in rows:
        stop = row


def rooms(a):
    with room(), room():
        if a:
            a = 2
    with room():
        with room():
            for one in range(a):
                a = one
    if a:
        with room():
            a = 1
    return a


def goes_wrong(kind):
    try:
        if kind:
            raise kind
    except KeyError:
        kind = 1
    except (
        ValueError,
        TypeError,
    ) as error:
        if kind is TypeError:
            return str(error)
    else:
        return 2
    finally:
        if kind is OSError:
            kind = 3
    try:
        kind = 1 / kind
    except:
        kind = 4
    return kind


def cases(one):
    match one:
        case 1 | 2:
            return "few"
        case int() as many if many > 5:
            one = 6
        case [first, *_]:
            if first:
                one = first
            first = None
        case str():
            pass
    match one:
        case 6:
            one = 1
        case _:
            one = 2
    match one:
        case 1:
            one = 3


async def waits(times):
    async def each():
        for one in range(times):
            yield one

    async for one in each():
        if one > 1:
            return one
    async with contextlib.AsyncExitStack():
        if times:
            global KNOWN
            KNOWN = times
        times = 0


def makes(limit):
    def inner(value):
        if value > 1:
            yield value

    for number in range(limit):
        yield from inner(number)
'''
CALLS: list[tuple[str, Any]] = [
    ("conditions", (1, 1)),
    ("conditions", (0, 1)),
    ("conditions", (1, 0)),
    ("conditions", (0, 0)),
    ("loops", ([], 0)),
    ("loops", ([1], 1)),
    ("loops", ([-1, 1, 2], 0)),
    ("rooms", (0,)),
    ("rooms", (1,)),
    ("rooms", (3,)),
    ("goes_wrong", (None,)),
    ("goes_wrong", (KeyError,)),
    ("goes_wrong", (ValueError,)),
    ("goes_wrong", (TypeError,)),
    ("goes_wrong", (OSError,)),
    *(("cases", (one,)) for one in (1, 4, 6, [0], [7], "x", None, [1])),
    *(("waits", (times,)) for times in (0, 1, 3)),
    *(("makes", (limit,)) for limit in (0, 1, 3)),
]


def run(code: Any, calls: list[tuple[str, Any]], **names: Any) -> None:
    names["__name__"] = "sample"
    exec(code, names)  # noqa: S102
    for name, arguments in calls:
        with contextlib.suppress(OSError, ZeroDivisionError, TypeError, KeyError, ValueError):
            made = names[name](*arguments)
            if name == "waits":
                asyncio.run(made)
            elif name == "makes":
                list(made)


def reported(coverage: Coverage, path: Path) -> Any:
    out = path.with_suffix(".json")
    coverage.json_report(morfs=[str(path)], outfile=str(out))
    return json.loads(out.read_text())["files"]


@pytest.mark.parametrize("calls", [[], *([call] for call in CALLS), CALLS, CALLS[::2]], ids=len)
def test_marks_tell_what_the_tracer_tells(calls, tmp_path):
    path = tmp_path / "sample.py"
    path.write_text(SOURCE)

    def fresh() -> Coverage:
        return Coverage(data_file=None, config_file=False, branch=True, include=[str(path)])

    traced = fresh()
    traced.start()
    try:
        run(compile(SOURCE, str(path), "exec"), calls)
    finally:
        traced.stop()

    probed, marked = Probed(SOURCE), fresh()
    reached = bytearray(len(probed.marks))
    run(compile(probed.tree, str(path), "exec"), calls, **{NAME: reached})
    exclude = "|".join(f"(?:{one})" for one in marked.get_option("report:exclude_lines"))
    marked.get_data().add_arcs({str(path): Meaning(str(path), SOURCE, exclude).arcs(bytes(reached))})

    assert reported(marked, path) == reported(traced, path)


def test_a_line_without_a_mark_is_refused(monkeypatch):
    monkeypatch.setattr(Probed, "_branch", Probed.generic_visit)
    monkeypatch.setattr(Probed, "visit_If", Probed.generic_visit)
    with pytest.raises(LookupError, match=r"sample\.py has no marks for lines \[1\]"):
        Meaning("sample.py", "if input():\n    print()\n", None)
