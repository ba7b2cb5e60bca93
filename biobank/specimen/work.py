"""What every kind of work on tubes shares: the tubes at hand, locked and fit for it, the event, and the new vials."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from sqlalchemy import func, select

from biobank import ids
from biobank.actor import Permission
from biobank.errors import Invalid
from biobank.labelling.taking import label_codes, take
from biobank.participant.queries import decisions
from biobank.participant.rules import check_consent
from biobank.specimen import lineage, queries, rules
from biobank.specimen.claiming import check_unclaimed
from biobank.specimen.claims import claims
from biobank.specimen.custody import WithHolder, begin_custody
from biobank.specimen.models import Custody, Derivation, Specimen
from biobank.specimen.queries import SpecimenRow
from biobank.specimen.record import View
from biobank.tx import Tx

MOST = 10**9
Quantity = Annotated[Decimal, Field(gt=0, le=MOST, decimal_places=6, description="Above zero, exact.")]
Amount = Annotated[Decimal, Field(ge=0, le=MOST, decimal_places=6)]
Unit = Annotated[str | None, Field(max_length=20, description="UCUM; absent: the unit of the specimen type.")]
TypeCode = Annotated[str, Field(min_length=1, max_length=16)]
TubeId = Annotated[str, Field(min_length=1, max_length=40, description="A tube's house id, as typed or scanned.")]
Reason = Annotated[str, Field(min_length=3, max_length=500)]
Basis = Literal["measured", "nominal"]
Text = Annotated[str | None, Field(min_length=1, max_length=200)]
Override = Annotated[
    str | None, Field(min_length=3, max_length=500, description="Why a tube is used that somebody else claimed.")
]
Label = Annotated[
    str | None,
    Field(
        min_length=1, max_length=200, description="The pre-printed label on the tube, as scanned; absent: a new code."
    ),
]
Labels = Annotated[
    tuple[Annotated[str, Field(min_length=1, max_length=200)], ...],
    Field(max_length=100, description="Pre-printed labels that are on the new tubes, as scanned."),
]
Celsius = Annotated[Decimal | None, Field(ge=-273, le=200, decimal_places=2)]


class Command(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class NamedDeviation(Command):
    """What went other than planned, by its code."""

    type: Annotated[str, Field(min_length=1, max_length=40, description="A deviation type.")]
    comment: Annotated[str | None, Field(min_length=1, max_length=500)] = None


class ReagentUse(Command):
    reagent: Annotated[str, Field(min_length=1, max_length=80)]
    lot: Annotated[str, Field(min_length=1, max_length=40)]


class Work(Command):
    """When work was done, with what and by which procedure.

    Equipment and program are codes of the site where the tubes are. Settings that are not given are those of the
    program. `held_celsius`: at which the tubes were kept until it began, since the collection or the spin before.
    `override` says why a tube is used that somebody else reserved or has on a pick list: without it the work is
    refused. `deviation` names what went other than planned: with it, work that would be refused for its tubes, steps,
    lots or times is recorded with a warning.
    """

    started_at: AwareDatetime
    ended_at: AwareDatetime | None = None
    equipment: Annotated[str | None, Field(min_length=1, max_length=20)] = None
    program: Annotated[str | None, Field(min_length=1, max_length=20)] = None
    g_force: Annotated[Decimal | None, Field(gt=0, le=1_000_000, decimal_places=2)] = None
    minutes: Annotated[Decimal | None, Field(gt=0, le=100_000, decimal_places=2)] = None
    celsius: Celsius = None
    held_celsius: Celsius = None
    brake: bool | None = None
    reagents: Annotated[tuple[ReagentUse, ...], Field(max_length=20)] = ()
    sop_version: Text = None
    deviation: NamedDeviation | None = None
    override: Override = None


class Making(Work):
    """Work that makes vials, and how their contents are known."""

    basis: Basis = "nominal"


class MadeView(View):
    """What was taken from, with what is left in it, and the new tubes."""

    parents: tuple[SpecimenRow, ...]
    made: tuple[SpecimenRow, ...]


@dataclass(frozen=True, slots=True)
class AtHand:
    """Tubes that may be worked on now, locked, the one study and site that they are at, and whose claims on them the
    work overrides, by tube.
    """

    tubes: list[Specimen]
    study_id: int
    site_id: int
    overridden: Mapping[str, str] = field(default_factory=dict)

    def told(self, override: str | None) -> dict[str, Any]:
        """For the event: the claims of others that were overridden, and why."""
        return {"overridden": dict(self.overridden), "override": override} if self.overridden else {}


def _state(tube: Specimen, custody: Custody) -> rules.TubeState:
    place = "package" if custody.package_id else "party" if custody.external_party_id else "here"
    return rules.TubeState(tube.code, tube.existence, tube.quality, tube.hold, place)


async def at_hand(
    tx: Tx,
    texts: Iterable[str],
    field: str,
    *,
    quality: bool = True,
    consent: bool = False,
    uses: bool = False,
    override: str | None = None,
) -> AtHand:
    """Tubes by what was scanned, locked, after all checks that every kind of work shares. `uses`: the work changes or
    spends what they hold, so that claims of others keep it off unless `override` says why.

    Raises:
    TubeReserved: somebody else claimed a tube; naming who, for what.
    NotFound: a tube is unknown or out of reach.
    TubeNotUsable: a tube is gone, away, on hold or set apart.
    Invalid: a tube is named twice, or the tubes are not of one study at one site.
    """
    codes = [queries.tube_code(text, field) for text in texts]
    rules.check_each_once(codes, field)
    found = await queries.find_specimens(tx, codes, Permission.SPECIMEN_PROCESS, lock=True)
    if consent:
        await consent_gate(tx, [tube for tube, _ in found])
    rules.check_usable((_state(tube, custody) for tube, custody in found), quality=quality)
    places = {(tube.study_id, custody.site_id) for tube, custody in found}
    if len(places) > 1:
        raise Invalid(
            "These tubes are not of one study at one site: record the work of each apart.",
            errors={field: "are not of one study at one site"},
        )
    ((study_id, site_id),) = places
    tubes = [tube for tube, _ in found]
    overridden = await unclaimed(tx, tubes, override) if uses else {}
    return AtHand(tubes, study_id, site_id or found[0][0].site_id, overridden)


async def unclaimed(
    tx: Tx, tubes: Collection[Specimen], override: str | None, undone: str = "Nothing was recorded"
) -> dict[str, str]:
    """By tube, what is overridden of others' claims on tubes that are locked: whoever claims one waits for that lock.

    Raises:
        TubeReserved: naming every tube that somebody else claimed, who and what for.
    """
    claimed = await claims(tx, [tube.id for tube in tubes])
    named = {tube.code: claimed[tube.id] for tube in tubes if tube.id in claimed}
    return check_unclaimed(named, override, undone)


def hands(tx: Tx) -> int:
    """Who has new tubes in hand.

    Raises:
        Invalid: the service itself has no hands.
    """
    if tx.actor.user_id is None:
        raise Invalid("Tubes are registered by a person, not by the service itself.")
    return tx.actor.user_id


async def in_vials(
    tx: Tx, quantities: Sequence[Decimal], unit: str | None, kind: rules.Kind, tube_type: str
) -> list[Decimal]:
    tube = await queries.tube_kind(tx, tube_type)
    contents = [rules.in_unit(quantity, unit, kind, "unit") for quantity in quantities]
    for quantity in contents:
        rules.check_fits(quantity, kind, tube, "quantities")
    return contents


async def consent_gate(tx: Tx, tubes: Iterable[Specimen]) -> None:
    """The consent gate for all whose material is in the tubes, held until the commit."""
    people = (await lineage.contributors(tx, [tube.id for tube in tubes])).values()
    check_consent(await decisions(tx, set().union(*people)), rules.CONSENT_TO_KEEP)


async def codes_for(tx: Tx, labels: Sequence[str | None], study_id: int, site_id: int, field: str) -> list[str]:
    """A code for each new tube: that of the pre-printed label on it, which is taken, or a fresh one.

    Raises:
        Invalid, UnknownLabel, LabelNotIssued, LabelOfAnotherSite, LabelVoided, LabelApplied: a label that is not to be
            used at this site.
    """
    printed = label_codes([label for label in labels if label is not None], field)
    if printed:
        await take(tx, printed, study_id, site_id, hands(tx))
    given = iter(printed)
    return [ids.mint(ids.Kind.TUBE, tx.randomness) if label is None else next(given) for label in labels]


async def make(
    tx: Tx,
    work: AtHand,
    event_id: int,
    kind: rules.Kind,
    *,
    tube_type: str,
    common: dict[str, Any],
    each: Sequence[Mapping[str, Any]] = (),
    quantities: Sequence[Decimal],
    nominal: Decimal | None,
    labels: Sequence[str | None] = (),
) -> list[tuple[int, Decimal]]:
    """New tubes with their lineage, in the operator's hands; `each` is what differs from vial to vial, and
    `labels` the pre-printed ones that are on them, in their order.

    Their ordinals follow those of the first parent's earlier children of the type.
    """
    children = select(Derivation.child_id).where(Derivation.parent_id == work.tubes[0].id)
    earlier = select(func.coalesce(func.max(Specimen.ordinal), 0)).where(
        Specimen.id.in_(children), Specimen.specimen_type == kind.code
    )
    highest = (await tx.session.execute(earlier)).scalar_one()
    labelled = [*labels, *(None,) * (len(quantities) - len(labels))]
    codes = await codes_for(tx, labelled, work.study_id, work.site_id, "labels")
    rows = [
        {
            **common,
            "code": codes[number],
            "study_id": work.study_id,
            "specimen_type": kind.code,
            "tube_type": tube_type,
            "ordinal": highest + 1 + number,
            "unit": kind.unit,
            "is_partial": nominal is not None and quantity < nominal,
            **(each[number] if each else {}),
        }
        for number, quantity in enumerate(quantities)
    ]
    made = await tx.insert(Specimen, rows)
    await begin_custody(tx, [(one, WithHolder(hands(tx), work.site_id)) for one in made])
    await tx.insert(
        Derivation,
        [
            {"child_id": one, "parent_id": tube.id, "processing_event_id": event_id}
            for one in made
            for tube in work.tubes
        ],
    )
    return list(zip(made, quantities, strict=True))


async def made_view(tx: Tx, work: AtHand, made: Sequence[tuple[int, Decimal]]) -> MadeView:
    return MadeView(
        parents=await queries.rows_of(tx, [tube.id for tube in work.tubes]),
        made=await queries.rows_of(tx, [one for one, _ in made]),
    )


def record(tx: Tx, verb: str, tube: Specimen, work: AtHand, reason: str, override: str | None = None) -> None:
    tx.record(
        verb,
        subject="specimen",
        subject_id=tube.id,
        study_id=tube.study_id,
        site_id=work.site_id,
        reason=reason,
        specimen=tube.code,
        **work.told(override),
    )
