"""Label templates are drafted, published and made the standard; what was published never changes."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import func, select, update

from biobank.actor import Permission
from biobank.errors import Forbidden
from biobank.stock import queries as stocks
from biobank.study.queries import study_by_code
from biobank.template import queries, rules
from biobank.template.models import LabelTemplate, LabelTemplateVersion
from biobank.template.queries import LabelTemplateView, TemplateVersionView
from biobank.template.rules import LabelTemplateDraftExists, LabelTemplateIsFinal, LabelTemplateNotPublished
from biobank.tx import ReadTx, Tx
from labels import Template

Number = Annotated[int, Field(ge=1, le=100_000)]
Note = Annotated[str, Field(min_length=3, max_length=400)]
Stock = Annotated[str, Field(max_length=60)]


class Command(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class CreateLabelTemplate(Command):
    """A new template with its first draft: `content` as a file of a template holds it, or that of the template `like`
    (its latest published version). Without a study it is the house's. Without a stock the nearest in size is taken.
    """

    name: Annotated[str, Field(pattern="^[a-z0-9][a-z0-9-]{1,39}$")]
    kind: str
    study: str | None = None
    stock: Stock | None = None
    like: str | None = None
    content: dict[str, Any] | None = None


class StartTemplateDraft(Command):
    """The next version, as a copy of `version`, else of the latest."""

    version: Number | None = None


class SaveTemplateDraft(Command):
    """Another content, stock or both for the draft that was seen in `row_version`."""

    row_version: int
    content: dict[str, Any]
    stock: Stock | None = None


class PublishTemplateDraft(Command):
    row_version: int
    note: Note | None = None


class DiscardTemplateDraft(Command):
    row_version: int
    reason: Note


class MakeStandard(Command):
    """The template is taken from now on for labels of its kind, in its study or in the house."""


async def changeable(tx: ReadTx, name: str, *, lock: bool = True) -> LabelTemplate:
    """A template that this person may change.

    Raises:
        NotFound: no such template within reach.
        Forbidden: it is the house's, or holds at sites that this person does not manage.
    """
    found = await queries.find(tx, name, lock=lock)
    if not queries.may_change(tx.scope(Permission.STUDY_MANAGE), found.study_id):
        whose = "the house" if found.study_id is None else "the whole study"
        raise Forbidden(f"Template {name} is changed by a manager of {whose} only: copy it under a name of your own.")
    return found


async def create_template(tx: Tx, command: CreateLabelTemplate) -> TemplateVersionView:
    """Make a template with its first draft.

    Raises:
        NotFound: no such study or template to copy within reach.
        Forbidden: the person manages only a part of the study, or not the house.
        LabelTemplateFaulty: naming the place of what is wrong in the content.
        Invalid: an unknown kind or stock, neither content nor a template to copy.
        LabelTemplateExists: the name is taken, here or in another study.
    """
    if command.kind not in rules.KINDS:
        raise rules.faulty("kind", f"is not one of {', '.join(rules.KINDS)}")
    study_id = None
    if command.study is not None:
        study_id = (await study_by_code(tx, command.study, Permission.STUDY_MANAGE)).id
    if not queries.may_change(tx.scope(Permission.STUDY_MANAGE), study_id):
        whose = "of the house" if study_id is None else "that hold at all sites of a study"
        raise Forbidden(f"You make no templates {whose}: name a study that you manage.", errors={"study": "is missing"})
    content, stock = await _beginning(tx, command)
    read = rules.read(content, command.name, command.kind)
    if command.stock is not None:
        stock = (await stocks.chosen(tx, command.stock)).name
    stock = stock or rules.stock_for(read)
    made = LabelTemplate(
        name=command.name, kind=command.kind, study_id=study_id, created_at=tx.now, created_by=tx.actor.user_id
    )
    tx.session.add(made)
    await tx.session.flush()
    await _add_draft(tx, made, 1, read, stock)
    _note(tx, made, "label_template.created", 1)
    return await queries.version(tx, made.name, 1)


async def _beginning(tx: ReadTx, command: CreateLabelTemplate) -> tuple[Any, str | None]:
    if command.content is not None:
        return command.content, None
    if command.like is None:
        raise rules.faulty("content", "is missing: give one, or name a template that this one begins like")
    other = await queries.template(tx, command.like)
    like = await queries.version(tx, command.like, other.in_force or other.versions[0].number)
    return like.content, like.head.stock


async def _add_draft(tx: Tx, template: LabelTemplate, number: int, content: Template, stock: str) -> None:
    tx.session.add(
        LabelTemplateVersion(
            template=template.name,
            number=number,
            stock=stock,
            content=content.to_data(),
            created_at=tx.now,
            created_by=tx.actor.user_id,
        )
    )
    await tx.session.flush()


async def start_draft(tx: Tx, name: str, command: StartTemplateDraft) -> TemplateVersionView:
    """Begin the next version.

    Raises:
        NotFound, Forbidden: as for `changeable`; no such version.
        LabelTemplateDraftExists: there is a draft already.
    """
    template = await changeable(tx, name)
    view = await queries.template(tx, name)
    if view.draft is not None:
        raise LabelTemplateDraftExists(f"Version {view.draft} of template {name} is a draft already: go on with it.")
    latest = view.versions[0].number
    begun = await queries.version(tx, name, command.version or view.in_force or latest)
    await _add_draft(tx, template, latest + 1, rules.read(begun.content, name, view.kind), begun.head.stock)
    _note(tx, template, "label_template.draft_started", latest + 1)
    return await queries.version(tx, name, latest + 1)


async def _draft(tx: Tx, template: LabelTemplate, row_version: int) -> LabelTemplateVersion:
    """The draft, held.

    Raises:
        LabelTemplateIsFinal: there is none.
        LabelTemplateChanged: it was saved since it was seen.
    """
    found = (
        await tx.session.execute(
            select(LabelTemplateVersion)
            .where(LabelTemplateVersion.template == template.name, LabelTemplateVersion.status == "draft")
            .with_for_update()
        )
    ).scalar_one_or_none()
    if found is None:
        raise LabelTemplateIsFinal(f"Template {template.name} has no draft: start one first.")
    rules.check_version(row_version, found.row_version)
    return found


async def save_draft(tx: Tx, name: str, command: SaveTemplateDraft) -> TemplateVersionView:
    """Give the draft another content.

    Raises:
        NotFound, Forbidden: as for `changeable`.
        LabelTemplateIsFinal: there is no draft.
        LabelTemplateChanged: somebody else saved it meanwhile.
        LabelTemplateFaulty: naming the place of what is wrong.
    """
    template = await changeable(tx, name)
    draft = await _draft(tx, template, command.row_version)
    content = rules.read(command.content, name, template.kind).to_data()
    stock = draft.stock
    if command.stock not in (None, stock):
        stock = (await stocks.chosen(tx, command.stock)).name
    if (content, stock) != (draft.content, draft.stock):
        draft.content, draft.stock, draft.row_version = content, stock, draft.row_version + 1
        await tx.session.flush()
        _note(tx, template, "label_template.draft_saved", draft.number)
    return await queries.version(tx, name, draft.number)


async def publish_draft(tx: Tx, name: str, command: PublishTemplateDraft) -> TemplateVersionView:
    """Publish the draft: labels are printed with it from now on, and it never changes again.

    Raises:
        NotFound, Forbidden, LabelTemplateIsFinal, LabelTemplateChanged: as for `save_draft`.
        LabelTemplateFaulty: a label of it would be refused or not be read on the stock it is laid out for.
    """
    template = await changeable(tx, name)
    draft = await _draft(tx, template, command.row_version)
    content = rules.read(draft.content, name, template.kind)
    rules.check_publishable(content, await stocks.drawn(tx, draft.stock), rules.sample(template.kind))
    draft.status, draft.note = "published", command.note
    draft.published_at, draft.published_by, draft.row_version = tx.now, tx.actor.user_id, draft.row_version + 1
    await tx.session.flush()
    _note(tx, template, "label_template.published", draft.number)
    return await queries.version(tx, name, draft.number)


async def discard_draft(tx: Tx, name: str, command: DiscardTemplateDraft) -> TemplateVersionView:
    """Give the draft up. It stays on record, and its number is not used again.

    Raises:
        NotFound, Forbidden, LabelTemplateIsFinal, LabelTemplateChanged: as for `save_draft`.
    """
    template = await changeable(tx, name)
    draft = await _draft(tx, template, command.row_version)
    draft.status, draft.note, draft.row_version = "discarded", command.reason, draft.row_version + 1
    await tx.session.flush()
    _note(tx, template, "label_template.discarded", draft.number, reason=command.reason)
    return await queries.version(tx, name, draft.number)


async def make_standard(tx: Tx, name: str, _command: MakeStandard) -> LabelTemplateView:
    """Take this template for labels of its kind where nobody names another.

    Raises:
        NotFound, Forbidden: as for `changeable`.
        LabelTemplateNotPublished: it has no published version.
    """
    template = await changeable(tx, name)
    published = await tx.session.scalar(
        select(func.count()).where(LabelTemplateVersion.template == name, LabelTemplateVersion.status == "published")
    )
    if not published:
        raise LabelTemplateNotPublished(f"Template {name} has no published version: publish its draft first.")
    if not template.is_standard:
        await tx.session.execute(
            update(LabelTemplate)
            .where(
                LabelTemplate.kind == template.kind,
                LabelTemplate.study_id.is_not_distinct_from(template.study_id),
                LabelTemplate.is_standard,
            )
            .values(is_standard=False)
        )
        template.is_standard = True
        await tx.session.flush()
        _note(tx, template, "label_template.made_standard", None)
    return await queries.template(tx, name)


def _note(tx: Tx, template: LabelTemplate, verb: str, number: int | None, *, reason: str | None = None) -> None:
    tx.record(
        verb,
        subject="label_template",
        subject_id=template.id,
        study_id=template.study_id,
        reason=reason,
        template=template.name,
        version=number,
    )
