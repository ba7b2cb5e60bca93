"""Consent in its two times, and what the database itself holds of consents, signatures, disposals and withdrawals."""

import asyncio
from datetime import timedelta

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import SecretStr
from sqlalchemy import select

from biobank.actor import SERVICE
from biobank.constraints import CONSTRAINTS
from biobank.disposal.commands import PlanDisposal, plan
from biobank.errors import Conflict, DomainError, Forbidden
from biobank.participant.belief import belief
from biobank.participant.consents import MarkConsentInError, RecordConsent, mark_in_error, record_consent
from biobank.participant.models import Participant
from biobank.participant.queries import decisions
from biobank.shipment import commands as shipment
from biobank.shipment.commands import Ship
from biobank.shipment.rules import ShipmentState
from biobank.signature.commands import Sign, sign
from biobank.tx import open_read, open_tx
from biobank.withdrawal import commands, rescission
from biobank.withdrawal.rules import StatementChanged
from tests.material import actor, make_material
from tests.shipping import draft, packed, version
from tests.withdrawing import request, sign_withdrawal, withdraw

DAY = timedelta(days=1)


async def person_of(tx, code):
    return (await tx.session.execute(select(Participant).where(Participant.code == code))).scalar_one()


class Clock:
    """A clock that stands where it is put."""

    def __init__(self, start):
        self.now = start

    def __call__(self):
        return self.now


async def start(database, world):
    made = await make_material(database, world, tubes=0, consented=False)
    who = await actor(database, world, "manager")
    async with open_read(database, who) as tx:
        return made.participant, who, tx.now


async def record(database, who, clock, code, **given):
    async with open_tx(database, who, clock=clock) as tx:
        return await record_consent(tx, code, RecordConsent(version="1.0", **given))


async def believed(database, who, code, known, valid):
    async with open_read(database, who) as tx:
        found = await belief(tx, await person_of(tx, code), believed_at=known, in_force_at=valid)
    return found.consent.granted if found.consent else None


async def test_a_late_form_changes_what_is_believed_of_the_past_but_not_what_was(database, world):
    code, who, now = await start(database, world)
    clock = Clock(now - 10 * DAY)
    await record(database, who, clock, code, signed_at=now - 10 * DAY, granted=("tissue",))
    clock.now = now - 5 * DAY
    await record(database, who, clock, code, signed_at=now - 20 * DAY, granted=("microbiome",))  # turned up late
    clock.now = now - 2 * DAY
    await record(database, who, clock, code, signed_at=now - 3 * DAY, granted=("recontact",))
    expected = {
        # (known, in force): what was believed
        (6, 15): None,
        (4, 15): ("microbiome",),
        (4, 9): ("tissue",),
        (2.5, 2): ("tissue",),
        (1, 2): ("recontact",),
        (1, 9): ("tissue",),
        (11, 1): None,
        (0, 25): None,
    }
    for (known, valid), granted in expected.items():
        assert await believed(database, who, code, now - known * DAY, now - valid * DAY) == granted, (known, valid)


async def test_what_was_entered_in_error_was_believed_until_it_was_marked(database, world):
    code, who, now = await start(database, world)
    clock = Clock(now - 10 * DAY)
    await record(database, who, clock, code, signed_at=now - 10 * DAY, granted=("tissue", "recontact"))
    clock.now = now - 4 * DAY
    async with open_tx(database, who, clock=clock) as tx:
        seen = await mark_in_error(tx, code, 1, MarkConsentInError(reason="Recontact was denied on the paper"))
    assert [one.in_error_reason for one in seen.consents] == ["Recontact was denied on the paper"]
    with pytest.raises(Conflict):
        async with open_tx(database, who, clock=clock) as tx:
            await mark_in_error(tx, code, 1, MarkConsentInError(reason="once more"))
    # The right one begins at the same moment: only now may it, for the wrong one counts no more.
    await record(database, who, clock, code, signed_at=now - 10 * DAY, granted=("tissue",), denied=("recontact",))
    assert await believed(database, who, code, now - 5 * DAY, now - 9 * DAY) == ("recontact", "tissue")
    assert await believed(database, who, code, now, now - 9 * DAY) == ("tissue",)
    async with open_tx(database, who) as tx:
        person = await person_of(tx, code)
        assert (await decisions(tx, [person.id]))[code].granted == frozenset({"tissue"})


