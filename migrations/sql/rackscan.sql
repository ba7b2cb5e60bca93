-- Scans of racks: what was read stays as it was read, and a scan that was committed or discarded stays so.

create function biobank_keep_rack_scan() returns trigger language plpgsql as $$
begin
    if old.status <> 'open' then
        raise exception 'scan % was %', old.id, old.status
            using errcode = 'check_violation', constraint = 'ck_rack_scan_settled_is_final', table = 'rack_scan';
    end if;
    if (old.id, old.container_id, old.sha256, old.content, old.cells, old.read_by, old.read_at)
       is distinct from (new.id, new.container_id, new.sha256, new.content, new.cells, new.read_by, new.read_at) then
        raise exception 'scan % stays as it was read', old.id
            using errcode = 'check_violation', constraint = 'ck_rack_scan_stays_as_read', table = 'rack_scan';
    end if;
    return new;
end $$;
create trigger keep_rack_scan before update on rack_scan for each row execute function biobank_keep_rack_scan();

-- An answer that arrives while the scan is being settled waits for it, and is then refused.
create function biobank_check_rack_scan_open() returns trigger language plpgsql as $$
begin
    if (select status from rack_scan where id = new.rack_scan_id for share) <> 'open' then
        raise exception 'scan % is finished', new.rack_scan_id
            using errcode = 'check_violation', constraint = 'ck_rack_scan_settled_is_final', table = tg_table_name;
    end if;
    return new;
end $$;
create trigger while_open before insert or update on rack_scan_answer for each row execute function biobank_check_rack_scan_open();
create trigger while_open before insert or update on rack_scan_decision for each row execute function biobank_check_rack_scan_open();
