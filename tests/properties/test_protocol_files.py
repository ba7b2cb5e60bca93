"""A protocol survives its file, whatever it holds; windows of a sound protocol never overlap."""

from datetime import date, timedelta
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from biobank.participant.rules import visit_window
from biobank.protocol.document import SPUN, STEP_TYPES, AliquotSpec, Document, StepSpec, TubeSpec, VisitSpec
from biobank.protocol.rules import Vocabulary, problems_of
from biobank.protocol.text import read_source, write_document

CODES = st.from_regex(r"[A-Z][A-Z0-9-]{1,15}", fullmatch=True)
TUBES = st.from_regex(r"[a-z][a-z0-9_]{0,29}", fullmatch=True)
LINE = st.characters(
    codec="utf-8", exclude_categories=["Cc", "Cs", "Zl", "Zp"], exclude_characters="\ufeff\ufffe\uffff"
)


def text(longest, *, more=""):
    alphabet = st.one_of(LINE, st.sampled_from(" \"'#:-&*!|>%@`{}[],?~" + more))
    return st.text(alphabet, min_size=1, max_size=longest).map(str.strip).filter(bool)


# What other readers of YAML take for something else than a text.
TRAPS = st.sampled_from(
    ["-80", "NO", "yes", "null", "~", "1e3", "12:30", "0x1F", "2026-01-01", "=", "<<", "on", ".inf"]
)
TERM = st.one_of(TRAPS, text(40))
AMOUNT = st.decimals(min_value=Decimal("0.000001"), max_value=Decimal(1_000_000), places=6, allow_nan=False)
MINUTES = st.none() | st.integers(1, 100_000)
FORCE = st.none() | st.integers(1, 1_000_000)
CELSIUS = st.none() | st.integers(-200, 150)
STEPS = st.builds(
    StepSpec,
    type=st.sampled_from(STEP_TYPES),
    within_minutes=MINUTES,
    min_minutes=MINUTES,
    max_minutes=MINUTES,
    min_g=FORCE,
    max_g=FORCE,
    min_celsius=CELSIUS,
    max_celsius=CELSIUS,
    brake=st.none() | st.booleans(),
    sop_version=st.none() | TERM,
)
ALIQUOTS = st.builds(
    AliquotSpec,
    specimen_type=TERM,
    tube_type=TERM,
    count=st.integers(1, 100),
    blind_duplicates=st.integers(0, 100),
    quantity=AMOUNT,
    unit=TERM,
    store=TERM,
)
TUBE = st.builds(
    TubeSpec,
    code=TUBES,
    specimen_type=TERM,
    tube_type=TERM,
    count=st.integers(1, 50),
    quantity=AMOUNT,
    unit=TERM,
    cohort=st.none() | CODES,
    consent_scope=st.none() | TERM,
    store=st.none() | TERM,
    handling=st.none() | text(200, more="\n\t"),
    steps=st.lists(STEPS, max_size=3).map(tuple),
    aliquots=st.lists(ALIQUOTS, max_size=3).map(tuple),
)
VISITS = st.builds(
    VisitSpec,
    code=CODES,
    title=st.one_of(TRAPS, text(200)),
    day=st.none() | st.integers(-3650, 36_500),
    before=st.integers(0, 3650),
    after=st.integers(0, 3650),
    same_tubes_as=st.none() | CODES,
    tubes=st.lists(TUBE, max_size=3).map(tuple),
)
DOCUMENTS = st.builds(
    Document,
    study=CODES,
    effective_from=st.none() | st.dates(),
    note=st.none() | text(400, more="\n\t"),
    visits=st.lists(VISITS, max_size=4).map(tuple),
)


@given(DOCUMENTS)
def test_a_document_is_read_from_its_file_as_it_was_written(document):
    source = read_source(write_document(document, "Version 1").encode())
    assert source.problems == []
    assert Document.model_validate(source.tree) == document
    assert Document.model_validate_json(document.model_dump_json()) == document


@given(DOCUMENTS)
def test_writing_what_was_read_gives_the_same_bytes(document):
    written = write_document(document)
    assert write_document(Document.model_validate(read_source(written.encode()).tree)) == written


NOTHING = Vocabulary({}, {}, frozenset(), frozenset(), frozenset(), frozenset())
SCHEDULED = st.builds(
    VisitSpec,
    code=CODES,
    title=st.just("Visit"),
    day=st.integers(-100, 3000),
    before=st.integers(0, 60),
    after=st.integers(0, 60),
)


@given(
    st.lists(SCHEDULED, max_size=8, unique_by=lambda visit: visit.code).map(tuple),
    st.dates(date(2000, 1, 1), date(2040, 1, 1)),
)
def test_a_day_belongs_to_one_scheduled_visit_at_most_unless_the_protocol_is_refused(visits, t0):
    refused = any(one.kind == "windows-overlap" for one in problems_of(Document(study="LLS", visits=visits), NOTHING))
    windows = [visit_window(t0, visit.day or 0, visit.before, visit.after) for visit in visits]
    days = [first + timedelta(days=n) for first, last in windows for n in range((last - first).days + 1)]
    assert refused == (len(days) != len(set(days)))
    assert all(
        first <= t0 + timedelta(days=visit.day or 0) <= last
        for visit, (first, last) in zip(visits, windows, strict=True)
    )


@given(st.lists(STEPS, max_size=4).map(tuple))
def test_settings_that_contradict_each_other_are_always_named(steps):
    tube = TubeSpec(code="serum", specimen_type="SER", tube_type="SST", quantity=Decimal(1), unit="uL", steps=steps)
    document = Document(study="LLS", visits=(VisitSpec(code="BASE", title="Baseline", day=0, tubes=(tube,)),))
    named = {one.path for one in problems_of(document, NOTHING) if one.kind == "contradiction"}
    for index, step in enumerate(steps):
        for name in ("minutes", "g", "celsius"):
            low, high = getattr(step, f"min_{name}"), getattr(step, f"max_{name}")
            if low is not None and high is not None and low > high:
                assert ("visits", 0, "tubes", 0, "steps", index, f"min_{name}") in named
        if step.type not in SPUN and step.brake is not None:
            assert ("visits", 0, "tubes", 0, "steps", index, "brake") in named
