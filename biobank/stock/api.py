"""Label stocks over JSON."""

import json

from litestar import Controller, Response, Router, get, post
from litestar.params import FromPath, JSONBody

from biobank.actor import Permission
from biobank.http.deps import Key, Reading, Writing
from biobank.stock import commands, queries
from biobank.stock.queries import LabelStockView, StockVersionView
from labels import render_stock_svg, stock_from_data

READ = {"permission": Permission.STUDY_READ}
MANAGE = {"permission": Permission.STUDY_MANAGE}


def stock_file(view: StockVersionView) -> Response[bytes]:
    """A version as a JSON file."""
    headers = {"content-disposition": f'attachment; filename="{view.key.replace("@", "-")}.json"'}
    content = json.dumps(view.content, indent=2, ensure_ascii=False) + "\n"
    return Response(content.encode(), media_type="application/json", headers=headers)


class LabelStockController(Controller):
    path = "/label-stocks"
    tags = ("Labels",)

    @get(operation_id="listMeasuredStocks", opt=READ)
    async def stocks(self, tx: Reading) -> tuple[LabelStockView, ...]:
        """The stocks of the house and of the studies within reach that were measured here, by name."""
        return await queries.stocks(tx)

    @post(operation_id="defineLabelStock", opt=MANAGE)
    async def define(self, tx: Writing, data: JSONBody[commands.DefineLabelStock], key: Key) -> LabelStockView:
        """Defines a stock by its measures in millimetres. What is wrong in them is named with its place."""
        return await tx.once(key, data, LabelStockView, lambda: commands.define_stock(tx, data))

    @get("/{label_stock:str}", operation_id="getLabelStock", opt=READ)
    async def stock(self, tx: Reading, label_stock: FromPath[str]) -> LabelStockView:
        """A stock with its versions, the latest first."""
        return await queries.stock(tx, label_stock)

    @get("/{label_stock:str}/versions/{number:int}/file", operation_id="getLabelStockFile", opt=READ)
    async def file(self, tx: Reading, label_stock: FromPath[str], number: FromPath[int]) -> Response[bytes]:
        """One version as a JSON file, which `biobank labels print --stock` takes."""
        return stock_file(await queries.version(tx, label_stock, number))

    @get("/{label_stock:str}/versions/{number:int}/picture", operation_id="getLabelStockPicture", opt=READ)
    async def picture(self, tx: Reading, label_stock: FromPath[str], number: FromPath[int]) -> Response[str]:
        """The sheet, or the first rows of the roll, as SVG."""
        view = await queries.version(tx, label_stock, number)
        return Response(render_stock_svg(stock_from_data(view.content)), media_type="image/svg+xml")

    @post("/{label_stock:str}/versions", operation_id="measureLabelStock", opt=MANAGE)
    async def measure(
        self, tx: Writing, label_stock: FromPath[str], data: JSONBody[commands.MeasureLabelStock], key: Key
    ) -> LabelStockView:
        """Adds a version with other measures. Printers and records keep the version that they name."""
        action = commands.measure_stock
        return await tx.once(key, data, LabelStockView, lambda: action(tx, label_stock, data), of=label_stock)

    @post("/{label_stock:str}/offer", operation_id="offerLabelStock", opt=MANAGE)
    async def offer(
        self, tx: Writing, label_stock: FromPath[str], data: JSONBody[commands.OfferLabelStock], key: Key
    ) -> LabelStockView:
        """Offers a stock, or offers it no more."""
        action = commands.offer_stock
        return await tx.once(key, data, LabelStockView, lambda: action(tx, label_stock, data), of=label_stock)


router = Router("/api/v1", route_handlers=[LabelStockController])
