"""Rules of pulling results: the columns, and what the ids that people paste mean. Pure functions on plain values."""

from collections.abc import Callable, Iterable, Mapping

from biobank import ids
from biobank.errors import Conflict, DomainError, Invalid

MOST_PARTICIPANTS = 50_000

TEXT_COLUMNS = frozenset(
    {
        "participant",
        "visit",
        "aliquot",
        "specimen_type",
        "assay",
        "analyte",
        "quantity",
        "comparator",
        "limit_kind",
        "unit",
        "flag",
        "raw_text",
        "run",
        "plate",
        "well",
        "instrument_sample",
        "instrument",
        "software",
        "serial_number",
        "batch",
        "kit_lot",
        "status",
    }
)
"""Always quoted, so that a program reads an id as the text that it is."""

COLUMNS = (
    "participant",
    "visit",
    "study_day",
    "aliquot",
    "specimen_type",
    "freeze_thaw",
    "identity_doubt",
    "assay",
    "assay_version",
    "analyte",
    "quantity",
    "value",
    "comparator",
    "limit_kind",
    "unit",
    "flag",
    "raw_text",
    "dilution",
    "run",
    "plate",
    "well",
    "instrument_sample",
    "instrument",
    "software",
    "serial_number",
    "batch",
    "kit_lot",
    "result_version",
    "status",
    "released_at",
)


class PullChanged(Conflict):
    """What was pulled then cannot be told apart from what was changed since: new bytes would not be the old ones."""

    code = "pull-changed"
    title = "This pull cannot be repeated"


class TooManyParticipants(Invalid):
    code = "too-many-participants"
    title = "Too many participants at once"


CONSTRAINTS: Mapping[str, Callable[[], DomainError]] = {}


def read_codes(texts: Iterable[str]) -> tuple[dict[str, str], dict[str, str]]:
    """Participant ids that were typed or pasted: by canonical code the text, and by text what is wrong with it.

    An id that stands there twice counts once.

    Raises:
        TooManyParticipants: more than the limit.
    """
    good: dict[str, str] = {}
    bad: dict[str, str] = {}
    for text in texts:
        written = text.strip()
        if not written:
            continue
        try:
            kind, code = ids.parse(written)
        except ids.BadIdentifier as error:
            bad[written[:60]] = str(error)
            continue
        if kind is ids.Kind.PARTICIPANT:
            good[code] = written
        else:
            bad[written[:60]] = "a participant's id starts with P"
    if len(good) + len(bad) > MOST_PARTICIPANTS:
        raise TooManyParticipants(
            f"At most {MOST_PARTICIPANTS:,} ids at once, these are {len(good) + len(bad):,}: pull them in parts.",
            errors={"participants": "are too many"},
        )
    return good, bad