async def test_the_gate_counts_what_is_in_force_now(database, world):
    code, who, now = await start(database, world)
    clock = Clock(now)

    async def granted():
        async with open_tx(database, who) as tx:
            return (await decisions(tx, [(await person_of(tx, code)).id]))[code].granted

    given = {"signed_at": now - 5 * DAY, "granted": ("tissue",)}
    await record(database, who, clock, code, **given, effective_to=now - DAY)
    assert await granted() == frozenset()  # it has ended
    later = {"signed_at": now - 4 * DAY, "effective_from": now + DAY, "granted": ("recontact",)}
    await record(database, who, clock, code, **later)
    assert await granted() == frozenset()  # it has not begun
    await record(database, who, clock, code, signed_at=now - 3 * DAY, granted=("microbiome",))
    assert await granted() == frozenset({"microbiome"})


SCOPES = ("tissue", "recontact", "microbiome", "cell_lines")
ENTRY = st.tuples(
    st.integers(1, 30),  # signed so many days ago
    st.sampled_from(SCOPES),
    st.booleans(),  # entered in error, and marked at once by the next entry
)


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(entries=st.lists(ENTRY, min_size=1, max_size=5, unique_by=lambda one: one[0]), asked=st.data())
async def test_belief_is_what_a_replay_of_the_record_says(database, world, entries, asked):
    """Whatever is entered in whatever order: the answer is that of a plain replay of what was known."""
    code, who, now = await start(database, world)
    clock = Clock(now)
    known = []  # begins, scope, recorded, marked
    for number, (days, scope, wrong) in enumerate(entries, start=1):
        recorded = now + timedelta(minutes=10 * number)
        clock.now = recorded
        await record(database, who, clock, code, signed_at=now - days * DAY, granted=(scope,))
        marked = recorded + timedelta(minutes=5) if wrong else None
        if marked is not None:
            clock.now = marked
            async with open_tx(database, who, clock=clock) as tx:
                await mark_in_error(tx, code, number, MarkConsentInError(reason="entered wrongly"))
        known.append((now - days * DAY, scope, recorded, marked))
    for _ in range(4):
        at = now + timedelta(minutes=asked.draw(st.integers(0, 60)), seconds=1)
        valid = now - asked.draw(st.integers(0, 31)) * DAY + timedelta(seconds=1)
        there = [one for one in known if one[2] <= at and (one[3] is None or one[3] > at) and one[0] <= valid]
        expected = (max(there)[1],) if there else None
        assert await believed(database, who, code, at, valid) == expected


