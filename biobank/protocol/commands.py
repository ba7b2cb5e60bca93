"""A protocol is drafted, changed, published and never changed again."""

from datetime import date
from hashlib import sha256
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import func, select, update

from biobank.actor import Permission
from biobank.errors import Forbidden, Stale
from biobank.protocol import queries, rules
from biobank.protocol.content import write_content
from biobank.protocol.document import Document
from biobank.protocol.models import PlannedVisit, ProtocolVersion
from biobank.protocol.queries import VersionView
from biobank.protocol.text import named_study, read_document, write_document
from biobank.study.models import Study, VisitType
from biobank.study.queries import study_by_code
from biobank.tx import ReadTx, Tx

Reason = Annotated[str, Field(min_length=3, max_length=400)]


class Command(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)


class StartDraft(Command):
    """A draft begins as a copy of the latest published version, or empty."""

    empty: bool = False


class ReplaceDraft(Command):
    """The whole content of the draft. `row_version` is the one that the change was made from."""

    row_version: int
    document: Document


class ImportFile(Command):
    """A file, by its SHA-256, for the draft. With `row_version` the draft must be as the sender saw it."""

    digest: str
    row_version: int | None = None


class DiscardDraft(Command):
    row_version: int
    reason: Reason


class PublishDraft(Command):
    """From the day `effective_from` on the version is in force, for ever as it is."""

    row_version: int
    effective_from: date
    reason: Reason | None = None


async def managed(tx: ReadTx, study_code: str) -> Study:
    """A study whose protocol this person may change: it holds at all sites, so that takes the whole study.

    Raises:
        NotFound: no such study within reach.
        Forbidden: only some of its sites are.
    """
    study = await study_by_code(tx, study_code, Permission.STUDY_MANAGE)
    if not tx.scope(Permission.STUDY_MANAGE).covers(study.id):
        raise Forbidden("A protocol holds at all sites: only a manager of the whole study changes it.")
    return study


async def start_draft(tx: Tx, study_code: str, command: StartDraft) -> VersionView:
    """Begin the next version of a study's protocol.

    Raises:
        ProtocolDraftExists: there is one already.
    """
    study = await managed(tx, study_code)
    latest = None
    if not command.empty:
        latest = (
            await tx.session.execute(
                select(ProtocolVersion)
                .where(ProtocolVersion.study_id == study.id, ProtocolVersion.status == "published")
                .order_by(ProtocolVersion.number.desc())
                .limit(1)
            )
        ).scalar_one_or_none()
    draft = await _begin(tx, study)
    if latest is not None:
        document = await queries.document_of(tx, latest)
        await write_content(tx, draft, document.model_copy(update={"effective_from": None, "note": None}))
    _record(tx, "protocol.draft_started", draft)
    return await queries.version(tx, study.code, draft.number)


async def _begin(tx: Tx, study: Study) -> ProtocolVersion:
    taken = select(func.coalesce(func.max(ProtocolVersion.number), 0)).where(ProtocolVersion.study_id == study.id)
    present = (
        await tx.session.execute(
            select(ProtocolVersion.number).where(
                ProtocolVersion.study_id == study.id, ProtocolVersion.status == "draft"
            )
        )
    ).scalar_one_or_none()
    if present is not None:
        raise rules.ProtocolDraftExists(
            f"Version {present} of the protocol of {study.code} is a draft already: go on with it, or discard it.",
            study=study.code,
            version=present,
        )
    draft = ProtocolVersion(
        study_id=study.id,
        number=(await tx.session.execute(taken)).scalar_one() + 1,
        status="draft",
        created_by=tx.actor.user_id,
        row_version=1,
    )
    tx.session.add(draft)
    await tx.session.flush()
    return draft


async def _draft(tx: Tx, study: Study, row_version: int) -> ProtocolVersion:
    """The draft, locked and as the sender saw it.

    Raises:
        NoProtocolDraft: there is none.
        Stale: somebody else changed it meanwhile.
    """
    draft = (
        await tx.session.execute(
            select(ProtocolVersion)
            .where(ProtocolVersion.study_id == study.id, ProtocolVersion.status == "draft")
            .with_for_update()
        )
    ).scalar_one_or_none()
    if draft is None:
        raise rules.NoProtocolDraft(
            f"The protocol of {study.code} has no draft: start one, from nothing or from the latest version.",
            study=study.code,
        )
    if draft.row_version != row_version:
        raise Stale(
            f"Somebody else changed the draft of {study.code} meanwhile: look at it again.",
            row_version=draft.row_version,
        )
    return draft


async def replace_draft(tx: Tx, study_code: str, command: ReplaceDraft) -> VersionView:
    """Give the draft another content. Only what differs is written.

    Raises:
        NoProtocolDraft, Stale: there is no draft, or another one than the sender saw.
        ProtocolRefused: naming everything that is wrong in the document.
    """
    study = await managed(tx, study_code)
    draft = await _draft(tx, study, command.row_version)
    rules.check_document(command.document, await queries.vocabulary(tx, study.id), study.code)
    await write_content(tx, draft, command.document)
    _record(tx, "protocol.draft_changed", draft)
    return await queries.version(tx, study.code, draft.number)


def file_command(content: bytes, row_version: int | None = None) -> ImportFile:
    """The command that puts a file of these bytes into the draft."""
    return ImportFile(digest=sha256(content).hexdigest(), row_version=row_version)


