"""Everything that a code, or the beginning of one, or the beginning of a name leads to."""

from functools import lru_cache
from typing import Any
from urllib.parse import urlencode

from pydantic import BaseModel, ConfigDict
from sqlalchemy import ARRAY, BigInteger, Select, any_, bindparam, func, literal, or_, select, true, union
from sqlalchemy import text as sql

from biobank import ids
from biobank.actor import Actor, Permission
from biobank.assay.models import AssayRun
from biobank.catalogue.models import SpecimenType
from biobank.db import visible
from biobank.errors import Invalid
from biobank.identifier.models import Identifier
from biobank.labelling.models import LabelRange
from biobank.overview.queries import HREFS, coded, reach_of_code
from biobank.participant.models import Participant
from biobank.picking.models import PickList
from biobank.shipment.models import Shipment
from biobank.specimen.models import Specimen
from biobank.storage.models import Container, ContainerType
from biobank.storage.queries import paths, reach
from biobank.storage.rules import path_words
from biobank.study.models import VisitType
from biobank.tx import ReadTx

FEWEST = 3
"""So many characters narrow a million codes down to some thousands."""
_LOOKED_AT = 200
_NAMES = 20
_DIGITS = 19
# Byte by byte, as the index for beginnings has them, however the database sorts text otherwise.
_BY_CODE = sql("identifier.value using ~<~")


class View(BaseModel):
    model_config = ConfigDict(frozen=True)


class Hit(View):
    """A thing that a code leads to: `code` as it was registered in `namespace`, `name` its own id or name."""

    kind: str
    code: str
    namespace: str
    name: str
    what: str | None
    href: str


class NameHit(View):
    """What has a name that begins with what was asked for: a place and what it stands in, a run, tubes of a type of
    material or of a visit.
    """

    kind: str
    name: str
    what: str
    where: str | None = None
    href: str


class Found(View):
    """What was found. `next` is asked for more with, where more codes begin like this."""

    names: tuple[NameHit, ...]
    codes: tuple[Hit, ...]
    next: str | None


