"""What the database itself holds of studies, participants, visits, consent, tubes, work, picking and withdrawal: every
statement here is sent past the service and is refused by the constraint that is named.

The numbers are those of the domain's list of invariants. More is tried from SQL elsewhere: 2 in `test_custody`, 5 to 7
in `test_specimen_races`, 8 and 21 in `test_consent_integrity`, 9 and 25 in `test_picking_integrity`, 20 in
`test_processing_invariants`. A second person who finishes the same visit: `test_visit_races`.
"""

import asyncpg
import pytest

from tests.material import make_material
from tests.picklists import listed, stored
from tests.withdrawing import withdraw

POSTING = "insert into quantity_ledger (specimen_id, delta, unit, reason, basis) select id, "
TUBE = (
    "insert into specimen (code, study_id, site_id, participant_id, level, specimen_type, tube_type, unit) "
    "select {code}, study_id, site_id, {person}, {level}, specimen_type, tube_type, unit from specimen limit 1"
)
WORK = (
    "insert into processing_event (study_id, site_id, type, started_at, ended_at, operator_id, minutes) "
    "select study_id, site_id, {type}, now() - interval '1 hour', now() - interval '{ended}', 1, {minutes} "
    "from specimen limit 1"
)
CONSENT = (
    "insert into consent (participant_id, study_id, document_id, signed_at, effective_from, effective_to, recorded_by) "
    "select participant_id, study_id, document_id, signed_at, now(), now() - interval '1 day', recorded_by "
    "from consent limit 1"
)

