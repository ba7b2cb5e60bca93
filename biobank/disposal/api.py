"""Disposal lists over JSON."""

from litestar import Controller, Router, get, post
from litestar.params import FromPath, FromQuery, JSONBody

from biobank.actor import Permission
from biobank.disposal import commands, queries
from biobank.disposal.queries import DisposalRow, DisposalView
from biobank.http.deps import Key, Reading, Writing
from biobank.http.paging import After, Limit
from biobank.paging import Page

READ = {"permission": Permission.STORAGE_READ}
PLAN = {"permission": Permission.DISPOSAL_PLAN}
CONFIRM = {"permission": Permission.DISPOSAL_CONFIRM}


class DisposalController(Controller):
    path = "/disposals"
    tags = ("Disposal",)

    @get(operation_id="listDisposals", opt=READ)
    async def disposals(
        self,
        tx: Reading,
        is_open: FromQuery[bool | None] = None,
        site: FromQuery[str | None] = None,
        after: After = 0,
        limit: Limit = 50,
    ) -> Page[DisposalRow]:
        return await queries.disposals(tx, is_open=is_open, site=site, after=after, limit=limit)

    @post(operation_id="planDisposal", opt=PLAN)
    async def plan(self, tx: Writing, data: JSONBody[commands.PlanDisposal], key: Key) -> DisposalView:
        return await tx.once(key, data, DisposalView, lambda: commands.plan(tx, data))

    @get("/{disposal:str}", operation_id="getDisposal", opt=READ)
    async def disposal(self, tx: Reading, disposal: FromPath[str]) -> DisposalView:
        """The list with its tubes in the order in which one walks along the freezers."""
        return await queries.disposal(tx, disposal)

    @post("/{disposal:str}/confirmations", operation_id="confirmDisposal", opt=CONFIRM)
    async def confirm(
        self, tx: Writing, disposal: FromPath[str], data: JSONBody[commands.ConfirmTube], key: Key
    ) -> DisposalView:
        """One person's word on one tube; the second, different person's word settles it."""
        return await tx.once(key, data, DisposalView, lambda: commands.confirm(tx, disposal, data), of=disposal)

    @post("/{disposal:str}/strikes", operation_id="strikeOffDisposal", opt=PLAN)
    async def strike(
        self, tx: Writing, disposal: FromPath[str], data: JSONBody[commands.StrikeTube], key: Key
    ) -> DisposalView:
        return await tx.once(key, data, DisposalView, lambda: commands.strike(tx, disposal, data), of=disposal)


router = Router("/api/v1", route_handlers=[DisposalController])
