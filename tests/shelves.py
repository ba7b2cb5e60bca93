"""A freezer with a rack and boxes, made through the API by the manager, for tests of whatever stands in them."""

from typing import Any


async def freezer(
    api: Any, *, site: str = "LAB", kind: str = "ULT", temperature: str = "-80", name: str = "Freezer 3"
) -> str:
    made = await api("administrator").ok(
        "/containers", {"type": kind, "name": name, "site": site, "temperature_class": temperature}
    )
    return str(made["code"])


async def rack(api: Any, parent: str, *, site: str = "LAB", name: str = "Rack B") -> str:
    made = await api("administrator").ok("/containers", {"type": "RACK", "name": name, "site": site, "parent": parent})
    return str(made["code"])


async def box(api: Any, parent: str, *, site: str = "LAB", kind: str = "BOX81", name: str = "Box 12") -> str:
    made = await api("administrator").ok("/containers", {"type": kind, "name": name, "site": site, "parent": parent})
    return str(made["code"])


async def boxed(api: Any, **extra: Any) -> str:
    """A box in a rack in a freezer at the laboratory."""
    return await box(api, await rack(api, await freezer(api)), **extra)
