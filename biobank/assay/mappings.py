"""What the columns of tables mean: remembered for the header that a person said it of, looked up for the next file.

A header is known by its signature, the names of its columns in their order and what divides them. Each correction and
the withdrawal of a mapping is a further version; none is ever changed.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from pydantic import Field
from sqlalchemy import Select, func, select

from assay_importers.mapping import Mapping as ColumnMeanings
from assay_importers.table_look import MOST_COLUMNS, signature_of
from biobank.access.models import AppUser
from biobank.actor import Permission
from biobank.assay import rules
from biobank.assay.commands import Command, StudyCode
from biobank.assay.mapping_models import ColumnMapping
from biobank.assay.mapping_views import MappingRow, MappingVersionView, MappingView
from biobank.assay.models import AssayRun
from biobank.errors import Invalid, NotFound
from biobank.paging import Page, cut
from biobank.study.models import Study
from biobank.study.queries import study_by_code
from biobank.tx import ReadTx, Tx

_LONGEST_NAME, _LONGEST_UNIT = 500, 40


class RememberMapping(Command):
    """What the columns of a header mean. `known` is the version that the person saw, 0 where none was remembered."""

    study: StudyCode
    mapping: ColumnMeanings
    known: Annotated[int, Field(ge=0)] = 0
    reason: Annotated[str | None, Field(min_length=1, max_length=500)] = None


class WithdrawMapping(Command):
    """End a mapping: the next file with its header is looked at anew. `known` is the version that the person saw."""

    known: Annotated[int, Field(ge=1)]
    reason: Annotated[str, Field(min_length=3, max_length=500)]


@dataclass(frozen=True, slots=True)
class Remembered:
    """The latest version for a header; `mapping` is as the file of then had it, its line and sheet included."""

    id: int
    signature: str
    number: int
    mapping: ColumnMeanings
    withdrawn: bool
    reason: str | None
    made_by: str
    made_at: datetime


async def latest(tx: ReadTx, study_id: int, signatures: Iterable[str]) -> Mapping[str, Remembered]:
    """The latest version of each of these headers that a person has spoken of, withdrawn ones included."""
    newest = (
        select(func.max(ColumnMapping.id))
        .where(ColumnMapping.study_id == study_id, ColumnMapping.signature.in_(set(signatures)))
        .group_by(ColumnMapping.signature)
    )
    rows = await tx.session.execute(_versions().where(ColumnMapping.id.in_(newest)))
    return {row.ColumnMapping.signature: _remembered(row.ColumnMapping, row.username) for row in rows}


def same(one: ColumnMeanings, other: ColumnMeanings) -> bool:
    """Whether two mappings of one header mean the same: where it stood in its file is no part of that."""
    return (one.columns, one.decimal) == (other.columns, other.decimal)


async def keep(tx: Tx, study_id: int, mapping: ColumnMeanings, known: int, reason: str | None = None) -> int:
    """The version that says this of the header: the one in force, where it says the same, or a new one.

    Raises:
        MappingChanged: the header is at another version than `known`.
        Invalid: too many columns, or names that are too long to keep.
    """
    if len(mapping.columns) > MOST_COLUMNS or any(
        len(column.name) > _LONGEST_NAME or len(column.unit or "") > _LONGEST_UNIT for column in mapping.columns
    ):
        raise Invalid(
            f"A mapping has at most {MOST_COLUMNS} columns, names of at most {_LONGEST_NAME} characters and units of "
            f"at most {_LONGEST_UNIT}.",
            errors={"mapping": "is too large"},
        )
    signature = signature_of(mapping)
    before = (await latest(tx, study_id, [signature])).get(signature)
    if before is not None and not before.withdrawn and same(before.mapping, mapping):
        return before.id
    _check_known(before, known)
    (made,) = await tx.insert(
        ColumnMapping,
        [
            {
                "study_id": study_id,
                "signature": signature,
                "number": known + 1,
                "mapping": mapping.model_dump_json(),
                "reason": reason,
                "made_by": tx.actor.user_id,
                "made_at": tx.now,
            }
        ],
    )
    tx.record(
        "column_mapping.remembered",
        subject="column_mapping",
        subject_id=made,
        study_id=study_id,
        reason=reason,
        number=known + 1,
        columns=len(mapping.columns),
    )
    return made


async def remember(tx: Tx, command: RememberMapping) -> MappingView:
    """Say what the columns of a header mean, without a file: the next file with it is read so.

    Raises:
        NotFound: no such study within reach.
        MappingChanged, Invalid: as `keep` says.
    """
    study = await study_by_code(tx, command.study, Permission.ASSAY_RUN)
    await keep(tx, study.id, command.mapping, command.known, command.reason)
    return await mapping_view(tx, study, signature_of(command.mapping))


async def withdraw(tx: Tx, study_code: str, signature: str, command: WithdrawMapping) -> MappingView:
    """End a mapping with a reason. Runs that were read by it stay as they are.

    Raises:
        NotFound: no such study or mapping within reach.
        MappingChanged: it is at another version, or was withdrawn already.
    """
    study = await study_by_code(tx, study_code, Permission.ASSAY_RUN)
    before = (await latest(tx, study.id, [signature])).get(signature)
    if before is None:
        raise NotFound(f"Study {study.code} remembers no such mapping.", signature=signature[:64])
    if before.withdrawn:
        raise rules.MappingChanged(f"{before.made_by} withdrew this mapping already.", number=before.number)
    _check_known(before, command.known)
    (made,) = await tx.insert(
        ColumnMapping,
        [
            {
                "study_id": study.id,
                "signature": signature,
                "number": before.number + 1,
                "mapping": before.mapping.model_dump_json(),
                "withdrawn": True,
                "reason": command.reason,
                "made_by": tx.actor.user_id,
                "made_at": tx.now,
            }
        ],
    )
    tx.record(
        "column_mapping.withdrawn",
        subject="column_mapping",
        subject_id=made,
        study_id=study.id,
        reason=command.reason,
        number=before.number + 1,
    )
    return await mapping_view(tx, study, signature)


async def mapping(tx: ReadTx, study_code: str, signature: str) -> MappingView:
    """All versions for a header, the latest first.

    Raises:
        NotFound: none within reach.
    """
    study = await study_by_code(tx, study_code, Permission.ASSAY_READ)
    return await mapping_view(tx, study, signature)


async def mappings(tx: ReadTx, *, before: int | None = None, limit: int = 50) -> Page[MappingRow]:
    """The latest version of each header within reach, the newest first; `before` is the `next` of the page before."""
    scope = tx.scope(Permission.ASSAY_READ)
    newest = select(func.max(ColumnMapping.id)).group_by(ColumnMapping.study_id, ColumnMapping.signature)
    query = (
        _versions()
        .add_columns(Study.code)
        .join(Study, Study.id == ColumnMapping.study_id)
        .where(ColumnMapping.id.in_(newest))
        .order_by(ColumnMapping.id.desc())
        .limit(limit + 1)
    )
    if not scope.everything:
        query = query.where(ColumnMapping.study_id.in_(scope.studies | {study_id for study_id, _ in scope.sites}))
    if before:
        query = query.where(ColumnMapping.id < before)
    rows = []
    for row in await tx.session.execute(query):
        one = _remembered(row.ColumnMapping, row.username)
        rows.append(
            MappingRow(
                id=one.id,
                study=row.code,
                signature=one.signature,
                number=one.number,
                columns=tuple(column.name for column in one.mapping.columns),
                withdrawn=one.withdrawn,
                made_by=one.made_by,
                made_at=one.made_at,
            )
        )
    return cut(rows, limit, lambda row: row.id)


async def mapping_view(tx: ReadTx, study: Study, signature: str) -> MappingView:
    rows = await tx.session.execute(
        _versions()
        .where(ColumnMapping.study_id == study.id, ColumnMapping.signature == signature)
        .order_by(ColumnMapping.number.desc())
    )
    found = [_remembered(row.ColumnMapping, row.username) for row in rows]
    if not found:
        raise NotFound(f"Study {study.code} remembers no such mapping.", signature=signature[:64])
    runs: dict[int, list[str]] = {}
    for run in await tx.session.execute(
        select(AssayRun.column_mapping_id, AssayRun.name)
        .where(AssayRun.column_mapping_id.in_([one.id for one in found]))
        .order_by(AssayRun.id)
    ):
        runs.setdefault(run.column_mapping_id, []).append(run.name)
    return MappingView(
        study=study.code,
        signature=signature,
        number=found[0].number,
        withdrawn=found[0].withdrawn,
        mapping=found[0].mapping,
        versions=tuple(
            MappingVersionView(
                number=one.number,
                mapping=one.mapping,
                withdrawn=one.withdrawn,
                reason=one.reason,
                made_by=one.made_by,
                made_at=one.made_at,
                runs=tuple(runs.get(one.id, ())),
            )
            for one in found
        ),
    )


def _versions() -> Select[ColumnMapping, str]:
    return select(ColumnMapping, AppUser.username).join(AppUser, AppUser.id == ColumnMapping.made_by)


def _remembered(row: ColumnMapping, username: str) -> Remembered:
    return Remembered(
        id=row.id,
        signature=row.signature,
        number=row.number,
        mapping=ColumnMeanings.model_validate_json(row.mapping),
        withdrawn=row.withdrawn,
        reason=row.reason,
        made_by=username,
        made_at=row.made_at,
    )


def _check_known(before: Remembered | None, known: int) -> None:
    at = 0 if before is None else before.number
    if at != known:
        who = "" if before is None else f" by {before.made_by}"
        raise rules.MappingChanged(
            f"Nothing was stored. The mapping of this header is at version {at}{who}, and you looked at version "
            f"{known}: look at it, then confirm it or correct it.",
            number=at,
            known=known,
        )