INVARIANTS = {
    "a visit: outside its window, half a window, done without a day": (
        ("update visit set status = 'planned'", "ck_visit_done_has_a_day"),
        (
            "update visit set window_from = occurred_on + 1, planned_on = occurred_on + 2, window_to = occurred_on + 9",
            "ck_visit_outside_window_has_a_reason",
        ),
        ("update visit set planned_on = '2026-01-01'", "ck_visit_window_is_whole"),
        (
            (
                "update visit set window_from = '2026-01-01', window_to = '2026-01-09', planned_on = '2026-02-01', "
                "outside_window_reason = 'late'"
            ),
            "ck_visit_planned_within_window",
        ),
        ("update visit set finished_at = now()", "ck_visit_finished_by_someone"),
        (
            "update visit set status = 'cancelled', occurred_on = null, status_reason = null",
            "ck_visit_not_held_has_a_reason",
        ),
        ("update visit set status = 'somehow', occurred_on = null", "ck_visit_status"),
        (
            (
                "insert into visit (participant_id, study_id, site_id, visit_type_id, number) "
                "select participant_id, study_id, site_id, visit_type_id, number from visit limit 1"
            ),
            "uq_visit_once",
        ),
    ),
    "a participant: no id of the house, a status and a birth that cannot be": (
        (
            (
                "insert into participant (code, study_id, site_id, enrolled_on, t0) "
                "select 'P123', study_id, site_id, enrolled_on, t0 from participant limit 1"
            ),
            "ck_identifier_house_check_character",
        ),
        ("update participant set status = 'gone'", "ck_participant_status"),
        ("update participant set year_of_birth = 1700", "ck_participant_year_of_birth"),
        (
            (
                "insert into participant (code, study_id, site_id, enrolled_on, t0) "
                "select code, study_id, site_id, enrolled_on, t0 from participant limit 1"
            ),
            "uq_participant_code",
        ),
    ),
    "8, consent and withdrawal: never half, never of an unknown level": (
        (CONSENT, "ck_consent_effective_times"),
        (
            (
                "insert into consent_decision (consent_id, scope_code, decision) "
                "select consent_id, scope_code, 'denied' from consent_decision limit 1"
            ),
            "uq_consent_decision_scope",
        ),
        (
            (
                "insert into withdrawal (participant_id, level, effective_at, recorded_by) "
                "select id, 'a_little', now(), 1 from participant limit 1"
            ),
            "ck_withdrawal_level",
        ),
        ("update withdrawal_tube set outcome = 'destroyed'", "ck_withdrawal_tube_outcome_of_a_notice"),
        ("update withdrawal_case set closed_at = now()", "ck_withdrawal_case_closed_whole"),
    ),
    "4 and 5, a tube: the house's id with its check character, and whose it is": (
        (
            TUBE.format(code="'TAAAAAAAAA'", person="participant_id", level="level"),
            "ck_identifier_house_check_character",
        ),
        (
            TUBE.format(code="'TKQ7M3X9V7'", person="null", level="'aliquot'"),
            "ck_specimen_only_pools_have_no_participant",
        ),
        (TUBE.format(code="code", person="participant_id", level="level"), "uq_specimen_code"),
        ("update specimen set quality = 'fine'", "ck_specimen_quality"),
    ),
    "2 and 22, a place: whole, within the box, at a site": (
        ("update custody set row = 99 where container_id is not null", "ck_custody_position_in_bounds"),
        ("update custody set row = -1 where container_id is not null", "ck_custody_position_counts_from_zero"),
        ("update custody set row = null where container_id is not null", "ck_custody_position_is_whole"),
        ("update custody set site_id = null where container_id is not null", "ck_custody_position_has_a_site"),
        ("update custody set holder_id = 1 where container_id is not null", "ck_custody_exactly_one_place"),
    ),
    "6, a quantity: never by nothing, for nothing or below zero": (
        (POSTING + "0, unit, 'correction', 'nominal' from specimen", "ck_quantity_ledger_delta_not_zero"),
        (POSTING + "1, unit, 'because', 'nominal' from specimen", "ck_quantity_ledger_reason"),
        (POSTING + "1, unit, 'correction', 'felt' from specimen", "ck_quantity_ledger_basis"),
    ),
    "20, work: of a known kind, ends after it began, with settings above zero": (
        (WORK.format(type="'magic'", ended="1 minute", minutes="null"), "ck_processing_event_type"),
        (WORK.format(type="'thaw'", ended="2 hours", minutes="null"), "ck_processing_event_ends_after_start"),
        (WORK.format(type="'thaw'", ended="1 minute", minutes="-1"), "ck_processing_event_settings_positive"),
    ),
    "a deviation: resolved with words or not at all": (
        (
            (
                "insert into deviation (specimen_id, type_code, resolved_at) "
                "select id, 'leaked', now() from specimen limit 1"
            ),
            "ck_deviation_resolved_with_words",
        ),
    ),
    "9, claims: they end, wholly, and a tube is on a list once": (
        ("update reservation set ended_at = now()", "ck_reservation_ended_whole"),
        ("update reservation set expires_at = reserved_at", "ck_reservation_expires_after_it_began"),
        ("update reservation set ended_at = now(), ending = 'somehow'", "ck_reservation_ending"),
        (
            (
                "insert into pick_list_line (pick_list_id, study_id, specimen_id) "
                "select pick_list_id, study_id, specimen_id from pick_list_line limit 1"
            ),
            "uq_pick_list_line_once",
        ),
        ("update pick_list set destination = 'the_moon'", "ck_pick_list_destination"),
    ),
    "21, a disposal: two people, each with a time, and a reason": (
        ("update disposal set reason = 'whim'", "ck_disposal_reason"),
        ("update disposal_tube set status = 'struck'", "ck_disposal_tube_struck_has_a_reason"),
        ("update disposal_tube set status = 'missed'", "ck_disposal_tube_first_confirms"),
        ("update disposal_tube set first_by = 1", "ck_disposal_tube_first_whole"),
        (
            "update disposal_tube set status = 'confirmed', first_by = 1, first_at = now()",
            "ck_disposal_tube_disposed_has_a_method",
        ),
        (
            (
                "insert into disposal_tube (disposal_id, study_id, specimen_id) "
                "select disposal_id, study_id, specimen_id from disposal_tube limit 1"
            ),
            "uq_disposal_tube_once",
        ),
    ),
}


async def test_every_invariant_of_the_visit_is_held_against_sql(api, database, world, superuser):
    made = await stored(api, database, world, tubes=2)
    await listed(api("technician"), [made.tubes[0]])
    await api("scientist").ok("/reservations", {"tubes": [made.tubes[1]], "purpose": "RNA of flares"})
    left = await make_material(database, world, tubes=1)
    await withdraw(api("coordinator"), left.participant, "destroy")
    wrong = []
    for meaning, attempts in INVARIANTS.items():
        for statement, constraint in attempts:
            attempt = superuser.transaction()
            await attempt.start()
            await superuser.execute(
                "select set_config('biobank.actor', 'service', true), "
                "set_config('biobank.tx', gen_random_uuid()::text, true)"
            )
            try:
                await superuser.execute(statement)
                await superuser.execute("set constraints all immediate")
            except asyncpg.IntegrityConstraintViolationError as refused:
                if refused.constraint_name != constraint:
                    wrong.append((meaning, statement, constraint, refused.constraint_name))
            else:
                wrong.append((meaning, statement, constraint, "was not refused"))
            finally:
                await attempt.rollback()
    if wrong:
        pytest.fail("\n".join(" | ".join(map(str, one)) for one in wrong))
