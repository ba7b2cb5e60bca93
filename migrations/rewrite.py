"""Writes `versions/0001_house.py` anew from the models: the schema is one migration until the first release."""

import subprocess
import sys
from pathlib import Path

from alembic.autogenerate import render_python_code
from alembic.operations import ops
from alembic.runtime.migration import MigrationContext

from biobank.models import metadata

HOUSE = Path(__file__).parent / "versions" / "0001_house.py"
SCRIPTS = (
    "audit",
    "register",
    "protocol",
    "equipment",
    "specimen",
    "custody",
    "labelling",
    "picking",
    "printing",
    "deviations",
    "consent",
    "results",
    "preanalytics",
    "codes",
    "sprec",
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


def formatted() -> str:
    text = house()
    for step in (["check", "--fix", "--quiet", "--select", "F401"], ["format", "--quiet"]):
        command = [sys.executable, "-m", "ruff", *step, "--stdin-filename", str(HOUSE), "-"]
        text = subprocess.run(command, input=text, capture_output=True, text=True, check=True).stdout  # noqa: S603  # ours
    return text


if __name__ == "__main__":
    HOUSE.write_text(formatted())
