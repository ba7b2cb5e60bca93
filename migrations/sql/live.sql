-- Who looks at a place hears that something changed in it: the ids of the boxes whose content changed (`b17`), and of the containers that
-- came, went or changed (`c17`). What changes more places than a person follows is said as one notice (`*`).

create function biobank_say_changed(kind text, places bigint[]) returns void language plpgsql as $$
begin
    if cardinality(places) > 50 then
        perform pg_notify('biobank_place', '*');
    else
        perform pg_notify('biobank_place', kind || place) from unnest(places) place;
    end if;
end $$;

create function biobank_box_changed() returns trigger language plpgsql as $$
begin
    if tg_op = 'INSERT' then
        perform biobank_say_changed('b', array(select distinct container_id from new_rows where container_id is not null));
    else
        perform biobank_say_changed('b', array(select container_id from new_rows where container_id is not null
                                               union select container_id from old_rows where container_id is not null));
    end if;
    return null;
end $$;
create trigger say_insert after insert on custody referencing new table as new_rows
    for each statement execute function biobank_box_changed();
create trigger say_update after update on custody referencing old table as old_rows new table as new_rows
    for each statement execute function biobank_box_changed();

create function biobank_container_changed() returns trigger language plpgsql as $$
begin
    if tg_op = 'INSERT' then
        perform biobank_say_changed('c', array(select distinct parent_id from new_rows where parent_id is not null));
    else
        perform biobank_say_changed('c', array(select id from new_rows union select parent_id from new_rows where parent_id is not null
                                               union select parent_id from old_rows where parent_id is not null));
    end if;
    return null;
end $$;
create trigger say_insert after insert on container referencing new table as new_rows
    for each statement execute function biobank_container_changed();
create trigger say_update after update on container referencing old table as old_rows new table as new_rows
    for each statement execute function biobank_container_changed();