async def import_file(tx: Tx, study_code: str, command: ImportFile, content: bytes) -> VersionView:
    """Put a file into the draft of a study, which is started where there is none.

    Raises:
        NotFound, Forbidden: the study is out of reach, or only partly within.
        ProtocolFileTooLarge: more than 256 KiB.
        ProtocolRefused: with every problem, each with line, column, path and value.
        NoProtocolDraft, Stale: the draft that the sender saw is another one by now.
    """
    document = await read_file(tx, content, study_code)
    if command.row_version is not None:
        await _draft(tx, await managed(tx, study_code), command.row_version)
    return await import_document(tx, study_code, document)


async def import_document(tx: Tx, study_code: str, document: Document) -> VersionView:
    """Put the content of a file into the draft, which is started where there is none.

    Raises:
        ProtocolRefused: naming everything that is wrong in the document.
    """
    study = await managed(tx, study_code)
    rules.check_document(document, await queries.vocabulary(tx, study.id), study.code)
    draft = (
        await tx.session.execute(
            select(ProtocolVersion)
            .where(ProtocolVersion.study_id == study.id, ProtocolVersion.status == "draft")
            .with_for_update()
        )
    ).scalar_one_or_none()
    if draft is None:
        draft = await _begin(tx, study)
    await write_content(tx, draft, document)
    _record(tx, "protocol.file_imported", draft)
    return await queries.version(tx, study.code, draft.number)


async def read_file(tx: ReadTx, content: bytes, study_code: str | None = None) -> Document:
    """The document of a YAML file, checked against the study that it names, or that is named here.

    Raises:
        ProtocolFileTooLarge: more than 256 KiB.
        ProtocolRefused: with every problem, each with line, column, path and value.
        NotFound, Forbidden: the study is out of reach, or only partly within.
    """
    code = study_code or named_study(content)
    study = await managed(tx, code)
    return read_document(content, await queries.vocabulary(tx, study.id), study.code)


async def exported(tx: ReadTx, study_code: str, number: int | None = None) -> str:
    """A version as a YAML file; without a number the latest published one.

    Raises:
        NotFound: no such study within reach, or no such version of it.
    """
    if number is None:
        heads = (await queries.protocol(tx, study_code)).versions
        number = next((head.number for head in heads if head.status == "published"), 0)
    view = await queries.version(tx, study_code, number)
    return write_document(view.document, f"Version {number} of the protocol of {view.study}, {view.head.status}")


async def discard_draft(tx: Tx, study_code: str, command: DiscardDraft) -> VersionView:
    """Give a draft up. It stays on record and its number is not used again."""
    study = await managed(tx, study_code)
    draft = await _draft(tx, study, command.row_version)
    draft.status = "discarded"
    draft.row_version += 1
    await tx.session.flush()
    _record(tx, "protocol.draft_discarded", draft, command.reason)
    return await queries.version(tx, study.code, draft.number)


async def publish_draft(tx: Tx, study_code: str, command: PublishDraft) -> ProtocolVersion:
    """Make the draft a version that is in force from a day on. Visits that the study does not know yet become its
    visit types.

    This is the protocol's part of the deed; `participant.planning.publish` plans the open visits in the same
    transaction, and is what is called.

    Raises:
        NoProtocolDraft, Stale: there is no draft, or another one than the sender saw.
        EffectiveDayTooEarly: on or before the day of the present version.
        ProtocolRefused: the house's terms have changed since the draft was written.
    """
    study = await managed(tx, study_code)
    draft = await _draft(tx, study, command.row_version)
    present = select(func.max(ProtocolVersion.effective_from)).where(
        ProtocolVersion.study_id == study.id, ProtocolVersion.status == "published"
    )
    rules.check_effective(command.effective_from, (await tx.session.execute(present)).scalar_one())
    rules.check_document(await queries.document_of(tx, draft), await queries.vocabulary(tx, study.id), study.code)
    await _name_visits(tx, draft)
    draft.status = "published"
    draft.effective_from = command.effective_from
    draft.published_at = tx.now
    draft.published_by = tx.actor.user_id
    draft.row_version += 1
    await tx.session.flush()
    _record(tx, "protocol.published", draft, command.reason)
    return draft


async def _name_visits(tx: Tx, draft: ProtocolVersion) -> None:
    """Find or make the visit types of a draft; their titles follow the latest version."""
    planned = (
        await tx.session.execute(
            select(PlannedVisit.code, PlannedVisit.title)
            .where(PlannedVisit.protocol_version_id == draft.id)
            .order_by(PlannedVisit.position, PlannedVisit.id)
        )
    ).all()
    known = set(
        (await tx.session.execute(select(VisitType.code).where(VisitType.study_id == draft.study_id))).scalars()
    )
    await tx.insert(
        VisitType,
        [
            {"study_id": draft.study_id, "code": row.code, "title": row.title}
            for row in planned
            if row.code not in known
        ],
    )
    mine = (
        PlannedVisit.protocol_version_id == draft.id,
        VisitType.study_id == PlannedVisit.study_id,
        VisitType.code == PlannedVisit.code,
    )
    await tx.session.execute(
        update(VisitType)
        .where(*mine, VisitType.title != PlannedVisit.title)
        .values(title=PlannedVisit.title)
        .execution_options(synchronize_session=False)
    )
    await tx.session.execute(
        update(PlannedVisit)
        .where(*mine)
        .values(visit_type_id=VisitType.id)
        .execution_options(synchronize_session=False)
    )


def _record(tx: Tx, verb: str, draft: ProtocolVersion, reason: str | None = None) -> None:
    tx.record(
        verb,
        subject="protocol_version",
        subject_id=draft.id,
        study_id=draft.study_id,
        reason=reason,
        version=draft.number,
        effective_from=draft.effective_from,
    )
