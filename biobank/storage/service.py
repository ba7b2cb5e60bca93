"""Containers are taken into use, declared full, serviced, set in alarm and retired."""

from typing import Literal

from sqlalchemy import exists, func, select, update

from biobank.actor import Permission
from biobank.errors import Forbidden
from biobank.specimen.models import Custody
from biobank.storage import occupancy, queries, rules
from biobank.storage.commands import Command, Reason
from biobank.storage.containers import check_version
from biobank.storage.models import Container, ReservedPosition, StorageReservation
from biobank.storage.occupancy import ContainerView
from biobank.tx import Tx


class SetStatus(Command):
    """The state of a container from here on. Out of service, in alarm and out of use want their reason."""

    status: Literal["active", "full", "maintenance", "alarm", "decommissioned"]
    row_version: int
    reason: Reason | None = None


async def set_status(tx: Tx, code: str, command: SetStatus) -> ContainerView:
    """Change the state of a container. Retired, it goes out of use for good with all that stands in it.

    Raises:
        Stale: somebody moved or changed it meanwhile.
        StatusRefused: its state does not become that one, no reason is given, or something is in what is retired.
        Forbidden: a manager does this.
    """
    found, _ = await queries.find_container(tx, code, Permission.STORAGE_READ, lock=True)
    check_version(found, command.row_version)
    rules.check_status(found.name, found.status, command.status, command.reason)
    manages = await _holds(tx, found, Permission.STORAGE_MANAGE)
    if not manages and rules.needs_manager(found.status, command.status):
        raise Forbidden(f"{found.name} is {rules.STATUS_WORDS[found.status]}: a manager of storage decides on this.")
    if not manages and not await _holds(tx, found, Permission.STORAGE_STORE):
        raise Forbidden("Your roles at this site do not include storing tubes.")
    before = found.status
    retired = await _retire(tx, found) if command.status == "decommissioned" else 0
    found.status = command.status
    found.row_version += 1
    await tx.session.flush()
    tx.record(
        "container.status_set",
        subject="container",
        subject_id=found.id,
        site_id=found.site_id,
        reason=command.reason,
        container=found.code,
        status=command.status,
        before=before,
        with_it=retired,
    )
    return await occupancy.container(tx, found.code)


async def _holds(tx: Tx, found: Container, permission: Permission) -> bool:
    reached = select(exists().where(Container.id == found.id, queries.reach(tx.scope(permission))))
    return bool((await tx.session.execute(reached)).scalar_one())


async def _retire(tx: Tx, found: Container) -> int:
    """Everything below goes out of use too, once nothing is in it. Whoever is about to put something there holds its
    container, so all are held before anybody looks. Returns how many go with it.
    """
    down = queries.below(Container.id == found.id)
    inside = select(Container.id).where(Container.id.in_(select(down.c.id))).order_by(Container.id)
    held = (await tx.session.execute(inside.with_for_update())).scalars().all()
    tubes = select(func.count()).select_from(Custody).where(Custody.container_id.in_(held))
    reserved = exists().where(
        ReservedPosition.container_id.in_(held),
        ReservedPosition.ended_at.is_(None),
        ReservedPosition.reservation_id == StorageReservation.id,
        StorageReservation.expires_at > tx.now,
    )
    row = (await tx.session.execute(select(tubes.scalar_subquery().label("tubes"), reserved.label("reserved")))).one()
    rules.check_retirable(found.name, row.tubes, reserved=row.reserved)
    below = [one for one in held if one != found.id]
    await tx.session.execute(
        update(Container)
        .where(Container.id.in_(below), Container.status != "decommissioned")
        .values(status="decommissioned", row_version=Container.row_version + 1)
    )
    return len(below)
