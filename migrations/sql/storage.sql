-- Containers: what their types allow, where they stand and have stood, how full boxes are, and positions that are kept free.

-- A box holds tubes and nothing else, and no type stands in itself at any depth: with the keys of `container` that makes circles impossible.
create function biobank_container_type_child() returns trigger language plpgsql as $$
begin
    -- Two that would close a circle together take turns, and the second sees what the first did.
    perform pg_advisory_xact_lock(hashtext('container_type_child'));
    if exists (select from new_rows n join container_type p on p.id = n.parent_type_id where p.level = 'box') then
        raise exception 'nothing but tubes stands in a box'
            using errcode = 'check_violation', constraint = 'ck_container_type_child_boxes_hold_tubes', table = 'container_type_child';
    end if;
    if exists (with recursive down(top, id) as (
                   select n.parent_type_id, n.child_type_id from new_rows n
                   union select d.top, c.child_type_id from down d join container_type_child c on c.parent_type_id = d.id
               ) select from down where top = id) then
        raise exception 'a type of container would stand in itself'
            using errcode = 'check_violation', constraint = 'ck_container_type_child_circle', table = 'container_type_child';
    end if;
    return null;
end $$;
create trigger no_circle_insert after insert on container_type_child referencing new table as new_rows
    for each statement execute function biobank_container_type_child();
create trigger no_circle_update after update on container_type_child referencing new table as new_rows
    for each statement execute function biobank_container_type_child();

create function biobank_container_type_names() returns trigger language plpgsql as $$
begin
    if new.position_names is not null
       and ((select count(distinct upper(n)) from unnest(new.position_names) n) < cardinality(new.position_names)
            or exists (select from unnest(new.position_names) n where n is null or n <> btrim(n) or char_length(n) not between 1 and 8)) then
        raise exception 'positions have names of 1 to 8 characters, each once'
            using errcode = 'check_violation', constraint = 'ck_container_type_names_differ', table = 'container_type';
    end if;
    return new;
end $$;
create trigger names_differ before insert or update of position_names on container_type
    for each row execute function biobank_container_type_names();

-- Positions and their names stay what they are while anything stands in one, or one is kept free. Whoever is about to put something there
-- holds the container's key, so the containers are locked before they are looked into.
create function biobank_container_type_grid() returns trigger language plpgsql as $$
begin
    perform from container c where c.type_id = new.id order by c.id for update;
    if exists (select from container c join custody u on u.container_id = c.id where c.type_id = new.id)
       or exists (select from container c join container k on k.parent_id = c.id where c.type_id = new.id and k.slot_row is not null)
       or exists (select from container c join reserved_position p on p.container_id = c.id and p.ended_at is null where c.type_id = new.id)
       or (new.level <> old.level and exists (select from container c where c.type_id = new.id)) then
        raise exception 'the grid of a type cannot change while something stands in a container of it'
            using errcode = 'check_violation', constraint = 'ck_container_type_grid_in_use', table = 'container_type';
    end if;
    return null;
end $$;
create trigger grid_in_use after update on container_type for each row
    when ((old.rows, old.cols, old.label_scheme, old.rows_per_group, old.position_names, old.level)
          is distinct from (new.rows, new.cols, new.label_scheme, new.rows_per_group, new.position_names, new.level))
    execute function biobank_container_type_grid();

-- What is out of use for good stays so, and is empty.
create function biobank_container_retired() returns trigger language plpgsql as $$
begin
    if old.status = 'decommissioned' and new.status <> 'decommissioned' then
        raise exception 'a container that is out of use for good stays so'
            using errcode = 'check_violation', constraint = 'ck_container_retired_is_final', table = 'container';
    end if;
    if new.status = 'decommissioned' and exists (select from custody u where u.container_id = new.id) then
        raise exception 'a container that holds tubes cannot go out of use'
            using errcode = 'check_violation', constraint = 'ck_container_retired_is_empty', table = 'container';
    end if;
    return new;
end $$;
create trigger retired before update of status on container for each row
    when (old.status is distinct from new.status) execute function biobank_container_retired();

-- Who moves a container without saying when, moves it now.
create function biobank_container_placed() returns trigger language plpgsql as $$
begin
    new.placed_at := now();
    return new;
end $$;
create trigger placed before update on container for each row
    when ((old.parent_id, old.slot_row, old.slot_col) is distinct from (new.parent_id, new.slot_row, new.slot_col) and old.placed_at = new.placed_at)
    execute function biobank_container_placed();

-- Runs with the rights of the schema's owner: the service itself may not write the history.
create function biobank_container_place() returns trigger language plpgsql security definer set search_path = public as $$
declare
    context record;