def _prefix(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"


async def search(tx: ReadTx, text: str, *, after: str | None = None) -> Found:
    """The codes that begin with `text`, of any kind and of any maker, in their order; with the first page also places
    and runs by name.

    A page looks at so many codes and no more, whoever asks: of some codes a person may see few.

    Raises:
        Invalid: too short, or `after` is no key.
    """
    wanted = text.strip()
    if len(wanted) < FEWEST:
        raise Invalid(f"Type at least {FEWEST} characters.", errors={"q": f"is shorter than {FEWEST} characters"})
    names = await _names(tx, wanted) if after is None else ()
    codes, following = await _codes(tx, wanted, after)
    return Found(names=names, codes=codes, next=following)


async def _codes(tx: ReadTx, wanted: str, after: str | None) -> tuple[tuple[Hit, ...], str | None]:
    starts = {ids.canonical(wanted), wanted} - {""}
    begins = or_(*(Identifier.value.like(_prefix(start), escape="\\") for start in sorted(starts)))
    looked = select(Identifier.id, Identifier.value).where(begins).order_by(_BY_CODE, Identifier.id)
    if after is not None:
        number, _, value = after.partition(".")
        if not (number.isascii() and number.isdecimal() and len(number) < _DIGITS and value):
            raise Invalid("This is no key of a next page.", errors={"after": "is no key of a next page"})
        behind = or_(Identifier.value.op("~>~")(value), Identifier.id > int(number))
        looked = looked.where(Identifier.value.op("~>=~")(value), behind)
    window = (await tx.session.execute(looked.limit(_LOOKED_AT + 1))).all()
    kept = window[:_LOOKED_AT]
    if not kept:
        return (), None
    rows = await tx.session.execute(_hits(tx.actor), {"kept": [row.id for row in kept]})
    last = kept[-1]
    return tuple(_hit(row) for row in rows), f"{last.id}.{last.value}" if len(window) > _LOOKED_AT else None


@lru_cache(maxsize=128)
def _hits(actor: Actor) -> Select[*tuple[Any, ...]]:
    """What this person may see of the codes `kept`. Made once for each: to make it costs more than to run it. One array
    and not a parameter for each code, so that the statement is always the same and is planned once.
    """
    return (
        coded(
            select(
                Identifier.value,
                Identifier.namespace,
                Specimen.code.label("specimen"),
                SpecimenType.title.label("material"),
                Participant.code.label("participant"),
                Container.code.label("container"),
                Container.name.label("container_name"),
                Shipment.code.label("shipment"),
                PickList.code.label("pick_list"),
                AssayRun.name.label("run"),
                LabelRange.id.label("kit"),
            )
        )
        .outerjoin(SpecimenType, SpecimenType.code == Specimen.specimen_type)
        .where(Identifier.id == any_(bindparam("kept", type_=ARRAY(BigInteger))), reach_of_code(actor.scope))
        .order_by(_BY_CODE, Identifier.id)
    )


_KINDS = {"specimen": "tube", "container": "place", "pick_list": "pick list"}


def _hit(row: Any) -> Hit:
    if row.run is not None:
        return Hit(
            kind="plate", code=row.value, namespace=row.namespace, name=row.run, what=None, href=f"/runs/{row.run}"
        )
    kind = next(kind for kind in HREFS if getattr(row, kind) is not None)
    return Hit(
        kind=_KINDS.get(kind, kind),
        code=row.value,
        namespace=row.namespace,
        name=str(getattr(row, kind)),
        what=row.material or row.container_name,
        href=f"{HREFS[kind]}{getattr(row, kind)}",
    )


async def _names(tx: ReadTx, wanted: str) -> tuple[NameHit, ...]:
    begins = _prefix(wanted.casefold())
    found: list[NameHit] = []
    if tx.actor.may(Permission.STORAGE_READ):
        rows = (
            await tx.session.execute(
                select(Container.id, Container.code, Container.name, ContainerType.title)
                .join(ContainerType, ContainerType.id == Container.type_id)
                .where(
                    func.lower(Container.name).like(begins, escape="\\"),
                    reach(tx.scope(Permission.STORAGE_READ)),
                )
                .order_by(func.lower(Container.name), Container.id)
                .limit(_NAMES)
            )
        ).all()
        ways = await paths(tx, [row.id for row in rows]) if rows else {}
        found += [
            NameHit(
                kind="place",
                name=row.name,
                what=row.title,
                where=path_words(ways[row.id][:-1]) or None,
                href=f"/storage/{row.code}",
            )
            for row in rows
        ]
    if tx.actor.may(Permission.ASSAY_READ):
        runs = await tx.session.execute(
            select(AssayRun.name, AssayRun.status)
            .where(
                func.lower(AssayRun.name).like(begins, escape="\\"),
                visible(tx.scope(Permission.ASSAY_READ), AssayRun.study_id, AssayRun.site_id),
            )
            .order_by(func.lower(AssayRun.name), AssayRun.id)
            .limit(_NAMES)
        )
        found += [NameHit(kind="run", name=row.name, what=row.status, href=f"/runs/{row.name}") for row in runs]
    if tx.actor.may(Permission.SPECIMEN_READ):
        found += await _tubes_of(tx, begins)
    return tuple(found)


async def _tubes_of(tx: ReadTx, begins: str) -> list[NameHit]:
    """The lists of tubes of one type of material, or of one type of visit."""
    within = tx.scope(Permission.SPECIMEN_READ)
    studies = (
        true() if within.everything else VisitType.study_id.in_({*within.studies, *(one for one, _ in within.sites)})
    )
    materials = select(literal("type"), SpecimenType.code, SpecimenType.title)
    visits = select(literal("visit"), VisitType.code, VisitType.title).where(studies)
    either = union(
        *(
            query.where(or_(*(func.lower(column).like(begins, escape="\\") for column in columns)))
            for query, columns in (
                (materials, (SpecimenType.code, SpecimenType.title)),
                (visits, (VisitType.code, VisitType.title)),
            )
        )
    )
    rows = await tx.session.execute(either.order_by(sql("3"), sql("2")).limit(_NAMES))
    return [
        NameHit(kind="tubes", name=title, what=f"tubes by {by}, {code}", href=f"/specimens?{urlencode({by: code})}")
        for by, code, title in rows
    ]
