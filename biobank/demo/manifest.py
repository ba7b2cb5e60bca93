"""The manifest of a made-up consignment, frozen by the shipment slice itself."""

from zoneinfo import ZoneInfo

from biobank.demo import consign, plan
from biobank.demo.bulk import Row
from biobank.demo.consign import Consignment
from biobank.demo.material import Tube
from biobank.shipment.manifest import Address, Box, Frozen, Line, freeze


def address(site: plan.SitePlan) -> Address:
    contact = "Biorepository desk" if site is plan.CENTRAL else "Study desk"
    return Address(site.code, site.name, site.country, site.address, contact, f"+1 555 01{plan.SITES.index(site):02d}")


def packed_tubes(one: Consignment, *, extra: bool = False) -> list[Tube]:
    """The tubes that were put in: of a draft half of them so far, and not the one that nobody listed, unless
    `extra` is asked for.
    """
    if one.fate == "draft":
        return one.tubes[: (len(one.tubes) + 1) // 2]
    return one.tubes[:-1] if one.fate == "received" and not extra else one.tubes


def freeze_manifest(
    one: Consignment, code: str, packages: list[tuple[str, str, int]], titles: dict[str, str]
) -> Frozen:
    """What the paper said when packing was finished. `packages` are temperature class, code and number."""
    numbers = {temperature: number for temperature, _, number in packages}
    return freeze(
        shipment=code,
        study=plan.STUDY,
        protocol_no=plan.PROTOCOL,
        sender=address(one.site),
        consignee=address(plan.CENTRAL),
        purpose=plan.PURPOSE,
        classification=plan.CLASSIFICATION,
        packed_on=one.times.packed.astimezone(ZoneInfo(one.site.timezone)).date().isoformat(),
        boxes=[box(name, number, temperature) for temperature, name, number in packages],
        lines=[
            Line(tube.code, tube.type, titles[tube.type], tube.quantity, tube.unit, numbers[consign.package_of(tube)])
            for tube in packed_tubes(one)
        ],
    )


def box(code: str, number: int, temperature: str) -> Box:
    ice = plan.DRY_ICE_KG if temperature == "-80" else None
    return Box(number, code, consign.REFRIGERANT[temperature], ice, temperature, f"LG-{code[-4:]}")


def package_row(shipment: int, temperature: str, code: str, number: int) -> Row:
    """The package as it is stored, the same as on the paper."""
    made = box(code, number, temperature)
    return (code, shipment, number, made.refrigerant, made.dry_ice_net_kg, temperature, made.logger_serial)
