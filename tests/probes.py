"""Which lines and branches the tests reach, by marks in the code itself: `pytest -p tests.probes` writes `.coverage`.

Before Python 3.14 coverage.py measures by Python's tracing, which stops at every line of every library as well and
takes half of the tests' time. So the modules of `source` in `pyproject.toml` are compiled with a mark before each
statement and on each way out of an `if`, a loop or a `case`. What a mark means is asked of coverage.py's parser, and
the report is coverage.py's: `tests/unit/test_probes.py` holds the outcome to that of its own tracer.
"""

import ast
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

import pytest
from coverage import Coverage
from coverage.files import find_python_files
from coverage.parser import PythonParser

NAME = "_probes_"
ROOT = Path(__file__).parents[1]
Arc = tuple[int, int]


@dataclass(frozen=True)
class Way:
    """From the line of an `if`, a loop or a `case` into its body, or around it."""

    line: int
    body: Sequence[ast.stmt]
    into: bool


class Probed(ast.NodeTransformer):
    """Marks the code of one file. `marks[n]` lists what mark number n says: lines, and ways from a branch."""

    def __init__(self, text: str) -> None:
        self.marks: list[list[int | Way]] = []
        self.tree: ast.Module = ast.parse(text)
        self.tree.body = self._suite(self.tree.body, [])
        ast.fix_missing_locations(self.tree)

    def _mark(self, says: Iterable[int | Way], at: ast.stmt) -> ast.stmt:
        here = {"lineno": at.lineno, "col_offset": 0, "end_lineno": at.lineno, "end_col_offset": 0}
        marks, number = ast.Name(NAME, ast.Load(), **here), ast.Constant(len(self.marks), **here)
        self.marks.append(list(says))
        return ast.Assign([ast.Subscript(marks, number, ast.Store(), **here)], ast.Constant(1, **here), **here)

    def _suite(self, body: list[ast.stmt], says: list[Any]) -> list[ast.stmt]:
        """A mark before each statement; the first one says also how the suite was entered."""
        marked: list[ast.stmt] = []
        for number, statement in enumerate(body):
            says += _lines(statement)
            if not (number == 0 and _is_text(statement)) and not _is_future(statement):
                marked.append(self._mark(says, statement))
                says = []
            marked.append(self.visit(statement))
        return [*marked, self._mark(says, body[-1])] if says else marked

    def generic_visit(self, node: ast.AST) -> ast.AST:
        """The suites of a statement, each by itself. Expressions are left as they are."""
        for name in ("body", "orelse", "finalbody"):
            suite = getattr(node, name, None)
            if isinstance(suite, list) and suite:
                setattr(node, name, self._suite(suite, []))
        for handler in getattr(node, "handlers", ()):
            self._handler(handler)
        return node

    def _branch(self, node: ast.If | ast.For | ast.AsyncFor | ast.While) -> ast.AST:
        body = tuple(node.body)
        around = self._mark([Way(node.lineno, body, into=False)], node)
        node.orelse = [around, *self._suite(node.orelse, [])]
        node.body = self._suite(node.body, [Way(node.lineno, body, into=True)])
        return node

    visit_If = visit_For = visit_AsyncFor = visit_While = _branch  # noqa: N815

    def visit_Match(self, node: ast.Match) -> ast.AST:
        """A case is asked only when those before it did not fit."""
        past: list[Any] = []
        for case in node.cases:
            line, body = case.pattern.lineno, tuple(case.body)
            case.body = self._suite(case.body, [*past, line, Way(line, body, into=True)])
            past += [line, Way(line, body, into=False)]
        if not _takes_all(node.cases[-1]):
            node.cases.append(ast.match_case(ast.MatchAs(), None, [self._mark(past, node)]))
        return node

    def _handler(self, handler: ast.ExceptHandler) -> None:
        """Its line is reached when an exception is held against it, whether it fits or not."""
        if handler.type is None:
            handler.body = self._suite(handler.body, [handler.lineno])
            return
        mark = ast.parse(f"{NAME}.__setitem__({len(self.marks)}, 1)", mode="eval").body
        self.marks.append([handler.lineno])
        held = ast.BoolOp(ast.Or(), [mark, handler.type])
        for node in (held, *ast.walk(mark)):
            ast.copy_location(node, handler.type)
        handler.type = held
        handler.body = self._suite(handler.body, [])


def _lines(statement: ast.stmt) -> list[int]:
    return [statement.lineno, *(one.lineno for one in getattr(statement, "decorator_list", ()))]


def _is_text(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Expr) and isinstance(getattr(statement.value, "value", None), str)


def _is_future(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.ImportFrom) and statement.module == "__future__"


def _takes_all(case: ast.match_case) -> bool:
    pattern = case.pattern
    while isinstance(pattern, ast.MatchOr):
        pattern = pattern.patterns[-1]
    while isinstance(pattern, ast.MatchAs) and pattern.pattern is not None:
        pattern = pattern.pattern
    return case.guard is None and isinstance(pattern, ast.MatchAs) and pattern.pattern is None


