-- Everything that is born with a house id is entered in the register of codes by the database itself.
create function biobank_register_house_id() returns trigger language plpgsql as $$
begin
    execute format('insert into identifier (namespace, value, %I) select ''house'', code, id from new_rows', tg_argv[0]);
    return null;
end $$;

create function biobank_refuse_code_change() returns trigger language plpgsql as $$
begin
    raise exception 'the code % of a % never changes', old.code, tg_table_name
        using errcode = 'check_violation', constraint = 'ck_' || tg_table_name || '_code_never_changes', table = tg_table_name;
end $$;

do $$
declare
    thing text;
begin
    foreach thing in array array['participant', 'specimen', 'container', 'shipment', 'package', 'plate', 'pick_list', 'kit'] loop
        execute format('create trigger register_house_id after insert on %I referencing new table as new_rows '
                       'for each statement execute function biobank_register_house_id(%L)', thing, thing || '_id');
        execute format('create trigger refuse_code_change before update of code on %I for each row '
                       'when (old.code is distinct from new.code) execute function biobank_refuse_code_change()', thing);
    end loop;
end $$;
