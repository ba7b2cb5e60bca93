"""When storage fails: everything that stands in a container, at any depth, warmed up."""

from sqlalchemy import func, select

from biobank.actor import Permission
from biobank.errors import Invalid, TooLarge
from biobank.specimen.models import Custody, Specimen
from biobank.specimen.queries import hold_donors, within
from biobank.specimen.thawing import Thawed, ThawedView, thaw
from biobank.storage import queries
from biobank.storage.models import Container
from biobank.tx import Tx

MOST_TUBES = 20_000


class ContainerThawed(Thawed):
    """All tubes in a freezer, a rack or a box warmed up."""


class ContainerThawedView(ThawedView):
    """`others` stand in it and are not within reach: their people must be told."""

    container: str
    others: int


async def thaw_container(tx: Tx, code: str, command: ContainerThawed) -> ContainerThawedView:
    """One thaw more of every tube within reach that stands in a container now, at any depth.

    Raises:
        NotFound: no such container within reach.
        TooLarge: more tubes than are recorded at once: record it rack by rack.
        Invalid: nothing stands in it, or a moment that cannot be.
    """
    container, _ = await queries.find_container(tx, code, Permission.STORAGE_READ)
    down = queries.below(Container.id == container.id)
    standing = select(Custody.specimen_id).where(Custody.container_id.in_(select(down.c.id)))
    count = (await tx.session.execute(select(func.count()).select_from(standing.subquery()))).scalar_one()
    if count > MOST_TUBES:
        raise TooLarge(f"{container.name} holds {count} tubes, and {MOST_TUBES} are recorded at once: go rack by rack.")
    inside = Specimen.id.in_(standing)
    await hold_donors(tx, inside)
    rows = await tx.session.execute(
        select(Specimen, Custody)
        .join(Custody, Custody.specimen_id == Specimen.id)
        .where(inside, within(tx.scope(Permission.SPECIMEN_PROCESS)))
        .order_by(Specimen.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    found = [(row.Specimen, row.Custody) for row in rows]
    if not found:
        raise Invalid(f"No tube within your reach stands in {container.name}.")
    done = await thaw(tx, found, command)
    return ContainerThawedView(**done.model_dump(), container=container.code, others=count - len(found))
