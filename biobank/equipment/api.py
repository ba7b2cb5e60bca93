"""Equipment and reagent lots over JSON."""

from litestar import Controller, Router, get, post
from litestar.params import FromPath, FromQuery, JSONBody

from biobank.actor import Permission
from biobank.equipment import commands, queries
from biobank.equipment.queries import EquipmentView, LotView
from biobank.http.deps import Key, Reading, Writing

_MANAGE = {"permission": Permission.EQUIPMENT_MANAGE}


class EquipmentController(Controller):
    path = "/equipment"
    tags = ("Equipment",)

    @get(operation_id="listEquipment", opt={"permission": Permission.SPECIMEN_READ})
    async def equipment(self, tx: Reading, site: FromQuery[str | None] = None) -> list[EquipmentView]:
        """Equipment with its programs, due calibrations first."""
        return list(await queries.equipment(tx, site=site))

    @post(operation_id="addEquipment", opt=_MANAGE)
    async def add(self, tx: Writing, data: JSONBody[commands.AddEquipment], key: Key) -> EquipmentView:
        return await tx.once(key, data, EquipmentView, lambda: commands.add_equipment(tx, data))

    @get("/{site:str}/{code:str}", operation_id="getEquipment", opt={"permission": Permission.SPECIMEN_READ})
    async def item(self, tx: Reading, site: FromPath[str], code: FromPath[str]) -> EquipmentView:
        return await queries.equipment_item(tx, site, code)

    @post("/{site:str}/{code:str}/calibrations", operation_id="calibrateEquipment", opt=_MANAGE)
    async def calibrate(
        self, tx: Writing, site: FromPath[str], code: FromPath[str], data: JSONBody[commands.Calibrate], key: Key
    ) -> EquipmentView:
        return await tx.once(
            key, data, EquipmentView, lambda: commands.calibrate(tx, site, code, data), of=f"{site} {code}"
        )

    @post("/{site:str}/{code:str}/status", operation_id="setEquipmentStatus", opt=_MANAGE)
    async def status(
        self, tx: Writing, site: FromPath[str], code: FromPath[str], data: JSONBody[commands.SetStatus], key: Key
    ) -> EquipmentView:
        return await tx.once(
            key, data, EquipmentView, lambda: commands.set_status(tx, site, code, data), of=f"{site} {code}"
        )

    @post("/{site:str}/{code:str}/programs", operation_id="addEquipmentProgram", opt=_MANAGE)
    async def add_program(
        self, tx: Writing, site: FromPath[str], code: FromPath[str], data: JSONBody[commands.AddProgram], key: Key
    ) -> EquipmentView:
        return await tx.once(
            key, data, EquipmentView, lambda: commands.add_program(tx, site, code, data), of=f"{site} {code}"
        )

    @post(
        "/{site:str}/{code:str}/programs/{program:str}/withdraw", operation_id="withdrawEquipmentProgram", opt=_MANAGE
    )
    async def withdraw_program(
        self,
        tx: Writing,
        site: FromPath[str],
        code: FromPath[str],
        program: FromPath[str],
        data: JSONBody[commands.WithdrawProgram],
        key: Key,
    ) -> EquipmentView:
        return await tx.once(
            key,
            data,
            EquipmentView,
            lambda: commands.withdraw_program(tx, site, code, program, data),
            of=f"{site} {code} {program}",
        )


class ReagentLotController(Controller):
    path = "/reagent-lots"
    tags = ("Equipment",)

    @get(operation_id="listReagentLots", opt={"permission": Permission.SPECIMEN_READ})
    async def lots(self, tx: Reading, site: FromQuery[str | None] = None) -> list[LotView]:
        """Lots that may be used first, expired ones last."""
        return list(await queries.reagent_lots(tx, site=site))

    @post(operation_id="addReagentLot", opt={"permission": Permission.SPECIMEN_PROCESS})
    async def add(self, tx: Writing, data: JSONBody[commands.AddReagentLot], key: Key) -> LotView:
        return await tx.once(key, data, LotView, lambda: commands.add_reagent_lot(tx, data))


router = Router("/api/v1", route_handlers=[EquipmentController, ReagentLotController])
