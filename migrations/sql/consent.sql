-- Consent is recorded in two times and never edited; disposal takes two people; what was signed stays as it was signed.

create function biobank_refuse_consent_edit() returns trigger language plpgsql as $$
begin
    raise exception 'a consent is never edited: it is marked as entered in error, once, and the right one is recorded'
        using errcode = 'check_violation', constraint = 'ck_consent_never_edited', table = 'consent';
end $$;
create trigger never_edited before update on consent for each row
    when (old.in_error_at is not null
          or (old.id, old.participant_id, old.study_id, old.document_id, old.signed_at, old.effective_from, old.effective_to, old.file_sha256,
              old.recorded_at, old.recorded_by)
             is distinct from (new.id, new.participant_id, new.study_id, new.document_id, new.signed_at, new.effective_from, new.effective_to,
                               new.file_sha256, new.recorded_at, new.recorded_by))
    execute function biobank_refuse_consent_edit();
create trigger never_deleted before delete or truncate on consent for each statement execute function biobank_refuse();

call biobank_append_only('consent_decision');
call biobank_append_only('withdrawal');
call biobank_append_only('withdrawal_rescission');

-- The hold of a withdrawal stands as long as the withdrawal does: a rescission comes first, then the hold is lifted.
create function biobank_hold_stands() returns trigger language plpgsql as $$
begin
    raise exception 'tube % is on hold by a withdrawal that stands', new.code
        using errcode = 'check_violation', constraint = 'ck_specimen_hold_stands', table = 'specimen';
end $$;
create function biobank_is_withdrawn(person bigint) returns boolean language sql stable as $$
    select exists (select from withdrawal w where w.participant_id = person and w.level in ('no_further_use', 'destroy')
                      and not exists (select from withdrawal_rescission r where r.withdrawal_id = w.id))
$$;
create trigger hold_stands before update of hold on specimen for each row
    when (old.hold = 'consent_withdrawn' and new.hold is distinct from old.hold and biobank_is_withdrawn(new.participant_id))
    execute function biobank_hold_stands();
call biobank_append_only('signature');

-- A tube is disposed of when two people have confirmed it on a disposal list, or when a partner has written that it was destroyed there.
create function biobank_disposed_by_two() returns trigger language plpgsql as $$
begin
    if exists (select from new_rows n join old_rows o using (specimen_id)
                where n.terminal = 'disposed' and o.terminal is distinct from 'disposed'
                  and not exists (select from disposal_tube d where d.specimen_id = n.specimen_id and d.status = 'disposed')
                  and not exists (select from withdrawal_tube w where w.specimen_id = n.specimen_id and w.outcome = 'destroyed')) then
        raise exception 'a tube is disposed of only when two people have confirmed it'
            using errcode = 'check_violation', constraint = 'ck_custody_disposed_by_two', table = 'custody';
    end if;
    return null;
end $$;
create trigger disposed_by_two after update on custody referencing old table as old_rows new table as new_rows
    for each statement execute function biobank_disposed_by_two();

-- What stands on a closed case or on a settled disposal is evidence (ck_withdrawal_case_closed, ck_disposal_tube_closed).
create function biobank_refuse_evidence_edit() returns trigger language plpgsql as $$
begin
    raise exception '% % is closed and never changes', tg_table_name, old.id
        using errcode = 'check_violation', constraint = 'ck_' || tg_table_name || '_closed', table = tg_table_name;
end $$;
create trigger closed before update on withdrawal_case for each row when (old.closed_at is not null)
    execute function biobank_refuse_evidence_edit();
create trigger closed before update on disposal_tube for each row when (old.status in ('disposed', 'not_found', 'struck'))
    execute function biobank_refuse_evidence_edit();

create function biobank_refuse_statement_edit() returns trigger language plpgsql as $$
begin
    raise exception 'what a withdrawal stated is never edited'
        using errcode = 'check_violation', constraint = 'ck_withdrawal_case_statement_stays', table = 'withdrawal_case';
end $$;
create trigger statement_stays before update on withdrawal_case for each row
    when ((old.id, old.number, old.withdrawal_id, old.participant_id, old.study_id, old.site_id, old.requested_at, old.statement,
           old.statement_sha256, old.signature_id)
          is distinct from (new.id, new.number, new.withdrawal_id, new.participant_id, new.study_id, new.site_id, new.requested_at,
                            new.statement, new.statement_sha256, new.signature_id))
    execute function biobank_refuse_statement_edit();