class Loader(SourceFileLoader):
    """Compiles a module with its marks, and keeps who was reached."""

    reached: dict[str, bytearray] = {}  # noqa: RUF012  # of this process, by file

    def get_code(self, fullname: str) -> CodeType:
        probed = Probed(Path(self.path).read_text(encoding="utf-8"))
        # A module that is loaded again goes on with the marks of before.
        self.reached.setdefault(self.path, bytearray(len(probed.marks)))
        # Said in the code itself, which a program may run by another way than an import: as `__main__`.
        said = ast.parse(f"{NAME} = __import__({__name__!r}, fromlist=['Loader']).Loader.reached[{self.path!r}]").body
        body = probed.tree.body
        first = next(
            (n for n, one in enumerate(body) if not (_is_future(one) or (n == 0 and _is_text(one)))), len(body)
        )
        body[first:first] = said
        return compile(probed.tree, self.path, "exec", dont_inherit=True)


class Finder(MetaPathFinder):
    def __init__(self, packages: Iterable[str]) -> None:
        self.packages = frozenset(packages)

    def find_spec(self, fullname: str, path: Any, target: ModuleType | None = None) -> ModuleSpec | None:
        if fullname.partition(".")[0] not in self.packages:
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is not None and isinstance(spec.loader, SourceFileLoader):
            spec.loader = Loader(fullname, spec.loader.path)
        return spec


class Meaning:
    """What the marks of a file say in the words of coverage.py: arcs, from a line to the next. There must be a mark for
    each line and each branch that it asks for.
    """

    def __init__(self, path: str, text: str, exclude: str | None) -> None:
        self.parser = PythonParser(text=text, filename=path, exclude=exclude)
        self.parser.parse_source()
        self.counted = self.parser.first_lines(self.parser.raw_statements)
        self.ends: dict[int, set[int]] = defaultdict(set)
        for start, end in self.parser.arcs():
            self.ends[start].add(end)
        self.marks = Probed(text).marks
        said = {says for mark in self.marks for says in mark}
        lines = self.parser.first_lines(says for says in said if isinstance(says, int))
        branches = self.parser.first_lines(says.line for says in said if isinstance(says, Way))
        silent = self.parser.statements - lines
        silent |= {line for line in self.parser.statements if len(self.ends[line]) > 1} - branches
        if silent:
            raise LookupError(f"{path} has no marks for lines {sorted(silent)}")

    def arcs(self, reached: bytes) -> set[Arc]:
        said = [says for mark, hit in zip(self.marks, reached, strict=True) if hit for says in mark]
        lines = self.parser.first_lines(says for says in said if isinstance(says, int))
        ways = {arc for says in said if isinstance(says, Way) for arc in self._way(says)}
        # The way around the last branch of a `finally` may lead out of the function instead of to the next line.
        return {(start, end) for start, end in ways if end < 0 or end in lines} | {(-1, line) for line in lines}

    def _way(self, way: Way) -> Iterator[Arc]:
        start = self.parser.first_line(way.line)
        ends = self.ends[start]
        if len(ends) > 1:
            firsts = (self.parser.first_line(min(_lines(statement))) for statement in way.body)
            inside = next(line for line in firsts if line in self.counted)
            (outside,) = ends - {inside}
            yield start, inside if way.into else outside


class Plugin:
    """Collects the marks of all workers in the process that started them, and writes the data of coverage.py."""

    def __init__(self, coverage: Coverage) -> None:
        self.coverage = coverage
        self.reached: dict[str, bytes] = {}

    def add(self, reached: dict[str, bytes]) -> None:
        for path, marks in reached.items():
            before = self.reached.get(path, bytes(len(marks)))
            self.reached[path] = bytes(one | other for one, other in zip(before, marks, strict=True))

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        self.add(getattr(node, "workeroutput", {}).get("probes", {}))

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        here = {path: bytes(marks) for path, marks in Loader.reached.items()}
        if hasattr(session.config, "workeroutput"):
            session.config.workeroutput["probes"] = here
            return
        self.add(here)
        self.coverage.erase()
        data = self.coverage.get_data()
        exclude = "|".join(f"(?:{one})" for one in self.coverage.get_option("report:exclude_lines") or ())
        for path, marks in self.reached.items():
            text = Path(path).read_text(encoding="utf-8")
            data.add_arcs({path: Meaning(path, text, exclude).arcs(marks)})
        for package in self.coverage.get_option("run:source"):
            data.touch_files(find_python_files(str(ROOT / package), include_namespace_packages=False))
        data.write()


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(Plugin(COVERAGE), "probes")


COVERAGE = Coverage(config_file=str(ROOT / "pyproject.toml"))
sys.meta_path.insert(0, Finder(COVERAGE.get_option("run:source")))
