"""Label templates as people may see them, and the version that is printed with."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict
from sqlalchemy import ColumnElement, Select, func, or_, select, true
from sqlalchemy.orm import aliased

from biobank.access.models import AppUser
from biobank.actor import Permission, Scope
from biobank.errors import Invalid, NotFound
from biobank.study.models import Study
from biobank.template import rules
from biobank.template.models import LabelTemplate, LabelTemplateVersion
from biobank.template.rules import LabelTemplateNotPublished
from biobank.tx import ReadTx
from labels import Template

MOST_VERSIONS = 100_000


class View(BaseModel):
    model_config = ConfigDict(frozen=True)


class TemplateVersionHead(View):
    """One version of a label template without what stands on the label."""

    number: int
    status: str
    title: str
    stock: str
    note: str | None
    created_at: datetime
    created_by: str | None
    published_at: datetime | None
    published_by: str | None
    row_version: int


class LabelTemplateView(View):
    """A label template with its versions, the latest first. Without a study it is the house's; `in_force` is the
    published version that is printed with.
    """

    name: str
    title: str
    kind: str
    study: str | None
    is_standard: bool
    may_change: bool
    in_force: int | None
    draft: int | None
    versions: tuple[TemplateVersionHead, ...]


class TemplateVersionView(View):
    """One version with what stands on the label."""

    name: str
    kind: str
    head: TemplateVersionHead
    content: dict[str, Any]


class TokenView(View):
    token: str
    gives: str


@dataclass(frozen=True, slots=True)
class InForce:
    """The published version of a template that labels are printed with."""

    name: str
    number: int
    content: Mapping[str, Any]


def within(scope: Scope) -> ColumnElement[bool]:
    """Templates of the house, and those of studies that the scope reaches."""
    if scope.everything:
        return true()
    studies = scope.studies | {study for study, _ in scope.sites}
    return or_(LabelTemplate.study_id.is_(None), LabelTemplate.study_id.in_(studies))


def may_change(scope: Scope, study_id: int | None) -> bool:
    """A study's templates hold at all its sites, the house's in all studies."""
    return scope.everything if study_id is None else scope.covers(study_id)


async def find(tx: ReadTx, name: str, *, lock: bool = False) -> LabelTemplate:
    """Raises:
    NotFound: no such template within reach.
    """
    query = select(LabelTemplate).where(LabelTemplate.name == name, within(tx.scope(Permission.STUDY_READ)))
    if lock:
        query = query.with_for_update()
    found = (await tx.session.execute(query)).scalar_one_or_none()
    if found is None:
        raise NotFound("There is no label template of this name.")
    return found


async def templates(tx: ReadTx) -> tuple[LabelTemplateView, ...]:
    """All templates within reach, by kind and name."""
    query = select(LabelTemplate).where(within(tx.scope(Permission.STUDY_READ)))
    found = (await tx.session.execute(query)).scalars().all()
    kinds = list(rules.KINDS)
    ordered = sorted(found, key=lambda one: (kinds.index(one.kind), one.study_id or 0, one.name))
    return await _views(tx, ordered)


async def template(tx: ReadTx, name: str) -> LabelTemplateView:
    """Raises:
    NotFound: no such template within reach.
    """
    (view,) = await _views(tx, [await find(tx, name)])
    return view


async def _views(tx: ReadTx, found: list[LabelTemplate]) -> tuple[LabelTemplateView, ...]:
    rows = await tx.session.execute(_heads().where(LabelTemplateVersion.template.in_([one.name for one in found])))
    heads: dict[str, list[TemplateVersionHead]] = {}
    for row in rows.mappings():
        heads.setdefault(row["template"], []).append(_head(row))
    studies = {row.id: row.code for row in await tx.session.execute(select(Study.id, Study.code))}
    scope = tx.scope(Permission.STUDY_MANAGE)
    views = []
    for one in found:
        versions = tuple(heads[one.name])
        published = [head for head in versions if head.status == "published"]
        drafts = [head for head in versions if head.status == "draft"]
        views.append(
            LabelTemplateView(
                name=one.name,
                title=(published or list(versions))[0].title,
                kind=one.kind,
                study=None if one.study_id is None else studies[one.study_id],
                is_standard=one.is_standard,
                may_change=may_change(scope, one.study_id),
                in_force=published[0].number if published else None,
                draft=drafts[0].number if drafts else None,
                versions=versions,
            )
        )
    return tuple(views)


def _heads(*more: Any) -> Select[Any]:
    maker, publisher = aliased(AppUser), aliased(AppUser)
    return (
        select(
            LabelTemplateVersion.template,
            LabelTemplateVersion.number,
            LabelTemplateVersion.status,
            LabelTemplateVersion.content["title"].astext.label("title"),
            LabelTemplateVersion.stock,
            LabelTemplateVersion.note,
            LabelTemplateVersion.created_at,
            maker.display_name.label("created_by"),
            LabelTemplateVersion.published_at,
            publisher.display_name.label("published_by"),
            LabelTemplateVersion.row_version,
            *more,
        )
        .outerjoin(maker, maker.id == LabelTemplateVersion.created_by)
        .outerjoin(publisher, publisher.id == LabelTemplateVersion.published_by)
        .order_by(LabelTemplateVersion.template, LabelTemplateVersion.number.desc())
    )


def _head(row: Mapping[str, Any]) -> TemplateVersionHead:
    return TemplateVersionHead(**{name: row[name] for name in TemplateVersionHead.model_fields})


async def version(tx: ReadTx, name: str, number: int) -> TemplateVersionView:
    """Raises:
    NotFound: no such template within reach, or no such version of it.
    """
    found = await find(tx, name)
    if not 0 < number <= MOST_VERSIONS:
        raise NotFound(f"Label template {name} has no such version.")
    query = _heads(LabelTemplateVersion.content).where(
        LabelTemplateVersion.template == name, LabelTemplateVersion.number == number
    )
    row = (await tx.session.execute(query)).mappings().one_or_none()
    if row is None:
        raise NotFound(f"Label template {name} has no version {number}.")
    return TemplateVersionView(name=name, kind=found.kind, head=_head(row), content=row["content"])


def drawn(view: TemplateVersionView) -> Template:
    """What stands on the label, as the library draws it."""
    return Template.from_data(view.content, known=rules.tokens_of(view.kind))


async def in_force(
    tx: ReadTx, wanted: Collection[tuple[str, int | None]], named: str | None = None
) -> Mapping[tuple[str, int | None], InForce]:
    """By kind of label and study, the published version that its labels are printed with: of the template that is
    named, else of the study's standard one, else of the house's.

    Raises:
        Invalid: there is no such template within reach, it has no published version, or it is another study's.
    """
    latest = (
        select(LabelTemplateVersion.template, func.max(LabelTemplateVersion.number).label("number"))
        .where(LabelTemplateVersion.status == "published")
        .group_by(LabelTemplateVersion.template)
        .subquery()
    )
    query = (
        select(LabelTemplate, LabelTemplateVersion.number, LabelTemplateVersion.content)
        .outerjoin(latest, latest.c.template == LabelTemplate.name)
        .outerjoin(
            LabelTemplateVersion,
            (LabelTemplateVersion.template == latest.c.template) & (LabelTemplateVersion.number == latest.c.number),
        )
    )
    if named is None:
        query = query.where(LabelTemplate.is_standard, LabelTemplate.kind.in_({kind for kind, _ in wanted}))
        rows = (await tx.session.execute(query)).all()
        standard = {(row.LabelTemplate.kind, row.LabelTemplate.study_id): row for row in rows}
        return {one: _in_force(standard.get(one) or standard[one[0], None]) for one in wanted}
    reach = within(tx.scope(Permission.LABEL_PRINT))
    row = (await tx.session.execute(query.where(LabelTemplate.name == named, reach))).one_or_none()
    if row is None:
        raise Invalid(
            f"There is no label template {named[:40]}: choose one of the list of label templates, or none.",
            errors={"template": "is unknown"},
        )
    for _, study_id in wanted:
        rules.check_own(named, row.LabelTemplate.study_id, study_id)
    if row.number is None:
        raise LabelTemplateNotPublished(f"Label template {named} has no published version: publish its draft first.")
    return dict.fromkeys(wanted, _in_force(row))


def _in_force(row: Any) -> InForce:
    return InForce(row.LabelTemplate.name, row.number, row.content)


async def names_in_force(tx: ReadTx) -> list[tuple[str, str]]:
    """Templates within reach that have a published version: name, and what the list calls it."""
    return [
        (one.name, f"{one.title} ({one.name}, version {one.in_force}{', ' + one.study if one.study else ''})")
        for one in await templates(tx)
        if one.in_force is not None
    ]


async def house_template(tx: ReadTx, kind: str) -> Template:
    """The standard template of the house for labels that belong to no study, in the version in force."""
    found = (await in_force(tx, [(kind, None)]))[kind, None]
    return Template.from_data(found.content, known=rules.tokens_of(kind))
