"""BRISQ (Moore 2011): the fifteen items that a paper says of the samples it used, for a set of tubes.

Pure functions on plain values. What nobody recorded is said to be not recorded.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from statistics import median

from biobank import csvfile
from biobank.exact import plain

NOT_RECORDED = "not recorded"


@dataclass(frozen=True, slots=True)
class Sample:
    """What is known of a tube. Texts are titles of code tables; None is not recorded.

    `stored_from` and `stored_until`: long-term storage, until None: still. `shipped`: each temperature that it was sent
    at. `sex` is None where it is not recorded or may not be told to this person.
    """

    tube: str
    participant: str | None
    type_title: str
    cohort: str | None
    sex: str | None
    container: str | None
    stabilisation: str | None
    preservation: str | None
    storage: str | None
    stored_from: datetime | None
    stored_until: datetime | None
    shipped: tuple[str, ...]
    measured: tuple[tuple[str, Decimal, str | None], ...]
    sprec: str | None
    sprec_version: str | None


@dataclass(frozen=True, slots=True)
class Item:
    """One of the fifteen. `recorded`: something of it is known."""

    number: int
    name: str
    text: str
    recorded: bool


def items(samples: Sequence[Sample], now: datetime) -> tuple[Item, ...]:
    """The fifteen items of tier 1, in their order."""
    mechanisms = _counts(f"collected into {one.container}" if one.container else None for one in samples)
    sent = _counts(how for one in samples for how in one.shipped or ("not shipped",))
    told: tuple[tuple[str, str | None], ...] = (
        ("Biospecimen type", _counts(one.type_title for one in samples)),
        ("Anatomical site", None),
        ("Disease status of patients", _counts(one.cohort for one in samples)),
        ("Clinical characteristics of patients", _people(samples)),
        ("Vital state of patients", None),
        ("Clinical diagnosis of patients", None),
        ("Pathology diagnosis", None),
        ("Collection mechanism", mechanisms and f"{mechanisms}; by which procedure is {NOT_RECORDED}"),
        ("Type of stabilisation", _counts(one.stabilisation for one in samples)),
        ("Type of long-term preservation", _counts(one.preservation for one in samples)),
        ("Constitution of preservative", None),
        ("Storage temperature", _counts(one.storage for one in samples)),
        ("Storage duration", _durations(samples, now)),
        ("Shipping temperature", sent),
        ("Composition assessment and selection", _measurements(samples)),
    )
    return tuple(
        Item(number, name, text or NOT_RECORDED, text is not None) for number, (name, text) in enumerate(told, start=1)
    )


def _counts(texts: Iterable[str | None]) -> str | None:
    """`Serum (12), Plasma (4), not recorded (1)`; None where nothing at all is known."""
    found = Counter(texts)
    unknown = found.pop(None, 0)
    if not found:
        return None
    parts = [f"{text} ({number})" for text, number in sorted(found.items(), key=lambda pair: (-pair[1], str(pair[0])))]
    return ", ".join([*parts, f"{NOT_RECORDED} ({unknown})"] if unknown else parts)


def _people(samples: Sequence[Sample]) -> str | None:
    by_person = {one.participant: one.sex for one in samples if one.participant is not None}
    told = _counts(by_person.values())
    return (
        None
        if told is None
        else f"sex at birth of {len(by_person)} participant{'' if len(by_person) == 1 else 's'}: {told}"
    )


def _durations(samples: Sequence[Sample], now: datetime) -> str | None:
    days = sorted(Decimal(_days(one, now)) for one in samples if one.stored_from is not None)
    if not days:
        return None
    text = f"median {_number(median(days))} days (range {days[0]} to {days[-1]})"
    if days[0] == days[-1]:
        text = f"{days[0]} days"
    missing = len(samples) - len(days)
    return f"{text}, {NOT_RECORDED} ({missing})" if missing else text


def _days(one: Sample, now: datetime) -> int:
    assert one.stored_from is not None  # noqa: S101  # asked of stored ones only
    return max(0, ((one.stored_until or now) - one.stored_from).days)


def _number(value: Decimal) -> str:
    return f"{plain(value):f}"


def _measurements(samples: Sequence[Sample]) -> str | None:
    """Median and range of each measured quality, and of how many tubes."""
    values: dict[tuple[str, str | None], list[Decimal]] = {}
    for one in samples:
        for title, value, unit in one.measured:
            values.setdefault((title, unit), []).append(value)
    if not values:
        return None
    parts = []
    for (title, unit), found in sorted(values.items(), key=lambda pair: pair[0][0]):
        found.sort()
        of = f" {unit}" if unit else ""
        spread = "" if len(found) == 1 else f" ({_number(found[0])} to {_number(found[-1])})"
        parts.append(f"{title} {_number(median(found))}{of}{spread} in {len(found)} of {len(samples)}")
    return "; ".join(parts)


def paragraph(samples: Sequence[Sample], found: Sequence[Item]) -> str:
    """The items as a paragraph for a paper: what is recorded, then what is not."""
    people = len({one.participant for one in samples if one.participant is not None})
    pools = sum(one.participant is None for one in samples)
    of = f" of {people} participant{'' if people == 1 else 's'}" if people else ""
    pooled = f" ({pools} of them pools or blind duplicates)" if pools else ""
    told = [f"{item.name}: {item.text}." for item in found if item.recorded]
    missing = [item.name[0].lower() + item.name[1:] for item in found if not item.recorded]
    unsaid = f" Not recorded: {', '.join(missing)}." if missing else ""
    codes = Counter(one.sprec for one in samples if one.sprec)
    sprec = ", ".join(f"{code} ({number})" for code, number in codes.most_common(10))
    rest = f" and {len(codes) - 10} others" if len(codes) > 10 else ""
    coded = f" SPREC: {sprec}{rest}." if sprec else ""
    return f"{len(samples)} tube{'' if len(samples) == 1 else 's'}{of}{pooled}. {' '.join(told)}{unsaid}{coded}"


COLUMNS = (
    "tube",
    "biospecimen_type",
    "anatomical_site",
    "disease_status",
    "clinical_characteristics",
    "vital_state",
    "clinical_diagnosis",
    "pathology_diagnosis",
    "collection_mechanism",
    "stabilisation",
    "long_term_preservation",
    "preservative",
    "storage_temperature",
    "storage_days",
    "shipping_temperature",
    "composition_assessment",
    "sprec",
    "sprec_version",
)


def as_csv(samples: Sequence[Sample], now: datetime) -> str:
    """One row a tube; what is not recorded says so."""
    rows = []
    for one in samples:
        measured = "; ".join(
            f"{title} {_number(value)}{f' {unit}' if unit else ''}" for title, value, unit in one.measured
        )
        cells: Sequence[str | None] = (
            one.tube,
            one.type_title,
            None,
            one.cohort,
            one.sex,
            None,
            None,
            None,
            f"collected into {one.container}" if one.container else None,
            one.stabilisation,
            one.preservation,
            None,
            one.storage,
            str(_days(one, now)) if one.stored_from else None,
            "; ".join(one.shipped) or "not shipped",
            measured or None,
            one.sprec,
            one.sprec_version,
        )
        rows.append([NOT_RECORDED if cell is None else cell for cell in cells])
    return csvfile.written(COLUMNS, rows)
