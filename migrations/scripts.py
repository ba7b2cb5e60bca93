"""Running the SQL files that stand beside the revisions, on the connection of the migration."""

from pathlib import Path
from typing import Any

from alembic import context, op
from sqlalchemy import text

_SQL = Path(__file__).parent / "sql"


def _role() -> str:
    return op.get_bind().dialect.identifier_preparer.quote(context.config.attributes["role"])


def run_sql(name: str) -> None:
    """Run `sql/<name>.sql` whole. `{role}` stands for the restricted role that the service works as."""
    script = (_SQL / f"{name}.sql").read_text(encoding="utf-8").replace("{role}", _role())
    connection: Any = op.get_bind().connection.dbapi_connection
    connection.run_async(lambda driver: driver.execute(script))


def create_role() -> None:
    """Create the restricted role if the server does not have it, and let the present user take it on.

    Roles belong to the whole server, so another database of it may have made this one already, even at this moment.
    """
    role = _role()
    op.get_bind().execute(
        text(
            f"do $$ begin create role {role} nologin; "
            "exception when duplicate_object or unique_violation then null; end $$"
        )
    )
    op.get_bind().execute(text(f"grant {role} to current_user"))
