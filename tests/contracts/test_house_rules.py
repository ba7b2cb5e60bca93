"""Rules of the house that a machine can hold: read from the sources, the app and the documents."""

import ast
import inspect
import re
import subprocess
from pathlib import Path

import click
import pytest
from litestar.handlers.http_handlers import HTTPRouteHandler

from assay_importers.registry import discover
from biobank.actor import Permission
from biobank.app import create_app
from biobank.cli import biobank
from biobank.constraints import CONSTRAINTS
from biobank.demo import DatabaseNotEmpty
from biobank.errors import DomainError
from biobank.http.problem import status_of
from biobank.http.problem_docs import problem_docs
from biobank.http.security import PUBLIC
from biobank.settings import Settings

ROOT = Path(__file__).parents[2]
PACKAGE = sorted((ROOT / "biobank").rglob("*.py"))
SOURCES = [*PACKAGE, *sorted((ROOT / "labels").rglob("*.py")), *sorted((ROOT / "assay_importers").rglob("*.py"))]
TEMPLATES = sorted((ROOT / "biobank" / "web" / "templates").rglob("*.html"))


@pytest.fixture(scope="module")
def handlers():
    app = create_app(Settings(), "postgresql://nowhere/none", "0" * 64)
    found = []
    for route in app.routes:
        served = getattr(route, "route_handlers", [getattr(route, "route_handler", None)])
        found.extend((route.path, handler) for handler in served if handler is not None)
    return found


def test_every_handler_declares_a_permission_and_public_ones_are_few(handlers):
    public = {
        path
        for path, handler in handlers
        if handler.opt.get("permission") == PUBLIC and isinstance(handler, HTTPRouteHandler)
    }
    for path, handler in handlers:
        if isinstance(handler, HTTPRouteHandler) and handler.http_methods != {"OPTIONS"}:
            assert handler.opt.get("permission") in {PUBLIC, *Permission}, path
    assert {path for path in public if not path.startswith(("/api/schema", "/static"))} == {
        "/health",
        "/health/constant",
        "/metrics",
        "/login",
        "/api/openapi.json",
        "/api/docs",
        "/problems",
        "/problems/{code:str}",
    }


def test_there_is_exactly_one_generator_dependency(handlers):
    generators = set()
    for _, handler in handlers:
        if isinstance(handler, HTTPRouteHandler):
            for provide in handler.resolve_dependencies().values():
                if inspect.isasyncgenfunction(provide.dependency) or inspect.isgeneratorfunction(provide.dependency):
                    generators.add(provide.dependency)
    assert [dependency.__name__ for dependency in generators] == ["provide_tx"]


def test_api_operations_are_named_once(handlers):
    names = [
        handler.operation_id
        for path, handler in handlers
        if path.startswith("/api/v1") and isinstance(handler, HTTPRouteHandler) and handler.http_methods != {"OPTIONS"}
    ]
    assert all(isinstance(name, str) for name in names)
    assert len(names) == len(set(names))


def test_only_the_transaction_edge_commits():
    for path in PACKAGE:
        if path.name != "tx.py":
            assert ".commit(" not in path.read_text(), f"{path} commits"


def test_no_naive_time_and_no_float_of_a_value():
    for path in SOURCES:
        text = path.read_text()
        assert not re.search(r"datetime\.(now|utcnow|today)\(\)|date\.today\(\)", text), f"{path} asks for a naive time"
        # The values of a matrix are floats in the file, and stay what the file has.
        if path.parts[-2:] != ("assay_importers", "matrix.py") and (
            "assay" in path.parts
            or "release" in path.parts
            or "assay_importers" in path.parts
            or path.name == "quantity.py"
        ):
            calls = [
                node
                for node in ast.walk(ast.parse(text))
                if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "float"
            ]
            assert not calls, f"{path} makes a float of a value"


CSV_ANSWERS = {
    "assay/api.py": "assay/fitting.py",
    "overview/api.py": "preanalytics/brisq.py",
    "participant/visits_api.py": "participant/due.py",
    "participant/visits_pages.py": "participant/due.py",
    "preanalytics/api.py": "preanalytics/tablefile.py",
    "release/api.py": "release/table.py",
    "shipment/api.py": "shipment/manifest.py",
    "storage/pages.py": "storage/pages.py",
    "storage/past_pages.py": "storage/past_pages.py",
    "withdrawal/api.py": "withdrawal/certificate.py",
}
"""By what answers with a CSV, what writes it."""
CSV_ROUTES = {
    "boxContentCsv", "brisqFile", "downloadBrisq", "downloadFitness", "downloadPull", "downloadSprecVersion",
    "fitnessFile", "getDueVisitsCsv", "getManifestCsv", "manifestCsvPage", "pastTubesCsv", "sprecVersionFile",
    "visitsCsv", "withdrawalCertificate", "withdrawalCertificatePage",
}  # fmt: skip


