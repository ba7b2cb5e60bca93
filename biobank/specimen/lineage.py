"""What was made from what: the relatives of a tube as a tree, and the participants whose material is in it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict
from sqlalchemy import ColumnElement, Select, select, union

from biobank.catalogue.models import SpecimenType
from biobank.exact import Exact
from biobank.specimen.models import Custody, Derivation, Specimen
from biobank.tx import ReadTx


class LineageNode(BaseModel):
    """A tube in the tree of what came from what. One with several parents stands under each."""

    model_config = ConfigDict(frozen=True)

    code: str
    title: str
    level: str
    ordinal: int
    quantity: Exact
    unit: str
    existence: str
    quality: str
    hold: str | None
    current: bool
    children: tuple["LineageNode", ...]


@dataclass(frozen=True, slots=True)
class Family:
    """Codes of the nearest relatives, and the tree from the oldest ancestors down."""

    parents: tuple[str, ...]
    children: tuple[str, ...]
    tree: tuple[LineageNode, ...]


async def family(tx: ReadTx, specimen_id: int, reach: ColumnElement[bool]) -> Family:
    """Ancestors and descendants of a tube, those within `reach` only."""
    up = select(Derivation.parent_id.label("id")).where(Derivation.child_id == specimen_id).cte("up", recursive=True)
    up = up.union(select(Derivation.parent_id).join(up, Derivation.child_id == up.c.id))
    down = select(Derivation.child_id.label("id")).where(Derivation.parent_id == specimen_id)
    under = down.cte("down", recursive=True)
    under = under.union(select(Derivation.child_id).join(under, Derivation.parent_id == under.c.id))
    # First who they are, then what they are: in one statement the planner, who cannot know how few they are, reads all
    # tubes.
    related = (await tx.session.execute(union(select(up.c.id), select(under.c.id)))).scalars().all()
    nodes = (
        await tx.session.execute(
            select(
                Specimen.id,
                Specimen.code,
                SpecimenType.title,
                Specimen.level,
                Specimen.ordinal,
                Specimen.quantity,
                Specimen.unit,
                Specimen.existence,
                Specimen.quality,
                Specimen.hold,
            )
            .join(SpecimenType, SpecimenType.code == Specimen.specimen_type)
            .join(Custody, Custody.specimen_id == Specimen.id)
            .where((Specimen.id == specimen_id) | (Specimen.id.in_(related) & reach))
            .order_by(Specimen.id)
        )
    ).all()
    by_id = {node.id: node for node in nodes}
    edges = await tx.session.execute(
        select(Derivation.parent_id, Derivation.child_id)
        .where(Derivation.parent_id.in_(by_id), Derivation.child_id.in_(by_id))
        .order_by(Derivation.parent_id, Derivation.child_id)
    )
    children: dict[int, list[int]] = {}
    parents: dict[int, list[int]] = {}
    for parent_id, child_id in edges:
        children.setdefault(parent_id, []).append(child_id)
        parents.setdefault(child_id, []).append(parent_id)
    roots = [one for one in by_id if one not in parents]
    return Family(
        parents=tuple(by_id[one].code for one in parents.get(specimen_id, ())),
        children=tuple(by_id[one].code for one in children.get(specimen_id, ())),
        tree=_tree(roots, by_id, children, specimen_id, set()),
    )


def _tree(
    level: Sequence[int], nodes: Mapping[int, Any], children: Mapping[int, list[int]], current: int, told: set[int]
) -> tuple[LineageNode, ...]:
    made = []
    for one in level:
        below = children.get(one, ()) if one not in told else ()
        told.add(one)
        fields = {name: value for name, value in nodes[one]._asdict().items() if name != "id"}
        made.append(
            LineageNode(**fields, current=one == current, children=_tree(list(below), nodes, children, current, told))
        )
    return tuple(made)


async def contributors(tx: ReadTx, specimen_ids: Iterable[int]) -> Mapping[int, frozenset[int]]:
    """By specimen id, the participants whose material is in it: its own; for a pool, those of all it was made from.

    The consent gate asks `participant.queries.decisions` about these.
    """
    wanted = set(specimen_ids)
    start = select(Specimen.id.label("origin"), Specimen.id.label("id")).where(Specimen.id.in_(wanted))
    walk = start.cte("walk", recursive=True)
    above = select(walk.c.origin, Derivation.parent_id).join(Derivation, Derivation.child_id == walk.c.id)
    # Only what has no participant of its own is followed up: everything below a primary tube is of its participant.
    pools = above.join(Specimen, Specimen.id == walk.c.id).where(Specimen.participant_id.is_(None))
    walk = walk.union(pools)
    rows = await tx.session.execute(
        select(walk.c.origin, Specimen.participant_id)
        .join(Specimen, Specimen.id == walk.c.id)
        .where(Specimen.participant_id.is_not(None))
    )
    people: dict[int, set[int]] = {one: set() for one in wanted}
    for origin, participant_id in rows:
        people[origin].add(participant_id)
    return {one: frozenset(found) for one, found in people.items()}


def holding(participant_id: int) -> Select[int]:
    """The ids of all tubes that hold material of a participant: their own, and everything that came of it."""
    own = select(Specimen.id).where(Specimen.participant_id == participant_id).cte("holding", recursive=True)
    down = own.union(select(Derivation.child_id).join(own, Derivation.parent_id == own.c.id))
    return select(down.c.id)
