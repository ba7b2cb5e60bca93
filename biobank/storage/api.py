"""Containers and the places of tubes over JSON."""

from litestar import Controller, Response, Router, get, post
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import FromPath, FromQuery, JSONBody

from biobank.actor import Permission
from biobank.http.deps import Key, Reading, Writing
from biobank.http.paging import After, Limit
from biobank.paging import Page
from biobank.storage import boxes, commands, containers, failure, occupancy
from biobank.storage.boxes import BoxView
from biobank.storage.commands import PlacementView, SwapView
from biobank.storage.failure import ContainerThawedView
from biobank.storage.occupancy import ContainerRow, ContainerView
from biobank.storage.pages import box_map


class ContainerController(Controller):
    path = "/containers"
    tags = ("Storage",)

    @get(operation_id="listContainers", opt={"permission": Permission.STORAGE_READ})
    async def outermost(
        self,
        tx: Reading,
        parent: FromQuery[str | None] = None,
        site: FromQuery[str | None] = None,
        after: After = 0,
        limit: Limit = 50,
    ) -> Page[ContainerRow]:
        """The outermost containers, or those in `parent`, each with what stands in it at any depth."""
        return await occupancy.containers(tx, parent=parent, site=site, after=after, limit=limit)

    @post(operation_id="addContainer", opt={"permission": Permission.STORAGE_MANAGE})
    async def add(self, tx: Writing, data: JSONBody[containers.AddContainer], key: Key) -> ContainerView:
        return await tx.once(key, data, ContainerView, lambda: containers.add_container(tx, data))

    @get("/{code:str}", operation_id="getContainer", opt={"permission": Permission.STORAGE_READ})
    async def container(self, tx: Reading, code: FromPath[str]) -> ContainerView:
        return await occupancy.container(tx, code)

    @get("/{code:str}/box", operation_id="getBox", opt={"permission": Permission.STORAGE_READ})
    async def box(self, tx: Reading, code: FromPath[str]) -> BoxView:
        return await boxes.box(tx, code)

    @get(
        "/{code:str}/box/map",
        operation_id="printBoxMap",
        opt={"permission": Permission.STORAGE_READ},
        responses={
            200: ResponseSpec(
                bytes, generate_examples=False, media_type="application/pdf", description="The box on paper."
            )
        },
    )
    async def box_map(self, tx: Reading, code: FromPath[str]) -> Response[bytes]:
        """What stands where in a box, as a page to print."""
        return await box_map(tx, code)

    @post("/{code:str}/move", operation_id="moveContainer", opt={"permission": Permission.STORAGE_STORE})
    async def move(
        self, tx: Writing, code: FromPath[str], data: JSONBody[containers.MoveContainer], key: Key
    ) -> ContainerView:
        return await tx.once(key, data, ContainerView, lambda: containers.move_container(tx, code, data), of=code)

    @post("/{code:str}/move-back", operation_id="moveContainerBack", opt={"permission": Permission.STORAGE_STORE})
    async def move_back(
        self, tx: Writing, code: FromPath[str], data: JSONBody[containers.MoveBack], key: Key
    ) -> ContainerView:
        """Put a container back to where your last move took it from, within the shift."""
        return await tx.once(key, data, ContainerView, lambda: containers.move_back(tx, code, data), of=code)

    @post("/{code:str}/thaw", operation_id="thawContainer", opt={"permission": Permission.SPECIMEN_PROCESS})
    async def thaw(
        self, tx: Writing, code: FromPath[str], data: JSONBody[failure.ContainerThawed], key: Key
    ) -> ContainerThawedView:
        return await tx.once(key, data, ContainerThawedView, lambda: failure.thaw_container(tx, code, data), of=code)


class StorageController(Controller):
    path = "/storage"
    tags = ("Storage",)

    @post("/placements", operation_id="storeTube", opt={"permission": Permission.STORAGE_STORE})
    async def store(self, tx: Writing, data: JSONBody[commands.StoreTube], key: Key) -> PlacementView:
        return await tx.once(key, data, PlacementView, lambda: commands.store(tx, data))

    @post("/swaps", operation_id="swapTubes", opt={"permission": Permission.STORAGE_STORE})
    async def swap(self, tx: Writing, data: JSONBody[commands.SwapTubes], key: Key) -> SwapView:
        return await tx.once(key, data, SwapView, lambda: commands.swap(tx, data))

    @post("/removals", operation_id="takeTubeOut", opt={"permission": Permission.STORAGE_STORE})
    async def take_out(self, tx: Writing, data: JSONBody[commands.TakeOut], key: Key) -> PlacementView:
        return await tx.once(key, data, PlacementView, lambda: commands.take_out(tx, data))

    @post("/undo", operation_id="undoMove", opt={"permission": Permission.STORAGE_STORE})
    async def undo(self, tx: Writing, data: JSONBody[commands.UndoMove], key: Key) -> SwapView:
        """Put tubes back to where one deed of yours took them from, within the shift."""
        return await tx.once(key, data, SwapView, lambda: commands.undo(tx, data))


router = Router("/api/v1", route_handlers=[ContainerController, StorageController])
