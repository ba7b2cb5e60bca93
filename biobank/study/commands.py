"""Setting up a study: its sites, cohorts and consent forms. Its visits come with its protocol."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import select

from biobank.actor import Permission
from biobank.errors import Forbidden
from biobank.study import queries, rules
from biobank.study.documents import ConsentDocumentSpec, add_documents
from biobank.study.models import Cohort, Site, Study, StudySite
from biobank.study.queries import StudyView
from biobank.tx import Tx

Code = Annotated[
    str, Field(pattern=r"^[A-Z][A-Z0-9-]{1,15}$", description="2 to 16 capital letters, digits or hyphens.")
]
Title = Annotated[str, Field(min_length=1, max_length=200)]


class Command(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class CohortSpec(Command):
    code: Code
    title: Title


class CreateStudy(Command):
    code: Code
    title: Title
    protocol_no: Annotated[str | None, Field(max_length=80)] = None
    registry_no: Annotated[str | None, Field(max_length=80)] = None
    cohorts: tuple[CohortSpec, ...] = ()
    consent_documents: tuple[ConsentDocumentSpec, ...] = ()


class AddSite(Command):
    """A site that joins a study. Its contact stands on manifests; one known from another study keeps what it has."""

    code: Code
    name: Title
    country: Annotated[str, Field(pattern=r"^[A-Z]{2}$", description="ISO 3166-1 alpha-2.")]
    timezone: str
    address: Annotated[str, Field(min_length=1, max_length=500)]
    contact: Annotated[
        str,
        Field(
            min_length=1, max_length=200, description="The role or desk that answers, for example Biorepository desk."
        ),
    ]
    phone: Annotated[str, Field(min_length=3, max_length=40)]


async def create_study(tx: Tx, command: CreateStudy) -> StudyView:
    """Set up a study with its cohorts and consent forms. An administrator's deed."""
    if not tx.scope(Permission.STUDY_MANAGE).everything:
        raise Forbidden("Only an administrator sets up a study.")
    study = Study(
        code=command.code, title=command.title, protocol_no=command.protocol_no, registry_no=command.registry_no
    )
    tx.session.add(study)
    await tx.session.flush()
    await tx.insert(Cohort, [{"study_id": study.id, **spec.model_dump()} for spec in command.cohorts])
    await add_documents(tx, study.id, command.consent_documents)
    tx.record("study.created", subject="study", subject_id=study.id, study_id=study.id)
    return await queries.study_view(tx, study)


async def add_site(tx: Tx, study_code: str, command: AddSite) -> StudyView:
    """Let a site take part in a study; the site is made where it does not exist yet."""
    rules.check_timezone(command.timezone)
    study = await queries.study_by_code(tx, study_code, Permission.STUDY_MANAGE)
    site_id = (await tx.session.execute(select(Site.id).where(Site.code == command.code))).scalar_one_or_none()
    if site_id is None:
        (site_id,) = await tx.insert(Site, [command.model_dump()])
    await tx.insert(StudySite, [{"study_id": study.id, "site_id": site_id}])
    tx.record("site.joined", subject="site", subject_id=site_id, study_id=study.id, site_id=site_id)
    return await queries.study_view(tx, study)