# --- scenario 10 ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("withdrawal_first", [True, False])
async def test_consent_race(api, database, world, superuser, withdrawal_first):
    """Scenario 10: shipment S packed, a withdrawal becomes effective while the clerk presses Ship, on two connections.
    Never shipped against it; and the manifest's digest is that of what left.
    """
    clerk, coordinator = await actor(database, world, "clerk"), await actor(database, world, "coordinator")
    leaves, stays = [await make_material(database, world, tubes=2) for _ in range(2)]
    code = await packed(api("clerk"), [*leaves.tubes, *stays.tubes])
    seen = await version(api("clerk"), code)
    begun, held = asyncio.Event(), 0.15

    async def leave():
        if withdrawal_first:
            await begun.wait()
        async with open_tx(database, clerk) as tx:
            await shipment.ship(tx, code, Ship(row_version=seen, courier="Ann Walker", hand_carried=True))
            if not withdrawal_first:
                begun.set()
                await asyncio.sleep(held)  # pressed, and not yet committed

    async def stop():
        if not withdrawal_first:
            await begun.wait()
        async with open_tx(database, coordinator) as tx:
            await sign_withdrawal(tx, leaves.participant)
            if withdrawal_first:
                begun.set()
                await asyncio.sleep(held)

    left, stopped = await asyncio.gather(leave(), stop(), return_exceptions=True)
    status = await superuser.fetchval("select status from shipment where code = $1", code)
    if withdrawal_first:
        assert stopped is None
        assert isinstance(left, ShipmentState)
        assert status == "draft"
        waiting = await api("technician").see("/put-backs")
        assert {tube["tube"] for tube in waiting} == set(leaves.tubes)
        await api("clerk").ok(f"/shipments/{code}/finish-packing", {"row_version": await version(api("clerk"), code)})
        body = {"row_version": await version(api("clerk"), code), "courier": "Ann Walker", "hand_carried": True}
        await api("clerk").ok(f"/shipments/{code}/ship", body)
    else:
        # It left before: the statement that was read is not what would happen any more, and is read again.
        assert left is None
        assert isinstance(stopped, StatementChanged)
        case = await withdraw(api("coordinator"), leaves.participant)
        assert case["steps"] == {"receive": 2}
    inside = await superuser.fetch(
        "select s.code from package_item i join specimen s on s.id = i.specimen_id "
        "join shipment h on h.id = i.shipment_id where h.code = $1 and i.status = 'packed'",
        code,
    )
    on_paper = (await api("clerk").get(f"/shipments/{code}/manifest.json")).json()
    assert {item["tube"] for item in on_paper["items"]} == {row["code"] for row in inside}
    assert set(leaves.tubes).isdisjoint(row["code"] for row in inside) == withdrawal_first


async def test_a_packer_and_a_withdrawal_at_once_never_leave_a_tube_packed(api, database, world, superuser):
    """Both orders and everything between: a tube that was packed in the same moment comes out again."""
    clerk, coordinator = await actor(database, world, "clerk"), await actor(database, world, "coordinator")
    for head_start in (0.0, 0.05, 0.1):
        made = await make_material(database, world, tubes=1)
        code = await draft(api("clerk"))

        async def pack(code=code, tube=made.tubes[0]):
            async with open_tx(database, clerk) as tx:
                await shipment.pack_items(tx, code, shipment.PackItems(tubes=(tube,)))

        async def stop(made=made, head_start=head_start):
            await asyncio.sleep(head_start)
            async with open_tx(database, coordinator) as tx:
                await sign_withdrawal(tx, made.participant)

        done = await asyncio.gather(pack(), stop(), return_exceptions=True)
        assert all(one is None or isinstance(one, DomainError) for one in done), done
        if isinstance(done[1], StatementChanged):
            await withdraw(api("coordinator"), made.participant)
        inside = "select count(*) from package_item where specimen_id = $1 and is_open"
        assert await superuser.fetchval(inside, made.tube_ids[0]) == 0


async def test_two_second_persons_at_once_destroy_a_tube_once(api, database, world, superuser):
    made = await make_material(database, world, tubes=1)
    body = {"study": "LLS", "site": "LAB", "reason": "surplus", "words": "More than is kept", "tubes": list(made.tubes)}
    view = await api("manager").ok("/disposals", body)
    url = f"/disposals/{view['number']}/confirmations"
    word = {"tube": made.tubes[0], "method": "autoclaved"}
    await api("technician").ok(url, word)
    answers = await asyncio.gather(api("technician2").post(url, word), api("manager").post(url, word))
    assert sorted(answer.status_code for answer in answers) == [201, 409]
    assert await superuser.fetchval("select count(*) from disposal_tube where status = 'disposed'") == 1


# --- from SQL ---------------------------------------------------------------------------------------------------------


BOTH = "status = 'disposed', method = 'chemical', first_by = 1, first_at = now(), second_by = 1, second_at = now()"
POLICY = "insert into withdrawal_policy (study_id, version, level, object, consequence) select id, '9', "


@pytest.fixture
async def behind(superuser):
    await superuser.execute(
        "select set_config('biobank.actor', 'service', false), set_config('biobank.tx', gen_random_uuid()::text, false)"
    )
    return superuser