def test_every_csv_goes_through_the_one_writer_that_guards_against_formulas(handlers):
    """A new CSV joins these lists, with a writer that uses `biobank.csvfile`."""
    base = ROOT / "biobank"
    for path in SOURCES:
        text = path.read_text()
        if path != base / "csvfile.py":
            assert not re.search(r"csv\.(writer|DictWriter)|\.to_csv\(|openpyxl\.Workbook|xlsxwriter", text), (
                f"{path} writes a table past biobank/csvfile.py"
            )
        if re.search(r"""format=["']csv|copy_from_(query|table)""", text):
            assert "cell_in_sql" in text, f"{path} has the database write a table past biobank/csvfile.py"
    answering = {str(path.relative_to(base)) for path in PACKAGE if "text/csv" in path.read_text()}
    assert answering == set(CSV_ANSWERS)
    for writer in CSV_ANSWERS.values():
        assert "csvfile" in (base / writer).read_text(), f"{writer} writes a CSV by itself"
    found = {
        handler.operation_id
        for path, handler in handlers
        if isinstance(handler, HTTPRouteHandler)
        and "GET" in handler.http_methods
        and (".csv" in path or path.endswith("/{kind:str}") or handler.media_type == "text/csv")
    }
    assert found == CSV_ROUTES


def test_templates_escape_everything_and_run_no_inline_script():
    for path in TEMPLATES:
        text = path.read_text()
        assert not re.search(r"\|\s*safe\b", text), f"{path} switches escaping off"
        assert not re.search(r"<script(?![^>]*\bsrc=)|\son\w+=|\sstyle=|javascript:", text), (
            f"{path} has inline script or style"
        )


def test_every_violated_constraint_that_is_named_exists():
    """Names in `CONSTRAINTS` are those of the migration, its triggers or their patterns."""
    schema = "\n".join(path.read_text() for path in (ROOT / "migrations").rglob("*") if path.suffix in {".py", ".sql"})
    for name in CONSTRAINTS:
        built = re.match(r"ck_(\w+?)_(append_only|code_never_changes)$", name)
        assert name in schema or built, f"{name} is in no migration"


def _problem_classes(base=DomainError):
    for kind in base.__subclasses__():
        yield kind
        yield from _problem_classes(kind)


def test_every_problem_has_its_page_with_its_status_and_every_page_its_problem():
    codes = {kind.code: kind for kind in _problem_classes()}
    assert DatabaseNotEmpty.code in codes
    pages = {doc.code: doc for doc in problem_docs()}
    assert set(codes) == set(pages)
    for code, kind in codes.items():
        made = kind.__new__(kind)
        assert pages[code].status == status_of(made), code


def test_every_setting_is_documented():
    text = (ROOT / "docs" / "operations" / "README.md").read_text()
    for name in Settings.model_fields:
        assert f"BIOBANK_{name.upper()}" in text, f"BIOBANK_{name.upper()} is not in docs/operations"


def test_every_command_is_documented():
    text = (ROOT / "docs" / "operations" / "README.md").read_text()

    def commands(group: click.Group, prefix: str):
        for name, command in group.commands.items():
            if isinstance(command, click.Group):
                yield from commands(command, f"{prefix} {name}")
            else:
                yield f"{prefix} {name}"

    for name in commands(biobank, "biobank"):
        assert name in text, f"{name} is not in docs/operations"


def test_every_importer_is_documented():
    for importer in discover():
        assert (ROOT / "docs" / "importers" / f"{importer.key}.md").is_file(), (
            f"docs/importers/{importer.key}.md is missing"
        )


def test_every_decision_record_ends_in_how_it_is_enforced():
    records = sorted((ROOT / "docs" / "adr").glob("[0-9]*.md"))
    assert records
    for path in records:
        assert re.search(r"^## Enforced by$", path.read_text(), re.MULTILINE), path.name


def test_the_repository_holds_no_address_of_a_package_registry_and_no_foreign_code():
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False).stdout.split()
    for name in listed:
        assert not name.endswith((".min.js", ".min.css")), name
        assert "node_modules/" not in name
        path = ROOT / name
        if name.endswith((".lock", ".json", ".toml", ".txt")) and path.is_file():
            assert not re.search(r"https?://[^\s\"]*(registry|simple/|/packages/)", path.read_text()), (
                f"{name} names a registry"
            )


def test_every_rule_that_a_trigger_holds_is_broken_in_some_test():
    """By its name: a test that only expects some refusal would pass when another rule refuses first."""
    sources = "".join(file.read_text(encoding="utf-8") for file in (ROOT / "migrations" / "sql").glob("*.sql"))
    named = set(re.findall(r"constraint\s*=\s*'(\w{4,})'", sources))
    tests = "".join(file.read_text(encoding="utf-8") for file in (ROOT / "tests").rglob("test_*.py"))
    assert len(named) > 50
    assert [name for name in sorted(named) if f'"{name}"' not in tests] == []
