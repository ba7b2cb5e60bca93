-- Released results are immutable; a successor replaces them, with a reason.

create function biobank_guard_result_version() returns trigger language plpgsql as $$
begin
    if tg_op = 'UPDATE' and old.status = 'released' and new.status in ('superseded', 'corrected', 'withdrawn') and new.reason is not null
       and (to_jsonb(new) - array['status', 'reason', 'is_current', 'ended_at']) = (to_jsonb(old) - array['status', 'reason', 'is_current', 'ended_at']) then
        return new;
    end if;
    raise exception 'a released result is never changed: make a new version with a reason'
        using errcode = 'check_violation', constraint = 'ck_result_version_released_is_immutable', table = 'result_version';
end $$;
create trigger released_is_immutable before update on result_version for each row
    when (old.status in ('released', 'superseded', 'corrected', 'withdrawn')) execute function biobank_guard_result_version();
create trigger released_is_kept before delete on result_version for each row
    when (old.status in ('released', 'superseded', 'corrected', 'withdrawn')) execute function biobank_guard_result_version();
create trigger no_truncate before truncate on result_version for each statement execute function biobank_refuse();

create function biobank_guard_run() returns trigger language plpgsql as $$
begin
    raise exception 'run % is released and never changes', old.name
        using errcode = 'check_violation', constraint = 'ck_assay_run_released_is_immutable', table = 'assay_run';
end $$;
create trigger released_is_immutable before update or delete on assay_run for each row
    when (old.status = 'released') execute function biobank_guard_run();

call biobank_append_only('result');
call biobank_append_only('control_reading');
call biobank_append_only('raw_file');
call biobank_append_only('column_mapping');
