-- What SPREC depends on: where boxes stood, and which tubes' codes are to be computed anew.

-- The temperature that rules in a box is that of the innermost freezer or bench above it, or its own where there is none.
-- Runs with the rights of the schema's owner: the service itself may not write this history.
create function biobank_box_climate() returns trigger language plpgsql security definer set search_path = public as $$
declare
    moved bigint[];
begin
    if tg_op = 'INSERT' then
        -- A new box holds no tube yet and stood nowhere before.
        insert into box_climate (container_id, temperature_class, on_bench)
        with recursive up(box, id, depth) as (
            select n.id, n.id, 0 from new_rows n join container_type t on t.id = n.type_id where t.level = 'box'
            union all
            select u.box, c.parent_id, u.depth + 1 from up u join container c on c.id = u.id where c.parent_id is not null
        )
        select distinct on (u.box) u.box, c.temperature_class, t.level = 'bench'
          from up u join container c on c.id = u.id join container_type t on t.id = c.type_id
         where t.level in ('freezer', 'bench') or u.depth = 0
         order by u.box, t.level in ('freezer', 'bench') desc, u.depth;
        return null;
    end if;
    moved := array(select n.id from new_rows n join old_rows o using (id)
                    where (n.parent_id, n.temperature_class) is distinct from (o.parent_id, o.temperature_class));
    if cardinality(moved) = 0 then
        return null;
    end if;
    create temporary table if not exists biobank_climate (box bigint, temperature_class text, on_bench boolean) on commit delete rows;
    truncate biobank_climate;
    insert into biobank_climate
    with recursive affected(id) as (
        select unnest(moved) union select c.id from container c join affected a on c.parent_id = a.id
    ), up(box, id, depth) as (
        select c.id, c.id, 0 from affected a join container c using (id) join container_type t on t.id = c.type_id where t.level = 'box'
        union all
        select u.box, c.parent_id, u.depth + 1 from up u join container c on c.id = u.id where c.parent_id is not null
    )
    select distinct on (u.box) u.box, c.temperature_class, t.level = 'bench'
      from up u join container c on c.id = u.id join container_type t on t.id = c.type_id
     where t.level in ('freezer', 'bench') or u.depth = 0
     order by u.box, t.level in ('freezer', 'bench') desc, u.depth;
    update box_climate b set until = now() from biobank_climate c
     where b.container_id = c.box and b.until is null and (b.temperature_class, b.on_bench) is distinct from (c.temperature_class, c.on_bench);
    insert into box_climate (container_id, temperature_class, on_bench, since)
    select c.box, c.temperature_class, c.on_bench, (select max(e.until) from box_climate e where e.container_id = c.box)
      from biobank_climate c where not exists (select from box_climate e where e.container_id = c.box and e.until is null)
     order by c.box;
    insert into sprec_due (specimen_id, reason)
    select u.specimen_id, 'its box was moved to another temperature'
      from custody u join box_climate b on b.container_id = u.container_id
     where b.until is null and b.since = now() and b.container_id in (select box from biobank_climate)
    on conflict (specimen_id) do nothing;
    return null;
end $$;
create trigger climate_insert after insert on container referencing new table as new_rows
    for each statement execute function biobank_box_climate();
create trigger climate_update after update on container referencing old table as old_rows new table as new_rows
    for each statement execute function biobank_box_climate();

create function biobank_sprec_stored() returns trigger language plpgsql as $$
begin
    insert into sprec_due (specimen_id, reason)
    select n.specimen_id, 'stored' from new_rows n where n.container_id is not null order by n.specimen_id
    on conflict (specimen_id) do nothing;
    return null;
end $$;
create trigger sprec_stored after insert on custody_history referencing new table as new_rows
    for each statement execute function biobank_sprec_stored();

-- Codes that stand already and were made of what changed: those of the tubes and of all that came of them.
create function biobank_sprec_again(tubes bigint[], why text) returns void language sql as $$
    with recursive down(id) as (
        select unnest(tubes) union select d.child_id from derivation d join down on d.parent_id = down.id
    )
    insert into sprec_due (specimen_id, reason)
    select s.specimen_id, why from sprec s join down on down.id = s.specimen_id where s.superseded_at is null order by 1
    on conflict (specimen_id) do nothing
$$;

create function biobank_sprec_worked() returns trigger language plpgsql as $$
begin
    if exists (select from sprec) then
        perform biobank_sprec_again(array(select distinct specimen_id from new_rows), 'work was recorded on it or on what it was made from');
    end if;
    return null;
end $$;
create trigger sprec_worked after insert on processing_input referencing new table as new_rows
    for each statement execute function biobank_sprec_worked();

create function biobank_sprec_corrected() returns trigger language plpgsql as $$
begin
    if tg_table_name = 'collection_event' then
        perform biobank_sprec_again(array(
            select s.id from new_rows n join old_rows o using (id) join specimen s on s.collection_event_id = n.id
             where n.collected_at is distinct from o.collected_at), 'the collection time was corrected');
    else
        perform biobank_sprec_again(array(
            select i.specimen_id from new_rows n join old_rows o using (id) join processing_input i on i.processing_event_id = n.id
             where to_jsonb(n) is distinct from to_jsonb(o)), 'work on it was corrected');
    end if;
    return null;
end $$;
create trigger sprec_corrected after update on collection_event referencing old table as old_rows new table as new_rows
    for each statement execute function biobank_sprec_corrected();
create trigger sprec_corrected after update on processing_event referencing old table as old_rows new table as new_rows
    for each statement execute function biobank_sprec_corrected();

-- A code that was computed is never edited; it is superseded once, with words.
create function biobank_guard_sprec() returns trigger language plpgsql as $$
begin
    if tg_op = 'UPDATE' and old.superseded_at is null and new.superseded_at is not null
       and (to_jsonb(new) - array['superseded_at', 'superseded_because']) = (to_jsonb(old) - array['superseded_at', 'superseded_because']) then
        return new;
    end if;
    raise exception 'a computed SPREC is never changed: it is superseded by a new one'
        using errcode = 'check_violation', constraint = 'ck_sprec_never_changes', table = 'sprec';
end $$;
create trigger never_changes before update or delete on sprec for each row execute function biobank_guard_sprec();
create trigger no_truncate before truncate on sprec for each statement execute function biobank_refuse();

call biobank_append_only('sprec_code');

-- What a version of an assay asks of tubes is part of the version: once a run was planned with it, it never changes.
create function biobank_guard_fitness() returns trigger language plpgsql as $$
declare
    used boolean;
begin
    if tg_table_name = 'fitness_rule' then
        used := exists (select from new_rows n join assay_run r on r.assay_version_id = n.assay_version_id);
    else
        used := exists (select from new_rows n join fitness_rule f on f.id = n.fitness_rule_id
                          join assay_run r on r.assay_version_id = f.assay_version_id);
    end if;
    if used then
        raise exception 'a version of an assay that was used never changes: add a version'
            using errcode = 'check_violation', constraint = 'ck_fitness_rule_version_was_used', table = 'fitness_rule';
    end if;
    return null;
end $$;
do $$
declare
    named text;
begin
    foreach named in array array['fitness_rule', 'fitness_measurement', 'fitness_deviation', 'fitness_sprec'] loop
        execute format('create trigger version_was_used after insert on %I referencing new table as new_rows '
                       'for each statement execute function biobank_guard_fitness()', named);
        call biobank_append_only(named);
    end loop;
end $$;
