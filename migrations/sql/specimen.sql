-- Quantity, freeze-thaw count and lineage of specimens.

-- By index, as in biobank_custody_history.
create function biobank_post_quantity() returns trigger language plpgsql
    set random_page_cost = 0.1 set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
begin
    if current_setting('biobank.born', true) = 'yes' and pg_trigger_depth() > 1 then
        return null;  -- by biobank_post_birth: the tubes hold it already
    end if;
    if exists (select from new_rows n join specimen s on s.id = n.specimen_id where s.unit <> n.unit) then
        raise exception 'a quantity was posted in another unit than its tube is measured in'
            using errcode = 'check_violation', constraint = 'ck_quantity_ledger_unit_of_the_tube', table = 'quantity_ledger';
    end if;
    -- The row lock of this update makes two people who take from one tube wait for each other; the check on the balance then decides.
    update specimen s set quantity = s.quantity + d.delta
      from (select specimen_id, sum(delta) as delta from new_rows group by specimen_id having sum(delta) <> 0) d where s.id = d.specimen_id;
    return null;
end $$;
create trigger post_quantity after insert on quantity_ledger referencing new table as new_rows
    for each statement execute function biobank_post_quantity();

create function biobank_refuse_free_quantity() returns trigger language plpgsql as $$
begin
    if pg_trigger_depth() > 1 then
        return new;
    end if;
    raise exception 'the quantity of a tube follows from its ledger and is never written directly'
        using errcode = 'check_violation', constraint = 'ck_specimen_quantity_follows_ledger', table = 'specimen';
end $$;
create trigger quantity_follows_ledger before update of quantity on specimen for each row
    when (old.quantity is distinct from new.quantity) execute function biobank_refuse_free_quantity();

-- A tube may be born with its content: the database itself writes the first posting. That spares whoever makes many tubes
-- a second version of each and its audit entry. Nobody else can claim to: outside of a trigger the word `born` is not heard.
create function biobank_post_birth() returns trigger language plpgsql as $$
declare
    context record;
begin
    if not exists (select from new_rows where quantity <> 0) then
        return null;
    end if;
    select * into context from biobank_audit_context();
    perform set_config('biobank.born', 'yes', true);
    insert into quantity_ledger (specimen_id, delta, unit, reason, basis, recorded_by)
    select id, quantity, unit, 'initial', case level when 'primary' then 'nominal' else 'measured' end, context.actor
      from new_rows where quantity <> 0;
    perform set_config('biobank.born', '', true);
    return null;
end $$;
create trigger post_birth after insert on specimen referencing new table as new_rows
    for each statement execute function biobank_post_birth();

create function biobank_refuse_fewer_thaws() returns trigger language plpgsql as $$
begin
    raise exception 'the freeze-thaw count of tube % never falls', old.code
        using errcode = 'check_violation', constraint = 'ck_specimen_freeze_thaw_monotone', table = 'specimen';
end $$;
create trigger freeze_thaw_monotone before update of freeze_thaw_count on specimen for each row
    when (new.freeze_thaw_count < old.freeze_thaw_count) execute function biobank_refuse_fewer_thaws();

-- By index, as in biobank_custody_history.
create function biobank_derive() returns trigger language plpgsql
    set random_page_cost = 0.1 set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
begin
    -- Both ends are locked in one order, so that two edges which would close a cycle together cannot pass each other.
    perform 1 from specimen where id in (select child_id from new_rows union select parent_id from new_rows) order by id for no key update;
    if exists (select from new_rows d join specimen c on c.id = d.child_id join specimen p on p.id = d.parent_id
                where c.level <> 'pool' and c.participant_id is distinct from p.participant_id) then
        raise exception 'a tube can only be made from tubes of the same participant; a pool may have several'
            using errcode = 'check_violation', constraint = 'ck_derivation_same_participant', table = 'derivation';
    end if;
    if exists (
        with recursive ancestor(origin, id) as (
            select n.child_id, n.parent_id from new_rows n where exists (select from derivation e where e.parent_id = n.child_id)
            union
            select a.origin, d.parent_id from ancestor a join derivation d on d.child_id = a.id
        ) select from ancestor where origin = id
    ) then
        raise exception 'a tube cannot be made from itself or from what was made from it'
            using errcode = 'check_violation', constraint = 'ck_derivation_acyclic', table = 'derivation';
    end if;
    update specimen c set freeze_thaw_count = p.thaws
      from (select d.child_id, max(s.freeze_thaw_count) as thaws from new_rows d join specimen s on s.id = d.parent_id group by d.child_id) p
     where c.id = p.child_id and c.freeze_thaw_count < p.thaws;
    return null;
end $$;
create trigger derive after insert on derivation referencing new table as new_rows for each statement execute function biobank_derive();

-- A withdrawal that stops all further use holds the person's material in the same moment; what becomes of pools is the policy's to say.
create function biobank_hold_withdrawn() returns trigger language plpgsql as $$
begin
    update specimen s set hold = 'consent_withdrawn' from new_rows w
     where w.level in ('no_further_use', 'destroy') and s.participant_id = w.participant_id and s.hold is null
       and s.existence in ('planned', 'exists');
    return null;
end $$;
create trigger hold_withdrawn after insert on withdrawal referencing new table as new_rows
    for each statement execute function biobank_hold_withdrawn();

call biobank_append_only('quantity_ledger');
call biobank_append_only('derivation');

-- Work on a tube begins after it was collected, within what two clocks may differ by; otherwise the event names it (invariant 20).
create function biobank_check_worked() returns trigger language plpgsql as $$
begin
    if exists (
        select from new_rows i join processing_event e on e.id = i.processing_event_id join specimen s on s.id = i.specimen_id
          join collection_event c on c.id = s.collection_event_id
         where e.started_at < c.collected_at - interval '5 minutes'
           and not exists (select from processing_warning w where w.processing_event_id = e.id and w.warning = 'out_of_order')
    ) then
        raise exception 'work on a tube begins after it was collected'
            using errcode = 'check_violation', constraint = 'ck_processing_input_after_collection', table = 'processing_input';
    end if;
    return null;
end $$;
create trigger check_worked after insert on processing_input referencing new table as new_rows
    for each statement execute function biobank_check_worked();

create function biobank_refuse_second_resolution() returns trigger language plpgsql as $$
begin
    raise exception 'a deviation that was resolved stays as it is'
        using errcode = 'check_violation', constraint = 'ck_deviation_resolved_is_final', table = 'deviation';
end $$;
create trigger resolved_is_final before update on deviation for each row
    when (old.resolved_at is not null) execute function biobank_refuse_second_resolution();

call biobank_append_only('qc_measurement');

-- No tube is made before the tube that it is made from came to be, within what two clocks may differ by.
create function biobank_check_made_after() returns trigger language plpgsql
    set random_page_cost = 0.1 set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
begin
    if exists (
        select from new_rows d join processing_event e on e.id = d.processing_event_id join specimen p on p.id = d.parent_id
          left join collection_event c on c.id = p.collection_event_id
          left join lateral (select max(m.started_at) as at from derivation g join processing_event m on m.id = g.processing_event_id
                              where g.child_id = p.id) made on true
         where e.started_at < coalesce(made.at, c.collected_at) - interval '5 minutes'
    ) then
        raise exception 'a tube is made after the tube that it is made from'
            using errcode = 'check_violation', constraint = 'ck_derivation_after_parent', table = 'derivation';
    end if;
    return null;
end $$;
create trigger made_after after insert on derivation referencing new table as new_rows
    for each statement execute function biobank_check_made_after();