begin
    select * into context from biobank_audit_context();
    if exists (select from new_rows n join container p on p.id = n.parent_id join container_type t on t.id = p.type_id
                where n.slot_row is not null and (t.rows is null or n.slot_row >= t.rows or n.slot_col >= t.cols)) then
        raise exception 'a container was placed in a slot that its parent does not have'
            using errcode = 'check_violation', constraint = 'ck_container_slot_in_bounds', table = 'container';
    end if;
    if tg_op = 'UPDATE' then
        if exists (select from new_rows n join old_rows o using (id) where n.type_id <> o.type_id
                      and (exists (select from custody u where u.container_id = n.id)
                           or exists (select from reserved_position p where p.container_id = n.id and p.ended_at is null))) then
            raise exception 'a container keeps its type while something stands in it'
                using errcode = 'check_violation', constraint = 'ck_container_type_stays_while_in_use', table = 'container';
        end if;
        if exists (select from new_rows n join old_rows o using (id) join container_type t on t.id = n.type_id join container_type b on b.id = o.type_id
                    where t.level <> b.level) then
            raise exception 'the level of a container stays: its code says what it is'
                using errcode = 'check_violation', constraint = 'ck_container_level_stays', table = 'container';
        end if;
        update container_place h set until = greatest(h.since, n.placed_at)
          from new_rows n join old_rows o using (id)
         where h.container_id = n.id and h.until is null
           and (o.parent_id, o.slot_row, o.slot_col) is distinct from (n.parent_id, n.slot_row, n.slot_col);
    end if;
    if exists (select from new_rows n join reserved_position p on p.container_id = n.parent_id and p.row = n.slot_row and p.col = n.slot_col
                join storage_reservation r on r.id = p.reservation_id
               where p.ended_at is null and r.expires_at > now()) then
        raise exception 'a container was placed in a slot that is reserved'
            using errcode = 'check_violation', constraint = 'ck_container_slot_reserved', table = 'container';
    end if;
    -- A container that is new has no history, and one that stays where it is keeps its open row.
    insert into container_place (container_id, parent_id, slot_row, slot_col, since, actor_id, tx)
    select n.id, n.parent_id, n.slot_row, n.slot_col, n.placed_at, context.actor, context.tx
      from new_rows n where not exists (select from container_place h where h.container_id = n.id and h.until is null) order by n.id;
    return null;
end $$;
create trigger place_insert after insert on container referencing new table as new_rows
    for each statement execute function biobank_container_place();
create trigger place_update after update on container referencing old table as old_rows new table as new_rows
    for each statement execute function biobank_container_place();

-- The way down to each container. Whoever moves something holds what it moves into, up to the outermost, so that no part of the way moves
-- meanwhile: a rack that goes into a freezer and the freezer that goes into another room take turns.
create function biobank_container_path() returns trigger language plpgsql security definer set search_path = public as $$
declare
    moved bigint[];
begin
    if tg_op = 'INSERT' then
        moved := array(select id from new_rows);
    else
        moved := array(select n.id from new_rows n join old_rows o using (id) where n.parent_id is distinct from o.parent_id);
    end if;
    if cardinality(moved) = 0 then
        return null;
    end if;
    perform from container c where c.id in (
        with recursive up(id) as (
            select n.parent_id from new_rows n where n.id = any (moved) union select p.parent_id from container p join up on p.id = up.id
        ) select id from up where id <> all (moved)) order by c.id for share;
    insert into container_path (container_id, ancestors)
    with recursive affected(id) as (
        select unnest(moved) union select c.id from container c join affected a on c.parent_id = a.id
    ), up(id, above, ancestors) as (
        select a.id, c.parent_id, array[a.id] from affected a join container c using (id)
        union all
        select u.id, c.parent_id, c.id || u.ancestors from up u join container c on c.id = u.above
    ) select id, ancestors from up where above is null
    on conflict (container_id) do update set ancestors = excluded.ancestors;
    return null;
end $$;
create trigger path_insert after insert on container referencing new table as new_rows
    for each statement execute function biobank_container_path();
create trigger path_update after update on container referencing old table as old_rows new table as new_rows
    for each statement execute function biobank_container_path();
create trigger no_delete before delete or truncate on container for each statement execute function biobank_refuse();

-- Where containers have stood. Of the time before one was first entered it is said that it stood where it was entered.
create view container_stood as
select p.container_id, p.parent_id, p.slot_row, p.slot_col, p.until,
       case when exists (select from container_place e where e.container_id = p.container_id and e.since < p.since) then p.since else '-infinity' end as began
  from container_place p;

