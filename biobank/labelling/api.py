"""Ranges of pre-printed labels over JSON."""

from litestar import Controller, Router, get, post
from litestar.params import FromPath, FromQuery, JSONBody

from biobank.actor import Permission
from biobank.http.deps import Key, Reading, Writing
from biobank.http.paging import After, Limit
from biobank.labelling import commands, queries
from biobank.labelling.queries import RangeRow, RangeView, StockView
from biobank.paging import Page

READ = {"permission": Permission.LABEL_PRINT}
ISSUE = {"permission": Permission.LABEL_ISSUE}


class LabelRangeController(Controller):
    path = "/label-ranges"
    tags = ("Labels",)

    @get(operation_id="listLabelRanges", opt=READ)
    async def ranges(
        self,
        tx: Reading,
        study: FromQuery[str | None] = None,
        site: FromQuery[str | None] = None,
        after: After = 0,
        limit: Limit = 50,
    ) -> Page[RangeRow]:
        return await queries.label_ranges(tx, study=study, site=site, after=after, limit=limit)

    @post(operation_id="mintLabelRange", opt=ISSUE)
    async def mint(self, tx: Writing, data: JSONBody[commands.MintRange], key: Key) -> RangeView:
        """Mint codes for labels that are printed before there are tubes."""
        return await tx.once(key, data, RangeView, lambda: commands.mint(tx, data))

    @get("/stocks", operation_id="listLabelStocks", opt=READ)
    async def stocks(self, tx: Reading) -> list[StockView]:
        """How many unused labels each site has, and whether that is little."""
        return list(await queries.stocks(tx))

    @get("/{label_range:int}", operation_id="getLabelRange", opt=READ)
    async def one(self, tx: Reading, label_range: FromPath[int]) -> RangeView:
        return await queries.label_range(tx, label_range)

    @post("/{label_range:int}/issue", operation_id="issueLabelRange", opt=ISSUE)
    async def issue(
        self, tx: Writing, label_range: FromPath[int], data: JSONBody[commands.IssueRange], key: Key
    ) -> RangeView:
        return await tx.once(
            key, data, RangeView, lambda: commands.issue(tx, label_range, data), of=f"issue {label_range}"
        )

    @post("/{label_range:int}/receipt", operation_id="receiveLabelRange", opt=READ)
    async def receive(
        self, tx: Writing, label_range: FromPath[int], data: JSONBody[commands.ReceiveRange], key: Key
    ) -> RangeView:
        """The labels arrived at their site: one of them was scanned."""
        return await tx.once(key, data, RangeView, lambda: commands.receive(tx, label_range, data), of=str(label_range))

    @post("/{label_range:int}/voids", operation_id="voidLabels", opt=ISSUE)
    async def void(
        self, tx: Writing, label_range: FromPath[int], data: JSONBody[commands.VoidLabels], key: Key
    ) -> RangeView:
        """Void labels that were not used; without a list all that are left."""
        return await tx.once(key, data, RangeView, lambda: commands.void(tx, label_range, data), of=str(label_range))


router = Router("/api/v1", route_handlers=[LabelRangeController])
