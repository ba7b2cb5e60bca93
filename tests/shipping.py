"""Steps of shipments that many tests take, over the API."""

from typing import Any

PARTY = {
    "code": "ORACLE",
    "name": "Oracle Assay Laboratory",
    "country": "US",
    "address": "5 Harbour Road",
    "contact": "Sample desk",
    "phone": "+1 555 0199",
}
DRY_ICE = {
    "refrigerant": "dry_ice",
    "dry_ice_net_kg": "4.5",
    "temperature_class": "-80",
    "logger_serial": "LOG-0042",
}


async def draft(clerk: Any, **given: Any) -> str:
    """The code of a draft from LAB, to TOR if nothing else is said, with one package of dry ice."""
    body = {"study": "LLS", "from_site": "LAB", "purpose": "Assay of cytokines", "to_site": "TOR", **given}
    made = await clerk.ok("/shipments", body)
    await clerk.ok(f"/shipments/{made['code']}/packages", DRY_ICE)
    return made["code"]


async def version(clerk: Any, code: str) -> int:
    return (await clerk.see(f"/shipments/{code}"))["row_version"]


async def step(clerk: Any, code: str, name: str, **body: Any) -> Any:
    """A finishing step on the shipment as it stands."""
    return await clerk.ok(f"/shipments/{code}/{name}", {"row_version": await version(clerk, code), **body})


async def packed(clerk: Any, tubes: Any, **given: Any) -> str:
    code = await draft(clerk, **given)
    await clerk.ok(f"/shipments/{code}/items", {"tubes": list(tubes)})
    await step(clerk, code, "finish-packing")
    return code


async def shipped(clerk: Any, tubes: Any, **given: Any) -> str:
    code = await packed(clerk, tubes, **given)
    await step(clerk, code, "ship", courier="FedEx", tracking_no="7946 1234 5678", tracking_again="794612345678")
    return code
