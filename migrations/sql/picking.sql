-- Reservations, pick lists, searches; what a tube's axes say follows from them and from its custody.

create function biobank_pick_list_state() returns trigger language plpgsql as $$
begin
    if new.status in ('in_progress', 'picked') then
        new.status := case when exists (select from pick_list_line l where l.pick_list_id = new.id and l.status = 'to_pick')
                           then 'in_progress' else 'picked' end;
    end if;
    if new.status <> old.status and (old.status, new.status) not in (
        ('open', 'in_progress'), ('open', 'picked'), ('open', 'cancelled'), ('in_progress', 'picked'), ('in_progress', 'cancelled'),
        ('picked', 'in_progress'), ('picked', 'verified'), ('picked', 'cancelled'), ('verified', 'handed_over'), ('verified', 'cancelled')
    ) then
        raise exception 'pick list % does not go from % to %', old.code, old.status, new.status
            using errcode = 'check_violation', constraint = 'ck_pick_list_follows_its_states', table = 'pick_list';
    end if;
    return new;
end $$;
create trigger state before update on pick_list for each row execute function biobank_pick_list_state();

-- The list's row is held, so that a line cannot open while its list is being closed.
create function biobank_pick_list_line_state() returns trigger language plpgsql as $$
declare
    list_status text;
begin
    select status into list_status from pick_list where id = new.pick_list_id for no key update;
    if tg_op = 'UPDATE' and new.status <> old.status and (list_status in ('handed_over', 'cancelled') or (old.status, new.status) not in (
        ('to_pick', 'picked'), ('to_pick', 'not_found'), ('to_pick', 'short'), ('to_pick', 'substituted'), ('to_pick', 'skipped'),
        ('to_pick', 'withdrawn'), ('picked', 'to_pick'), ('picked', 'skipped'), ('picked', 'withdrawn'), ('not_found', 'to_pick'), ('short', 'to_pick'),
        ('skipped', 'to_pick')
    )) then
        raise exception 'a line of a pick list that is % does not go from % to %', list_status, old.status, new.status
            using errcode = 'check_violation', constraint = 'ck_pick_list_line_follows_its_states', table = 'pick_list_line';
    end if;
    new.is_open := new.status in ('to_pick', 'picked') and list_status not in ('handed_over', 'cancelled');
    return new;
end $$;
create trigger state before insert or update on pick_list_line for each row execute function biobank_pick_list_line_state();

create function biobank_pick_list_follows_lines() returns trigger language plpgsql as $$
begin
    -- The state itself is computed by the trigger of the list.
    update pick_list p set status = p.status
     where p.id in (select pick_list_id from new_rows) and p.status in ('in_progress', 'picked')
       and (p.status = 'in_progress') <> exists (select from pick_list_line l where l.pick_list_id = p.id and l.status = 'to_pick');
    return null;
end $$;
create trigger list_follows_insert after insert on pick_list_line referencing new table as new_rows
    for each statement execute function biobank_pick_list_follows_lines();
create trigger list_follows_update after update on pick_list_line referencing new table as new_rows
    for each statement execute function biobank_pick_list_follows_lines();

create function biobank_pick_list_closes() returns trigger language plpgsql as $$
begin
    update pick_list_line set is_open = false where pick_list_id = new.id and is_open;
    return null;
end $$;
create trigger closes after update of status on pick_list for each row
    when (old.status <> new.status and new.status in ('handed_over', 'cancelled')) execute function biobank_pick_list_closes();

-- One tube, one errand: in at most one open pick list or open shipment. The tubes' rows are locked in one order, so that two people
-- who write to the two tables at once wait for each other; the second then sees what the first did.
create function biobank_one_errand() returns trigger language plpgsql as $$
begin
    perform 1 from specimen where id in (select specimen_id from new_rows where is_open) order by id for no key update;
    if exists (select from new_rows n join pick_list_line l on l.specimen_id = n.specimen_id and l.is_open
                 join package_item i on i.specimen_id = n.specimen_id and i.is_open where n.is_open) then
        raise exception 'a tube is in one open pick list or shipment at most'
            using errcode = 'unique_violation', constraint = 'uq_tube_in_one_list_or_shipment', table = tg_table_name;
    end if;
    return null;
end $$;
do $$
declare
    named text;
