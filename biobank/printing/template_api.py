"""Label templates over JSON: versions, the draft, previews with their findings, test labels, files."""

import json
from collections.abc import Awaitable, Callable
from typing import Annotated, TypeVar
from uuid import UUID

from litestar import Controller, Response, Router, get, post
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import FromPath, JSONBody, QueryParameter
from pydantic import BaseModel

from biobank.access.limits import PRINT
from biobank.actor import Permission
from biobank.http.deps import Key, Reading, Writing
from biobank.printer.job_queries import JobView
from biobank.printing import designs, ordering
from biobank.printing.designs import PreviewView, TemplateComparison
from biobank.template import commands, queries, rules
from biobank.template.queries import LabelTemplateView, TemplateVersionView, TokenView
from biobank.tx import Tx

READ = {"permission": Permission.STUDY_READ}
MANAGE = {"permission": Permission.STUDY_MANAGE}
TEST = {"permission": Permission.STUDY_MANAGE, "rate": PRINT}

Version = Annotated[int | None, QueryParameter(ge=1, le=100_000, required=False)]
Text = Annotated[str | None, QueryParameter(max_length=60, required=False)]


def template_file(view: TemplateVersionView) -> Response[bytes]:
    """A version as a JSON file."""
    headers = {"content-disposition": f'attachment; filename="{view.name}-{view.head.number}.json"'}
    content = json.dumps(view.content, indent=2, ensure_ascii=False) + "\n"
    return Response(content.encode(), media_type="application/json", headers=headers)


def label_file(content: bytes, media_type: str, name: str) -> Response[bytes]:
    """A label as a PDF that the browser shows, or as ZPL to save."""
    shown, end = ("inline", "pdf") if media_type == "application/pdf" else ("attachment", "zpl")
    headers = {"content-disposition": f'{shown}; filename="{name}.{end}"'}
    return Response(content, media_type=media_type, headers=headers)


Done = TypeVar("Done", bound=BaseModel)
Asked = TypeVar("Asked", bound=BaseModel)


async def _done(
    tx: Tx, key: UUID, data: Asked, view: type[Done], verb: Callable[[Tx, str, Asked], Awaitable[Done]], template: str
) -> Done:
    """A deed at one template; the same key again answers what it answered before."""
    return await tx.once(key, data, view, lambda: verb(tx, template, data), of=template)


