"""Studies and sites as people may see them."""

from pydantic import BaseModel, ConfigDict
from sqlalchemy import ColumnElement, select, true

from biobank.actor import Permission, Scope
from biobank.db import visible
from biobank.errors import NotFound
from biobank.study.models import Cohort, ConsentDocument, ConsentScope, Site, Study, StudySite, VisitType
from biobank.tx import ReadTx


class View(BaseModel):
    model_config = ConfigDict(frozen=True)


class SiteView(View):
    code: str
    name: str
    country: str
    timezone: str


class CodeTitle(View):
    code: str
    title: str


class StudyView(View):
    code: str
    title: str
    protocol_no: str | None
    sites: tuple[SiteView, ...]
    cohorts: tuple[CodeTitle, ...]
    visit_types: tuple[CodeTitle, ...]
    consent_versions: tuple[str, ...]


async def studies(tx: ReadTx) -> list[StudyView]:
    """The studies within reach, each with its sites, cohorts, visit types and consent versions."""
    scope = tx.scope(Permission.STUDY_READ)
    found = (
        await tx.session.execute(
            select(Study)
            .where(
                select(StudySite.id)
                .where(StudySite.study_id == Study.id, visible(scope, StudySite.study_id, StudySite.site_id))
                .exists()
                | visible(scope, Study.id)
            )
            .order_by(Study.code)
        )
    ).scalars()
    return [await study_view(tx, study) for study in found]


async def study_view(tx: ReadTx, study: Study) -> StudyView:
    sites = await tx.session.execute(
        select(Site.code, Site.name, Site.country, Site.timezone)
        .join(StudySite, StudySite.site_id == Site.id)
        .where(StudySite.study_id == study.id)
        .order_by(Site.code)
    )
    cohorts = await tx.session.execute(
        select(Cohort.code, Cohort.title).where(Cohort.study_id == study.id).order_by(Cohort.id)
    )
    types = await tx.session.execute(
        select(VisitType.code, VisitType.title).where(VisitType.study_id == study.id).order_by(VisitType.id)
    )
    versions = await tx.session.execute(
        select(ConsentDocument.version)
        .distinct()
        .where(ConsentDocument.study_id == study.id)
        .order_by(ConsentDocument.version)
    )
    return StudyView(
        code=study.code,
        title=study.title,
        protocol_no=study.protocol_no,
        sites=tuple(SiteView(**row._asdict()) for row in sites),
        cohorts=tuple(CodeTitle(**row._asdict()) for row in cohorts),
        visit_types=tuple(CodeTitle(**row._asdict()) for row in types),
        consent_versions=tuple(versions.scalars()),
    )


async def consent_scopes(tx: ReadTx) -> tuple[CodeTitle, ...]:
    """What a person may allow or refuse."""
    rows = await tx.session.execute(select(ConsentScope.code, ConsentScope.title).order_by(ConsentScope.title))
    return tuple(CodeTitle(**row._asdict()) for row in rows)


async def scope_titles(tx: ReadTx) -> dict[str, str]:
    """The titles of what a person may allow or refuse, by code."""
    return {scope.code: scope.title for scope in await consent_scopes(tx)}


async def consent_forms(tx: ReadTx, study: str) -> tuple[tuple[str, str], ...]:
    """Version and language of a study's consent forms, the latest approval first."""
    rows = await tx.session.execute(
        select(ConsentDocument.version, ConsentDocument.language)
        .join(Study, Study.id == ConsentDocument.study_id)
        .where(Study.code == study)
        .order_by(ConsentDocument.approved_from.desc(), ConsentDocument.version, ConsentDocument.language)
    )
    return tuple((row.version, row.language) for row in rows)


async def study_and_site(tx: ReadTx, study: str, site: str, permission: Permission) -> tuple[Study, Site]:
    """A study and a site taking part in it, where this person holds `permission`.

    Raises:
        NotFound: the same for what does not exist and for what lies out of reach.
    """
    row = (
        await tx.session.execute(
            select(Study, Site)
            .join(StudySite, StudySite.study_id == Study.id)
            .join(Site, Site.id == StudySite.site_id)
            .where(Study.code == study, Site.code == site, visible(tx.scope(permission), Study.id, Site.id))
        )
    ).one_or_none()
    if row is None:
        raise NotFound(f"No site {site} of a study {study} is within your reach.", study=study, site=site)
    return row.Study, row.Site


def site_reach(scope: Scope) -> ColumnElement[bool]:
    """The condition that a site takes part, within the scope, in a study. Places and devices belong to a site, not to a
    study.
    """
    if scope.everything:
        return true()
    return Site.id.in_(select(StudySite.site_id).where(visible(scope, StudySite.study_id, StudySite.site_id)))


async def sites_within(tx: ReadTx, permission: Permission) -> tuple[CodeTitle, ...]:
    """The sites at which this person holds `permission` in some study."""
    rows = await tx.session.execute(
        select(Site.code, Site.name.label("title")).where(site_reach(tx.scope(permission))).order_by(Site.code)
    )
    return tuple(CodeTitle(**row._asdict()) for row in rows)


async def timezone_of(tx: ReadTx, permission: Permission) -> str:
    """The time zone of the sites where this person holds `permission`; UTC where they are of several zones or none."""
    zones = (
        await tx.session.execute(select(Site.timezone).where(site_reach(tx.scope(permission))).distinct())
    ).scalars()
    found = list(zones)
    return found[0] if len(found) == 1 else "UTC"


async def site_by_code(tx: ReadTx, site: str, permission: Permission) -> Site:
    """A site at which this person holds `permission` in some study.

    Raises:
        NotFound: no such site within reach.
    """
    query = select(Site).where(Site.code == site, site_reach(tx.scope(permission)))
    found = (await tx.session.execute(query)).scalar_one_or_none()
    if found is None:
        raise NotFound(f"No site {site} is within your reach.", site=site)
    return found


async def study_by_code(tx: ReadTx, study: str, permission: Permission) -> Study:
    """A study in which this person holds `permission` at all sites or at some.

    Raises:
        NotFound: no such study within reach.
    """
    scope = tx.scope(permission)
    found = (await tx.session.execute(select(Study).where(Study.code == study))).scalar_one_or_none()
    if found is None or not (
        scope.everything or found.id in scope.studies or any(found.id == one for one, _ in scope.sites)
    ):
        raise NotFound(f"No study {study} is within your reach.", study=study)
    return found