@pytest.mark.parametrize(
    ("statement", "constraint"),
    [
        ("update consent set signed_at = signed_at - interval '1 day'", "ck_consent_never_edited"),
        ("update consent set effective_from = effective_from + interval '1 day'", "ck_consent_never_edited"),
        ("delete from consent", "ck_consent_append_only"),
        ("update consent_decision set decision = 'denied'", "ck_consent_decision_append_only"),
        ("update withdrawal set level = 'no_contact'", "ck_withdrawal_append_only"),
        ("update specimen set hold = null", "ck_specimen_hold_stands"),
        ("update withdrawal_policy set reversible = true", "ck_withdrawal_policy_parcels_stay_out"),
        ("update withdrawal_policy set reversible = false", "ck_withdrawal_policy_results_come_back"),
        ("delete from signature", "ck_signature_append_only"),
        ("update signature set meaning = 'witness'", "ck_signature_append_only"),
        ("update withdrawal_case set statement = '{}'", "ck_withdrawal_case_statement_stays"),
        ("update custody set holder_id = null, site_id = null, terminal = 'disposed'", "ck_custody_disposed_by_two"),
        ("update disposal_tube set " + BOTH, "ck_disposal_tube_two_people"),
        (
            POLICY + "'no_further_use', 'stored_tubes', 'hide' from study",
            "ck_withdrawal_policy_consequence_fits_object",
        ),
        (POLICY + "'destroy', 'stored_tubes', 'keep' from study", "ck_withdrawal_policy_agrees_with_the_gate"),
    ],
)
async def test_the_database_itself_refuses(api, database, world, behind, statement, constraint):
    made = await make_material(database, world, tubes=1)
    await withdraw(api("coordinator"), made.participant, "destroy")
    with pytest.raises(asyncpg.CheckViolationError) as refused:
        await behind.execute(statement)
    assert refused.value.constraint_name == constraint
    assert CONSTRAINTS[constraint]().detail


async def test_what_is_disposed_of_or_closed_stays_so(api, database, world, behind):
    made = await make_material(database, world, tubes=1)
    case = await withdraw(api("coordinator"), made.participant, "destroy")
    (disposal,) = case["disposals"]
    for person in ("technician", "manager"):
        word = {"tube": made.tubes[0], "method": "autoclaved"}
        await api(person).ok(f"/disposals/{disposal['number']}/confirmations", word)
    body = {"row_version": case["row_version"], "signature": {"password": world.password, "meaning": "approval"}}
    await api("coordinator").ok(f"/withdrawals/{case['number']}/close", body)
    for statement, constraint in (
        ("update custody set terminal = null, holder_id = 1", "ck_custody_end_is_final"),
        ("update disposal_tube set method = 'chemical'", "ck_disposal_tube_closed"),
        ("update withdrawal_case set certificate = '{}'", "ck_withdrawal_case_closed"),
    ):
        with pytest.raises(asyncpg.CheckViolationError) as refused:
            await behind.execute(statement)
        assert refused.value.constraint_name == constraint
        assert CONSTRAINTS[constraint]().detail


async def test_two_consents_cannot_begin_at_one_moment(database, world, behind):
    made = await make_material(database, world, tubes=0)
    with pytest.raises(asyncpg.UniqueViolationError) as refused:
        await behind.execute(
            "insert into consent (participant_id, study_id, document_id, signed_at, effective_from, recorded_by) "
            "select participant_id, study_id, document_id, signed_at, effective_from, recorded_by from consent"
        )
    assert refused.value.constraint_name == "uq_consent_beginning"
    assert made.participant


async def test_the_service_may_not_rewrite_signatures(dsn):
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute("set role biobank_app")
        for change in (
            "signature set meaning = 'witness'",
            "consent_document_scope set scope_code = 'tissue'",
            "withdrawal set level = 'no_contact'",
            "consent_decision set decision = 'denied'",
        ):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(f"update {change}")
    finally:
        await connection.close()


