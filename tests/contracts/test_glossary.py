"""The glossary is binding: tables, roles, states and deeds of the code are its words, and its tables are theirs."""

import re
from itertools import pairwise
from pathlib import Path
from typing import get_args

import pytest
from sqlalchemy import CheckConstraint

from biobank.access.rules import ROLES
from biobank.actor import Permission
from biobank.db import Base
from biobank.ids import Kind
from biobank.models import metadata
from biobank.scan.answers import Answer, StationScan
from biobank.scan.rules import COMMANDS
from biobank.shipment.rules import FROM_STATE, Deed

TEXT = (Path(__file__).parents[2] / "docs" / "glossary.md").read_text(encoding="utf-8")
GROUPS = {
    group.splitlines()[0]: re.findall(r"^- \*\*(.+?)\*\*:", group, re.MULTILINE)
    for group in re.split(r"^## ", TEXT, flags=re.MULTILINE)[1:]
}
TERMS = [term for terms in GROUPS.values() for term in terms]
IN = re.compile(r'"?(\w+)"? in \(([^()]*)\)')


def value_tables() -> dict[str, dict[str, str]]:
    """By the columns or enumeration that a table is of: value, and the text of the last cell."""
    tables: dict[str, dict[str, str]] = {}
    for block in re.findall(r"(?:^\|.*\n)+", TEXT, re.MULTILINE):
        header, _, *rows = [[cell.strip() for cell in line.strip("|\n ").split(" | ")] for line in block.splitlines()]
        values = {row[0].strip("`"): row[-1] for row in rows}
        assert len(values) == len(rows), f"{header[0]} lists a value twice"
        for name in re.findall(r"`([^`]+)`", header[0]):
            assert name not in tables, f"{name} has two tables"
            tables[name] = values
    return tables


TABLES = value_tables()


def checked_columns() -> dict[str, set[str]]:
    """Table and column, and the values that its CHECK constraint allows."""
    found = {}
    for table in metadata.sorted_tables:
        for constraint in table.constraints:
            if isinstance(constraint, CheckConstraint) and (match := IN.fullmatch(str(constraint.sqltext))):
                found[f"{table.name}.{match[1]}"] = set(re.findall(r"'([^']*)'", match[2]))
    return found


def test_entries_are_unique_and_sorted_within_their_group():
    assert len({term.casefold() for term in TERMS}) == len(TERMS)
    for group, terms in GROUPS.items():
        assert terms, group
        for before, after in pairwise(terms):
            assert before.casefold() < after.casefold(), f"{group}: {after} stands after {before}"


def test_every_entry_says_what_it_means():
    for line in re.findall(r"^- .*$", TEXT, re.MULTILINE):
        assert re.fullmatch(r"- \*\*[^*]+\*\*: \S.{15,}\.", line), line


@pytest.mark.parametrize("mapped", [mapper.class_.__name__ for mapper in Base.registry.mappers])
def test_every_mapped_class_is_a_word_of_the_glossary(mapped):
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", mapped).casefold()
    assert words in {term.casefold() for term in TERMS}, f"{words} is not in the glossary, so it is no class name"


def test_the_mapped_classes_are_the_tables():
    assert {mapper.local_table.name for mapper in Base.registry.mappers} == set(metadata.tables)


def test_some_columns_are_checked():
    checked = checked_columns()
    assert checked["shipment.status"] > {"draft", "packed"}
    assert len(checked) > 30


@pytest.mark.parametrize("column", sorted(checked_columns()))
def test_every_checked_value_is_defined_and_no_other(column):
    assert column in TABLES, f"the glossary has no table of {column}"
    assert set(TABLES[column]) == checked_columns()[column]


@pytest.mark.parametrize(
    "column", [column for column in sorted(checked_columns()) if f"`{column}` | meaning | becomes" in TEXT]
)
def test_states_become_states(column):
    states = TABLES[column]
    for state, becomes in states.items():
        following = set(re.findall(r"`(\w+)`", becomes))
        assert following or becomes == "nothing", f"{column} {state} does not say what follows"
        assert following <= set(states) - {state}
    reached = {state for becomes in states.values() for state in re.findall(r"`(\w+)`", becomes)}
    assert reached, f"{column}: no state follows another"


def test_enumerations_and_roles_are_defined_and_no_other():
    assert set(TABLES["role_grant.role"]) == set(ROLES)
    assert set(TABLES["Permission"]) == set(Permission)
    assert set(TABLES["Kind"]) == set(Kind)
    assert set(TABLES["verdict"]) == set(get_args(Answer.model_fields["verdict"].annotation))
    assert set(TABLES["mode"]) == set(get_args(StationScan.model_fields["mode"].annotation))
    assert set(TABLES["COMMANDS"]) == {command.verb for command in COMMANDS}
    assert {deed: state.strip("`") for deed, state in TABLES["Deed"].items()} == {
        deed.value: FROM_STATE[deed] for deed in Deed
    }


def test_every_table_of_the_glossary_is_of_something_that_is():
    known = {"role_grant.role", "Permission", "Kind", "verdict", "mode", "COMMANDS", "Deed"}
    # Plain texts of the code, without a list of their own.
    known |= {"place", "reservation", "audit_entry.kind", "Actor.channel"}
    assert set(TABLES) == known | set(checked_columns())
