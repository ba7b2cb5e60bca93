"""Containers and the places of tubes over JSON."""

from uuid import UUID

from litestar import Controller, Response, Router, get, post, put
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import FromPath, FromQuery, JSONBody

from biobank.actor import Permission
from biobank.http.deps import Key, Reading, Writing
from biobank.http.paging import After, Limit
from biobank.paging import Page
from biobank.storage import (
    boxes,
    commands,
    container_types,
    containers,
    failure,
    occupancy,
    planting,
    reservations,
    reserving,
    service,
    space,
)
from biobank.storage.boxes import BoxView
from biobank.storage.commands import PlacementView, SwapView
from biobank.storage.container_types import TypeView
from biobank.storage.failure import ContainerThawedView
from biobank.storage.occupancy import CapacityView, ContainerRow, ContainerView
from biobank.storage.pages import box_map
from biobank.storage.planting import TreeView
from biobank.storage.reservations import ReservationView
from biobank.storage.space import SpaceView


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

    @post("/import", operation_id="importContainers", opt={"permission": Permission.STORAGE_MANAGE})
    async def import_tree(self, tx: Writing, data: JSONBody[planting.ImportTree], key: Key) -> TreeView:
        """A tree of places from a CSV file, all or nothing. The same file again changes nothing."""
        return await tx.once(key, data, TreeView, lambda: planting.import_tree(tx, data))

    @post("/{code:str}/copies", operation_id="copyContainer", opt={"permission": Permission.STORAGE_MANAGE})
    async def copy(
        self, tx: Writing, code: FromPath[str], data: JSONBody[planting.CopyContainer], key: Key
    ) -> TreeView:
        """Another freezer like this one, or several, with codes of their own and nothing in them."""
        return await tx.once(key, data, TreeView, lambda: planting.copy_container(tx, code, data), of=code)

    @put("/{code:str}", operation_id="changeContainer", opt={"permission": Permission.STORAGE_MANAGE})
    async def change(
        self, tx: Writing, code: FromPath[str], data: JSONBody[containers.ChangeContainer], key: Key
    ) -> ContainerView:
        """Another name, or while nothing stands in it another type."""
        return await tx.once(key, data, ContainerView, lambda: containers.change_container(tx, code, data), of=code)

    @get("/{code:str}", operation_id="getContainer", opt={"permission": Permission.STORAGE_READ})
    async def container(self, tx: Reading, code: FromPath[str]) -> ContainerView:
        return await occupancy.container(tx, code)

    @get("/{code:str}/capacity", operation_id="getCapacity", opt={"permission": Permission.STORAGE_READ})
    async def capacity(self, tx: Reading, code: FromPath[str]) -> CapacityView:
        """How full a box, a freezer or a whole building is, by type of box."""
        return await occupancy.capacity(tx, code)

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

    @post("/{code:str}/status", operation_id="setContainerStatus", opt={"permission": Permission.STORAGE_READ})
    async def set_status(
        self, tx: Writing, code: FromPath[str], data: JSONBody[service.SetStatus], key: Key
    ) -> ContainerView:
        """Take a container into use, declare it full, out of service or in alarm, or retire it with all in it."""
        return await tx.once(key, data, ContainerView, lambda: service.set_status(tx, code, data), of=code)

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


class ContainerTypeController(Controller):
    path = "/container-types"
    tags = ("Storage",)

    @get(operation_id="listContainerTypes", opt={"permission": Permission.STORAGE_READ})
    async def all(self, tx: Reading) -> list[TypeView]:
        return await container_types.container_types(tx)

    @post(operation_id="addContainerType", opt={"permission": Permission.STORAGE_MANAGE})
    async def add(self, tx: Writing, data: JSONBody[container_types.AddType], key: Key) -> TypeView:
        return await tx.once(key, data, TypeView, lambda: container_types.add_type(tx, data))

    @get("/{code:str}", operation_id="getContainerType", opt={"permission": Permission.STORAGE_READ})
    async def one(self, tx: Reading, code: FromPath[str]) -> TypeView:
        return await container_types.container_type(tx, code)

    @put("/{code:str}", operation_id="changeContainerType", opt={"permission": Permission.STORAGE_MANAGE})
    async def change(
        self, tx: Writing, code: FromPath[str], data: JSONBody[container_types.ChangeType], key: Key
    ) -> TypeView:
        """What a type says, as a whole. Its grid stays while something stands in a container of it."""
        return await tx.once(key, data, TypeView, lambda: container_types.change_type(tx, code, data), of=code)


class SpaceController(Controller):
    path = "/space"
    tags = ("Storage",)

    @get(operation_id="findSpace", opt={"permission": Permission.STORAGE_READ})
    async def find(
        self,
        tx: Reading,
        site: FromQuery[str],
        temperature_class: FromQuery[str],
        count: FromQuery[int],
        tube_format: FromQuery[str | None] = None,
        box: FromQuery[str | None] = None,
    ) -> SpaceView:
        """Room for so many tubes, or with `box` for so many boxes of that type, in walking order."""
        return await space.find_space(
            tx, site=site, temperature_class=temperature_class, count=count, tube_format=tube_format, box=box
        )

    @get("/reservations", operation_id="listSpaceReservations", opt={"permission": Permission.STORAGE_READ})
    async def reservations(self, tx: Reading, site: FromQuery[str | None] = None) -> list[ReservationView]:
        """What is kept free now, the next to expire first."""
        return await reservations.reservations(tx, site=site)

    @post("/reservations", operation_id="reserveSpace", opt={"permission": Permission.STORAGE_STORE})
    async def reserve(self, tx: Writing, data: JSONBody[reserving.ReserveSpace], key: Key) -> ReservationView:
        return await tx.once(key, data, ReservationView, lambda: reserving.reserve(tx, data))

    @get(
        "/reservations/{reservation:uuid}",
        operation_id="getSpaceReservation",
        opt={"permission": Permission.STORAGE_READ},
    )
    async def one(self, tx: Reading, reservation: FromPath[UUID]) -> ReservationView:
        return await reservations.reservation(tx, reservation)

    @post(
        "/reservations/{reservation:uuid}/release",
        operation_id="releaseSpace",
        opt={"permission": Permission.STORAGE_STORE},
    )
    async def release(
        self, tx: Writing, reservation: FromPath[UUID], data: JSONBody[reserving.ReleaseSpace], key: Key
    ) -> ReservationView:
        return await tx.once(
            key, data, ReservationView, lambda: reserving.release(tx, reservation, data), of=str(reservation)
        )


router = Router(
    "/api/v1",
    route_handlers=[ContainerController, StorageController, ContainerTypeController, SpaceController],
)
