-- What past work refers to stays as it was: retired equipment, and the settings of programs.

create function biobank_refuse_return() returns trigger language plpgsql as $$
begin
    raise exception 'equipment % is retired and stays so', old.code
        using errcode = 'check_violation', constraint = 'ck_equipment_retired_is_final', table = 'equipment';
end $$;
create trigger retired_is_final before update of status on equipment for each row
    when (old.status = 'retired' and new.status <> 'retired') execute function biobank_refuse_return();

create function biobank_refuse_other_settings() returns trigger language plpgsql as $$
begin
    raise exception 'the settings of program % never change', old.code
        using errcode = 'check_violation', constraint = 'ck_equipment_program_never_changes', table = 'equipment_program';
end $$;
create trigger never_changes before update on equipment_program for each row
    when ((old.equipment_id, old.code, old.g_force, old.minutes, old.celsius, old.brake)
          is distinct from (new.equipment_id, new.code, new.g_force, new.minutes, new.celsius, new.brake))
    execute function biobank_refuse_other_settings();