class LabelTemplateController(Controller):
    path = "/label-templates"
    tags = ("Labels",)

    @get(operation_id="listLabelTemplates", opt=READ)
    async def templates(self, tx: Reading) -> tuple[LabelTemplateView, ...]:
        """The templates of the house and of the studies within reach, by kind and name."""
        return await queries.templates(tx)

    @post(operation_id="createLabelTemplate", opt=MANAGE)
    async def create(self, tx: Writing, data: JSONBody[commands.CreateLabelTemplate], key: Key) -> TemplateVersionView:
        """Makes a template with its first draft. What is wrong in the content is named with its place."""
        return await tx.once(key, data, TemplateVersionView, lambda: commands.create_template(tx, data))

    @get("/{template:str}", operation_id="getLabelTemplate", opt=READ)
    async def template(self, tx: Reading, template: FromPath[str]) -> LabelTemplateView:
        """A template with its versions, the latest first."""
        return await queries.template(tx, template)

    @get("/{template:str}/tokens", operation_id="listLabelTokens", opt=READ)
    async def tokens(self, tx: Reading, template: FromPath[str]) -> tuple[TokenView, ...]:
        """The tokens that the template may use, and what each gives."""
        found = await queries.find(tx, template)
        return tuple(TokenView(token=name, gives=gives) for name, gives in rules.tokens_of(found.kind).items())

    @get("/{template:str}/versions/{number:int}", operation_id="getLabelTemplateVersion", opt=READ)
    async def version(self, tx: Reading, template: FromPath[str], number: FromPath[int]) -> TemplateVersionView:
        """One version with what stands on the label."""
        return await queries.version(tx, template, number)

    @get("/{template:str}/versions/{number:int}/file", operation_id="getLabelTemplateFile", opt=READ)
    async def file(self, tx: Reading, template: FromPath[str], number: FromPath[int]) -> Response[bytes]:
        """One version as a JSON file, which `createLabelTemplate` takes as its content."""
        return template_file(await queries.version(tx, template, number))

    @get("/{template:str}/versions/{number:int}/preview", operation_id="previewLabelTemplate", opt=READ)
    async def preview(
        self, tx: Reading, template: FromPath[str], number: FromPath[int], stock: Text = None, code: Text = None
    ) -> PreviewView:
        """A label as SVG in true size with the geometry of the print, and what keeps it from being read. `code` names
        the tube or place whose data it shows; without it the newest within reach, else made-up data.
        """
        return await designs.preview_version(tx, template, number, stock=stock, code=code)

    @post(
        "/{template:str}/versions/{number:int}/test",
        operation_id="testLabelTemplate",
        opt=TEST,
        responses={
            201: ResponseSpec(
                bytes, generate_examples=False, media_type="application/pdf", description="The label, or its ZPL."
            )
        },
    )
    async def test(
        self, tx: Writing, template: FromPath[str], number: FromPath[int], data: JSONBody[designs.LabelTest]
    ) -> Response[bytes]:
        """One label that names nothing, to look at on paper. It is not counted as a copy of anything."""
        content, media_type = await designs.draw_test(tx, template, number, data)
        return label_file(content, media_type, f"{template}-{number}-test")

    @post("/{template:str}/versions/{number:int}/test-jobs", operation_id="testLabelTemplateAtPrinter", opt=TEST)
    async def test_at_printer(
        self,
        tx: Writing,
        template: FromPath[str],
        number: FromPath[int],
        data: JSONBody[ordering.TryAtPrinter],
        key: Key,
    ) -> JobView:
        """Queues one label with made-up data at a printer. It is not counted as a copy of anything."""
        return await tx.once(
            key,
            data,
            JobView,
            lambda: ordering.print_template_test(tx, template, number, data),
            of=f"{template} {number}",
        )

    @get("/{template:str}/comparison", operation_id="compareLabelTemplateVersions", opt=READ)
    async def compare(
        self,
        tx: Reading,
        template: FromPath[str],
        earlier: Annotated[int | None, QueryParameter(name="from", ge=1, le=100_000, required=False)] = None,
        later: Annotated[int | None, QueryParameter(name="to", ge=1, le=100_000, required=False)] = None,
    ) -> TemplateComparison:
        """What one version has otherwise than another; unless they are named, the latest and the one before it."""
        return await designs.compare(tx, template, earlier, later)

    @post("/{template:str}/draft", operation_id="startLabelTemplateDraft", opt=MANAGE)
    async def start(
        self, tx: Writing, template: FromPath[str], data: JSONBody[commands.StartTemplateDraft], key: Key
    ) -> TemplateVersionView:
        """Begins the next version as a copy of an earlier one."""
        return await _done(tx, key, data, TemplateVersionView, commands.start_draft, template)

    @post("/{template:str}/draft/content", operation_id="saveLabelTemplateDraft", opt=MANAGE)
    async def save(
        self, tx: Writing, template: FromPath[str], data: JSONBody[commands.SaveTemplateDraft], key: Key
    ) -> TemplateVersionView:
        """Gives the draft another content, stock or both. What is wrong is named with its place."""
        return await _done(tx, key, data, TemplateVersionView, commands.save_draft, template)

    @post("/{template:str}/draft/published", operation_id="publishLabelTemplateDraft", opt=MANAGE)
    async def publish(
        self, tx: Writing, template: FromPath[str], data: JSONBody[commands.PublishTemplateDraft], key: Key
    ) -> TemplateVersionView:
        """Publishes the draft. It never changes again, and labels are printed with it."""
        return await _done(tx, key, data, TemplateVersionView, commands.publish_draft, template)

    @post("/{template:str}/draft/discarded", operation_id="discardLabelTemplateDraft", opt=MANAGE)
    async def discard(
        self, tx: Writing, template: FromPath[str], data: JSONBody[commands.DiscardTemplateDraft], key: Key
    ) -> TemplateVersionView:
        """Gives the draft up. It stays on record."""
        return await _done(tx, key, data, TemplateVersionView, commands.discard_draft, template)

    @post("/{template:str}/standard", operation_id="makeLabelTemplateStandard", opt=MANAGE)
    async def standard(
        self, tx: Writing, template: FromPath[str], data: JSONBody[commands.MakeStandard], key: Key
    ) -> LabelTemplateView:
        """Takes the template for labels of its kind where nobody names another."""
        return await _done(tx, key, data, LabelTemplateView, commands.make_standard, template)


router = Router("/api/v1", route_handlers=[LabelTemplateController])
