"""One database for all tests of a worker, put back to how it was after each of them.

A database of its own for each test costs more than most tests: the copy, and connections that read the catalogue and
compile every trigger anew. So the rows are put back instead: what a test wrote is known by its transaction ids. A test
that changes the schema, or leaves a transaction open, gives its database up, and the next one gets a fresh copy.
"""

from typing import Any, Self
from uuid import uuid4

import asyncpg

from biobank.db import Database

# Schema `kept` holds the rows as they were. A sequence is written to whatever becomes of the transaction.
_SCHEMA = """
create schema kept;
create sequence kept.schema_changes;
create function kept.note_change() returns event_trigger language plpgsql security definer as
    $$ begin perform nextval('kept.schema_changes'); end $$;
"""
_PUT_BACK = """
create function kept.put_back(kept_xid bigint) returns void language plpgsql as $body$
begin
    {tables}
    perform setval(o.seq, o.value, o.called) from kept.sequence_value o
      where pg_sequence_last_value(o.seq) is distinct from case when o.called then o.value end;
end $body$;
create event trigger note_change on ddl_command_end execute function kept.note_change();
create event trigger note_drop on sql_drop execute function kept.note_change();
"""
_TABLE = """
    if (select count(*) <> {rows} or coalesce(bool_or(xmin::text::bigint > kept_xid), false) from {name}) then
        delete from {name};
        insert into {name} ({columns}) overriding system value select {columns} from kept.{name};
    end if;"""
_COLUMNS = """
select c.relname::text as name,
       string_agg(quote_ident(a.attname), ', ' order by a.attnum) filter (where a.attgenerated = '') as columns
  from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
 where c.relnamespace = 'public'::regnamespace and c.relkind = 'r' group by c.relname order by c.relname"""
_SEQUENCES = """
create table kept.sequence_value as
select c.oid::regclass as seq, coalesce(pg_sequence_last_value(c.oid), s.seqstart) as value,
       pg_sequence_last_value(c.oid) is not null as called
  from pg_class c join pg_sequence s on s.seqrelid = c.oid where c.relnamespace = 'public'::regnamespace"""
_STATE = """
select (select is_called from kept.schema_changes) as changed,
       exists (select from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()
                  and state is distinct from 'idle' and backend_type = 'client backend') as busy,
       exists (select from pg_locks where locktype = 'advisory' and database = (select oid from pg_database
                where datname = current_database())) as locked"""


class Workbench:
    """`dsn` and `database` of the copy in use."""

    def __init__(self, server: Any, template: str, role: str) -> None:
        self._server, self._template, self._role = server, template, role

    async def open(self) -> Self:
        self._name = f"w_{uuid4().hex}"
        await self._on_server(f"create database {self._name} template {self._template} strategy file_copy")
        self.dsn = self._server.url(self._name)
        self.database = Database(self.dsn, role=self._role, size=6)
        self._admin = await asyncpg.connect(self.dsn)
        await self._admin.execute(_SCHEMA)
        tables = []
        for row in await self._admin.fetch(_COLUMNS):
            await self._admin.execute(f"create table kept.{row['name']} as table public.{row['name']}")
            rows = await self._admin.fetchval(f"select count(*) from {row['name']}")
            tables.append(_TABLE.format(**row, rows=rows))
        await self._admin.execute(_SEQUENCES)
        await self._admin.execute(_PUT_BACK.replace("{tables}", "".join(tables)))
        await self._admin.execute("set session_replication_role = replica")
        self._since = await self._admin.fetchval("select pg_current_xact_id()::text::bigint")
        return self

    async def put_back(self) -> None:
        """Undo all that was written since the last time."""
        state = await self._admin.fetchrow(_STATE)
        if any(state.values()):
            await self.close()
            await self.open()
            return
        await self._admin.execute(f"select kept.put_back({self._since})")
        self._since = await self._admin.fetchval("select pg_current_xact_id()::text::bigint")

    async def close(self) -> None:
        await self.database.close()
        await self._admin.close()
        await self._on_server(f"drop database {self._name} with (force)")

    async def _on_server(self, statement: str) -> None:
        connection = await asyncpg.connect(self._server.url("postgres"))
        try:
            await connection.execute(statement)
        finally:
            await connection.close()