-- What a tube at a position must hold to, and the count of each box. By index, as biobank_custody_history has it and for its reasons.
create function biobank_custody_in_box() returns trigger language plpgsql security definer
    set search_path = public set random_page_cost = 0.1 set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
declare
    change record;
begin
    if exists (select from new_rows n cross join lateral (
                   select from reserved_position p join storage_reservation r on r.id = p.reservation_id
                    where p.container_id = n.container_id and p.row = n.row and p.col = n.col and p.ended_at is null and r.expires_at > now() offset 0) held) then
        raise exception 'a tube was placed at a position that is reserved'
            using errcode = 'check_violation', constraint = 'ck_custody_position_reserved', table = 'custody';
    end if;
    if exists (select from new_rows n cross join lateral (
                   select c.type_id from container c where c.id = n.container_id and exists (select from container_type_format f where f.container_type_id = c.type_id) offset 0) box
                cross join lateral (
                   select k.format from specimen s join tube_type k on k.code = s.tube_type where s.id = n.specimen_id offset 0) tube
                where tube.format is not null
                  and not exists (select from container_type_format f where f.container_type_id = box.type_id and f.tube_format = tube.format)) then
        raise exception 'a tube was placed in a box that its format does not go into'
            using errcode = 'check_violation', constraint = 'ck_custody_tube_fits_box', table = 'custody';
    end if;
    if tg_op = 'UPDATE' then
        for change in select container_id, sum(tubes) as tubes
                        from (select container_id, 1 as tubes from new_rows union all select container_id, -1 from old_rows) moved
                       where container_id is not null group by container_id having sum(tubes) <> 0 order by container_id loop
            perform biobank_count_box(change.container_id, change.tubes::int);
        end loop;
    else
        for change in select container_id, count(*) as tubes from new_rows where container_id is not null group by container_id order by container_id loop
            perform biobank_count_box(change.container_id, change.tubes::int);
        end loop;
    end if;
    return null;
end $$;
create trigger in_box_insert after insert on custody referencing new table as new_rows
    for each statement execute function biobank_custody_in_box();
create trigger in_box_update after update on custody referencing old table as old_rows new table as new_rows
    for each statement execute function biobank_custody_in_box();

-- Waits for nobody: where the row of this box is in another transaction's hands, the change gets a row of its own.
create function biobank_count_box(box bigint, change int) returns void language plpgsql as $$
begin
    update box_count set tubes = tubes + change
     where id = (select b.id from box_count b where b.container_id = box limit 1 for update skip locked);
    if not found then
        insert into box_count (container_id, tubes) values (box, change);
    end if;
end $$;

-- A position is reserved where nothing stands. Whoever puts something there holds the container's key, so it is locked first.
create function biobank_reserve_position() returns trigger language plpgsql as $$
begin
    perform from container c where c.id in (select container_id from new_rows) order by c.id for update;
    if exists (select from new_rows n join container c on c.id = n.container_id join container_type t on t.id = c.type_id
                where t.rows is null or n.row >= t.rows or n.col >= t.cols) then
        raise exception 'a position was reserved that the container does not have'
            using errcode = 'check_violation', constraint = 'ck_reserved_position_in_bounds', table = 'reserved_position';
    end if;
    if exists (select from new_rows n join custody u on u.container_id = n.container_id and u.row = n.row and u.col = n.col where n.ended_at is null)
       or exists (select from new_rows n join container k on k.parent_id = n.container_id and k.slot_row = n.row and k.slot_col = n.col where n.ended_at is null) then
        raise exception 'a position was reserved at which something stands'
            using errcode = 'check_violation', constraint = 'ck_reserved_position_is_free', table = 'reserved_position';
    end if;
    return null;
end $$;
create trigger is_free after insert on reserved_position referencing new table as new_rows
    for each statement execute function biobank_reserve_position();

create function biobank_guard_reserved_position() returns trigger language plpgsql as $$
begin
    if old.ended_at is not null or (to_jsonb(new) - array['ended_at', 'ended_as', 'ended_by']) <> (to_jsonb(old) - array['ended_at', 'ended_as', 'ended_by']) then
        raise exception 'a position is reserved once, and its end is final'
            using errcode = 'check_violation', constraint = 'ck_reserved_position_end_is_final', table = 'reserved_position';
    end if;
    return new;
end $$;
create trigger end_is_final before update on reserved_position for each row execute function biobank_guard_reserved_position();
create trigger no_delete before delete or truncate on reserved_position for each statement execute function biobank_refuse();
