"""Consent forms of a study: a version in a language, when it was approved, what it asks, and the digest of its file."""

from collections.abc import Sequence
from datetime import date
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import select

from biobank.actor import Permission
from biobank.errors import NotFound
from biobank.study import rules
from biobank.study.models import ConsentDocument, ConsentDocumentScope, ConsentScope, Study
from biobank.study.queries import study_by_code
from biobank.tx import ReadTx, Tx

Version = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,39}$", description="For example 2.1.")]
Language = Annotated[str, Field(pattern=r"^[a-z]{2}(-[A-Z]{2})?$", description="For example en or fr-CA.")]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$", description="SHA-256 of the file, hexadecimal.")]
ScopeCode = Annotated[str, Field(max_length=40)]


class Command(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ConsentDocumentSpec(Command):
    """A consent form. Without `scopes` it asks for every scope that there is."""

    version: Version
    language: Language = "en"
    approved_from: date
    approved_to: date | None = None
    approval_no: Annotated[str | None, Field(max_length=80, description="Of the ethics board.")] = None
    scopes: Annotated[tuple[ScopeCode, ...], Field(max_length=100)] = ()
    file_name: Annotated[str | None, Field(max_length=200)] = None
    file_sha256: Sha256 | None = None


class EndApproval(Command):
    """The last day on which the form may be signed. `row_version` is that of the form as it was seen."""

    approved_to: date
    row_version: Annotated[int, Field(ge=1)]


class ConsentDocumentView(BaseModel):
    """A consent form with the scopes that it asks for."""

    model_config = ConfigDict(frozen=True)
    study: str
    version: str
    language: str
    approved_from: date
    approved_to: date | None
    approval_no: str | None
    file_name: str | None
    file_sha256: str | None
    scopes: tuple[str, ...]
    row_version: int


async def add_documents(tx: Tx, study_id: int, specs: Sequence[ConsentDocumentSpec]) -> None:
    """Write the consent forms of a study.

    Raises:
        Invalid: an unknown scope, or an approval that ends before it begins.
    """
    known = list((await tx.session.execute(select(ConsentScope.code).order_by(ConsentScope.code))).scalars())
    for spec in specs:
        rules.check_approval(spec.approved_from, spec.approved_to)
        rules.check_scopes(spec.scopes, known)
        given = spec.model_dump(exclude={"scopes"})
        (document_id,) = await tx.insert(ConsentDocument, [{"study_id": study_id, **given}])
        asked = [scope for scope in known if scope in spec.scopes or not spec.scopes]
        await tx.insert(ConsentDocumentScope, [{"document_id": document_id, "scope_code": scope} for scope in asked])


async def add_document(tx: Tx, study_code: str, command: ConsentDocumentSpec) -> ConsentDocumentView:
    """Enter an approved consent form. What it asks for is fixed from then on.

    Raises:
        NotFound: no such study within reach.
        StudyExists: the study has this version in this language already.
    """
    study = await study_by_code(tx, study_code, Permission.STUDY_MANAGE)
    await add_documents(tx, study.id, [command])
    found = await find_document(tx, study, command.version, command.language)
    tx.record(
        "consent_form.added",
        subject="consent_document",
        subject_id=found.id,
        study_id=study.id,
        version=command.version,
        language=command.language,
    )
    return await _view(tx, study, found)


async def end_approval(
    tx: Tx, study_code: str, version: str, language: str, command: EndApproval
) -> ConsentDocumentView:
    """Say on which day the approval of a form ends. Consents that were signed on it before stay good.

    Raises:
        NotFound: no such study or form within reach.
        Stale: somebody changed it meanwhile.
        Invalid: it would end before it began.
    """
    study = await study_by_code(tx, study_code, Permission.STUDY_MANAGE)
    found = await find_document(tx, study, version, language, lock=True)
    rules.check_form_version(command.row_version, found.row_version)
    rules.check_approval(found.approved_from, command.approved_to)
    found.approved_to = command.approved_to
    found.row_version += 1
    await tx.session.flush()
    tx.record(
        "consent_form.approval_ended",
        subject="consent_document",
        subject_id=found.id,
        study_id=study.id,
        version=version,
        language=language,
    )
    return await _view(tx, study, found)


async def find_document(
    tx: ReadTx, study: Study, version: str, language: str, *, lock: bool = False
) -> ConsentDocument:
    """Raises NotFound: the study has no such consent form."""
    query = select(ConsentDocument).where(
        ConsentDocument.study_id == study.id,
        ConsentDocument.version == version,
        ConsentDocument.language == language,
    )
    found = (await tx.session.execute(query.with_for_update() if lock else query)).scalar_one_or_none()
    if found is None:
        raise NotFound(f"The study has no consent form {version} in {language}.", version=version)
    return found


async def asked_scopes(tx: ReadTx, document_id: int) -> frozenset[str]:
    """What a consent form asks for."""
    rows = await tx.session.execute(
        select(ConsentDocumentScope.scope_code).where(ConsentDocumentScope.document_id == document_id)
    )
    return frozenset(rows.scalars())


async def documents(
    tx: ReadTx, study_code: str, permission: Permission = Permission.STUDY_READ
) -> tuple[ConsentDocumentView, ...]:
    """The consent forms of a study, the latest approval first.

    Raises:
        NotFound: no such study within reach.
    """
    study = await study_by_code(tx, study_code, permission)
    found = await tx.session.execute(
        select(ConsentDocument)
        .where(ConsentDocument.study_id == study.id)
        .order_by(ConsentDocument.approved_from.desc(), ConsentDocument.version.desc(), ConsentDocument.language)
    )
    return tuple([await _view(tx, study, one) for one in found.scalars()])


async def _view(tx: ReadTx, study: Study, document: ConsentDocument) -> ConsentDocumentView:
    own = {name: getattr(document, name) for name in ConsentDocumentView.model_fields if hasattr(document, name)}
    return ConsentDocumentView(study=study.code, scopes=tuple(sorted(await asked_scopes(tx, document.id))), **own)
