"""Writing many rows in one statement, inside the one transaction that the audit trail knows."""

from collections.abc import Sequence
from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy.dialects import postgresql

from biobank.db import Base
from biobank.tx import Tx

Row = tuple[Any, ...]
_DIALECT: Any = postgresql.dialect()  # type: ignore[no-untyped-call]


class Bulk:
    """Set-based writes on the transaction's own connection.

    Rows that nobody refers to go in by COPY. Where the database's keys are needed, one `INSERT .. SELECT .. FROM
    unnest` answers them: rows are numbered and inserted in that order, so the sorted keys are in the order of the
    rows.
    """

    def __init__(self, tx: Tx, connection: Any) -> None:
        self.tx = tx
        self._connection = connection
        self.rows = 0

    @classmethod
    async def of(cls, tx: Tx) -> "Bulk":
        connection = await (await tx.session.connection()).get_raw_connection()
        bare: Any = connection.driver_connection
        # Half a demo is of no use to anybody: its commits need not wait for the disk, the last one brings all along.
        await bare.execute("set local synchronous_commit = off")
        await _forget_plans(bare)
        return cls(tx, bare)

    async def copy(self, table: str, columns: str, rows: Sequence[Row]) -> None:
        """COPY rows into `table`; `columns` are names with blanks between."""
        if rows:
            await self._connection.copy_records_to_table(table, records=rows, columns=columns.split())
            self.rows += len(rows)

    async def insert(self, table: str, columns: str, rows: Sequence[Row]) -> list[int]:
        """Insert rows and give their keys in the order of `rows`."""
        if not rows:
            return []
        names = columns.split()
        quoted = ", ".join(f'"{name}"' for name in names)
        arrays = ", ".join(f"${number}::{_type(table, name)}[]" for number, name in enumerate(names, start=1))
        given = f"unnest({arrays}) with ordinality as given({quoted}, n)"
        statement = f'insert into "{table}" ({quoted}) select {quoted} from {given} order by n returning id'  # noqa: S608  # names of ours
        found = await self._connection.fetch(statement, *zip(*rows, strict=True))
        self.rows += len(rows)
        return sorted(row["id"] for row in found)

    async def run(self, statement: str, *arguments: Any) -> None:
        """One statement over arrays, for the few changes of rows that stand already."""
        await self._connection.execute(statement, *arguments)


def _type(table: str, column: str) -> str:
    return str(Base.metadata.tables[table].c[column].type.compile(dialect=_DIALECT))


_uses: WeakKeyDictionary[Any, int] = WeakKeyDictionary()


async def _forget_plans(connection: Any) -> None:
    """Let a connection plan anew whenever it has done twice as much: a session keeps the plans that it made while the
    tables were empty, and in a database that grows from nothing they are soon the wrong ones.
    """
    uses = _uses[connection] = _uses.get(connection, 0) + 1
    if uses.bit_count() == 1:
        await connection.execute("discard plans")