begin
    foreach named in array array['pick_list_line', 'package_item'] loop
        execute format('create trigger one_errand_insert after insert on %I referencing new table as new_rows '
                       'for each statement execute function biobank_one_errand()', named);
        execute format('create trigger one_errand_update after update on %I referencing new table as new_rows '
                       'for each statement execute function biobank_one_errand()', named);
    end loop;
end $$;

-- A tube that is gone is not reserved any more; a missing one that turns up, or ends in another way, is not searched for any more.
create function biobank_existence_changed() returns trigger language plpgsql as $$
declare
    context record;
begin
    select * into context from biobank_audit_context();
    if new.existence not in ('planned', 'exists') then
        update reservation set ended_at = greatest(now(), reserved_at), ended_by = context.actor, ending = 'tube_gone'
         where specimen_id = new.id and ended_at is null;
    end if;
    if new.existence <> 'missing' then
        update tube_search set closed_at = now(), closed_by = context.actor, outcome = case new.existence when 'exists' then 'found' else 'given_up' end
         where specimen_id = new.id and closed_at is null;
    end if;
    return null;
end $$;
create trigger existence_changed after update of existence on specimen for each row
    when (old.existence <> new.existence) execute function biobank_existence_changed();

-- A tube is missing as long as it is searched for, and no longer.
create function biobank_missing_is_searched() returns trigger language plpgsql as $$
declare
    tube bigint := case tg_table_name when 'specimen' then (to_jsonb(new) ->> 'id')::bigint else (to_jsonb(new) ->> 'specimen_id')::bigint end;
begin
    if exists (select from specimen s where s.id = tube and s.existence = 'missing')
       <> exists (select from tube_search t where t.specimen_id = tube and t.closed_at is null) then
        raise exception 'a tube is missing as long as it is searched for'
            using errcode = 'check_violation', constraint = 'ck_specimen_missing_is_searched', table = 'specimen';
    end if;
    return null;
end $$;
create constraint trigger missing_is_searched after update of existence on specimen deferrable initially deferred for each row
    when (new.existence = 'missing') execute function biobank_missing_is_searched();
create constraint trigger missing_is_searched after insert or update on tube_search deferrable initially deferred for each row
    execute function biobank_missing_is_searched();

-- Existence follows custody; only "entered in error" is somebody's judgement.
create function biobank_existence_follows_custody() returns trigger language plpgsql as $$
declare
    given text := (select existence from specimen where id = new.id);
begin
    if given = 'entered_in_error' or given = coalesce((select coalesce(terminal, 'exists') from custody where specimen_id = new.id), given)
       and (given in ('planned', 'exists') or exists (select from custody where specimen_id = new.id)) then
        return null;
    end if;
    raise exception 'the existence of tube % follows from its custody and is never written directly', new.code
        using errcode = 'check_violation', constraint = 'ck_specimen_existence_follows_custody', table = 'specimen';
end $$;
create trigger existence_follows_custody after update of existence on specimen for each row
    when (old.existence <> new.existence) execute function biobank_existence_follows_custody();
create constraint trigger existence_begins_with_custody after insert on specimen deferrable initially deferred for each row
    when (new.existence not in ('planned', 'exists')) execute function biobank_existence_follows_custody();

-- A state's label goes with its state: who sets another state without a word for it takes the old word away.
create function biobank_quality_label() returns trigger language plpgsql as $$
begin
    if new.quality_label_id is not distinct from old.quality_label_id then
        new.quality_label_id := null;
    end if;
    return new;
end $$;
create trigger quality_label before update of quality on specimen for each row
    when (old.quality <> new.quality) execute function biobank_quality_label();

-- The fourth axis. A tube that is not here is free.
create view tube_claim as
select l.specimen_id, case l.status when 'picked' then 'picked' else 'listed' end as reservation,
       p.purpose, p.code as pick_list, p.created_by as claimed_by, null::timestamptz as expires_at
  from pick_list_line l join pick_list p on p.id = l.pick_list_id
 where l.is_open
union all
select r.specimen_id, 'reserved', r.purpose, null, r.reserved_by, r.expires_at
  from reservation r
 where r.ended_at is null and r.expires_at > now()
   and not exists (select from pick_list_line l where l.specimen_id = r.specimen_id and l.is_open);
