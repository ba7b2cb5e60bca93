"""Writes `versions/0001_house.py` anew from the models: the schema is one migration until the first release."""

import json
import subprocess
import sys
from pathlib import Path

from alembic.autogenerate import render_python_code
from alembic.operations import ops
from alembic.runtime.migration import MigrationContext

from biobank.models import metadata
from biobank.template.rules import STANDARD, stock_for
from labels import TEMPLATES

HOUSE = Path(__file__).parent / "versions" / "0001_house.py"
TEMPLATE_ROWS = Path(__file__).parent / "sql" / "label_template_rows.sql"
SCRIPTS = (
    "audit",
    "register",
    "protocol",
    "equipment",
    "specimen",
    "custody",
    "storage",
    "live",
    "labelling",
    "rackscan",
    "delivery",
    "picking",
    "printing",
    "deviations",
    "consent",
    "results",
    "preanalytics",
    "label_templates",
    "label_stocks",
    "codes",
    "sprec",
    "label_template_rows",
    "grants",
)
"""The files of `sql/` that follow the tables, in this order; `identifiers` and the role come before them."""

_HEAD = '''"""The house: every table of the main thread with its functions, triggers, code tables and grants."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from migrations.scripts import create_role, run_sql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


'''


def house() -> str:
    """The text of the migration, before the formatter has seen it."""
    steps: list[ops.MigrateOperation] = []
    for table in metadata.sorted_tables:
        steps.append(ops.CreateTableOp.from_table(table))
        steps += [ops.CreateIndexOp.from_index(index) for index in sorted(table.indexes, key=lambda one: str(one.name))]
    body = render_python_code(
        ops.UpgradeOps(steps), migration_context=MigrationContext.configure(dialect_name="postgresql")
    )
    lines = [line for line in body.splitlines() if line.strip() and not line.lstrip().startswith("# ###")]
    # The renderer indents the first line only.
    calls = "\n".join(line if line.startswith("    ") else f"    {line}" for line in lines)
    scripts = ", ".join(f'"{name}"' for name in SCRIPTS)
    return (
        f'{_HEAD}def upgrade() -> None:\n    create_role()\n    run_sql("identifiers")\n{calls}\n'
        f"    for script in ({scripts}):\n        run_sql(script)\n"
    )


def template_rows() -> str:
    """SQL that enters the label templates that ship as templates of the house, version 1, published."""

    def quoted(value: str) -> str:
        return "'" + value.replace("'", "''") + "'"

    lines = [
        "-- The label templates that ship (labels/builtin.py), as templates of the house. `make schema` writes it.",
        "select set_config('biobank.actor', 'service', true), set_config('biobank.tx', gen_random_uuid()::text, true);",
    ]
    for name, template in TEMPLATES.items():
        kind = "tube" if name in {"tube-and-cap", "cap"} else name
        content = json.dumps(template.to_data(), ensure_ascii=False)
        head = f"{quoted(name)}, {quoted(kind)}, {'true' if STANDARD[kind] == name else 'false'}"
        version = f"{quoted(name)}, 1, {quoted(stock_for(template))}, {quoted(content)}, 'ships with Biobank'"
        columns = "template, number, stock, content, note"
        lines += [
            f"insert into label_template (name, kind, is_standard) values ({head});",  # noqa: S608  # our own data
            f"insert into label_template_version ({columns}) values ({version});",  # noqa: S608  # our own data
        ]
    lines.append("update label_template_version set status = 'published', published_at = now();")
    return "\n".join(lines) + "\n"


def formatted() -> str:
    text = house()
    for step in (["check", "--fix", "--quiet", "--select", "F401"], ["format", "--quiet"]):
        command = [sys.executable, "-m", "ruff", *step, "--stdin-filename", str(HOUSE), "-"]
        text = subprocess.run(command, input=text, capture_output=True, text=True, check=True).stdout  # noqa: S603  # ours
    return text


if __name__ == "__main__":
    HOUSE.write_text(formatted())
    TEMPLATE_ROWS.write_text(template_rows(), encoding="utf-8")