async def test_a_tube_that_is_packed_while_the_participant_is_locked_is_found(api, database, world, superuser):
    """The packer was first and has not committed: behind the lock the withdrawal finds the parcel, and starts anew."""
    clerk, coordinator = await actor(database, world, "clerk"), await actor(database, world, "coordinator")
    made = await make_material(database, world, tubes=1)
    code = await draft(api("clerk"))
    inside, waiting = asyncio.Event(), 0.3

    async def pack():
        async with open_tx(database, clerk) as tx:
            await shipment.pack_items(tx, code, shipment.PackItems(tubes=made.tubes))
            inside.set()
            await asyncio.sleep(waiting)

    async def stop():
        await inside.wait()
        async with open_tx(database, coordinator) as tx:
            await sign_withdrawal(tx, made.participant)

    packed_it, stopped = await asyncio.gather(pack(), stop(), return_exceptions=True)
    assert packed_it is None
    assert isinstance(stopped, StatementChanged)
    await withdraw(api("coordinator"), made.participant)
    assert await superuser.fetchval("select status from package_item") == "unpacked"


async def test_a_withdrawal_gives_up_when_parcels_keep_changing(api, database, world, monkeypatch):
    monkeypatch.setattr(commands, "_ATTEMPTS", 0)
    made = await make_material(database, world, tubes=1)
    response = await api("coordinator").post(
        f"/participants/{made.participant}/withdrawals", await request(api("coordinator"), made.participant, "destroy")
    )
    assert (response.status_code, "are being packed" in response.json()["detail"]) == (422, True)


async def test_the_service_itself_neither_signs_nor_records_nor_disposes(database, world):
    made = await make_material(database, world, tubes=1)
    sign_as = {"password": world.password, "meaning": "witness"}
    consent = {"version": "1.0", "signed_at": "2026-11-01T00:00:00Z", "granted": ()}
    disposal = {"study": "LLS", "site": "LAB", "reason": "surplus", "words": "nobody", "tubes": made.tubes}
    deeds = (
        lambda tx: sign(tx, Sign.model_validate(sign_as), deed="x", content={}),
        lambda tx: record_consent(tx, made.participant, RecordConsent.model_validate(consent)),
        lambda tx: plan(tx, PlanDisposal.model_validate(disposal)),
    )
    for deed in deeds:
        with pytest.raises(Forbidden):
            async with open_tx(database, SERVICE) as tx:
                await deed(tx)


async def test_a_withdrawal_is_rescinded_once_however_many_managers_try(api, database, world, behind):
    made = await make_material(database, world, tubes=1)
    case = await withdraw(api("coordinator"), made.participant, "destroy")
    manager = await actor(database, world, "manager")
    async with open_tx(database, manager) as tx:
        stated = await rescission.statement(tx, case["number"])
    command = rescission.Rescind(
        reason="It was meant for somebody else",
        statement_sha256=stated.sha256,
        signature=Sign(password=SecretStr(world.password), meaning="approval"),
    )

    async def take_back():
        async with open_tx(database, manager) as tx:
            await rescission.rescind(tx, case["number"], command)

    done = await asyncio.gather(take_back(), take_back(), return_exceptions=True)
    assert sorted(type(one).__name__ for one in done) == ["NoneType", "WithdrawalRescinded"]
    assert await behind.fetchval("select count(*) from withdrawal_rescission") == 1
    again = (
        "insert into withdrawal_rescission (withdrawal_id, rescinded_by, reason, statement_sha256, signature_id) "
        "select withdrawal_id, rescinded_by, reason, statement_sha256, (select min(id) from signature) "
        "from withdrawal_rescission"
    )
    with pytest.raises(asyncpg.UniqueViolationError) as refused:
        await behind.execute(again)
    assert refused.value.constraint_name == "uq_withdrawal_rescission_once"
    with pytest.raises(asyncpg.CheckViolationError) as edited:
        await behind.execute("update withdrawal_rescission set reason = 'another one'")
    assert edited.value.constraint_name == "ck_withdrawal_rescission_append_only"
