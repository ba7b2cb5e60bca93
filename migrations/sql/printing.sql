-- Print jobs: the order of their states, what of them never changes, and a row for each step.

create function biobank_print_job_state() returns trigger language plpgsql as $$
begin
    if tg_op = 'INSERT' then
        if new.status <> 'queued' then
            raise exception 'a print job begins as queued, not %', new.status
                using errcode = 'check_violation', constraint = 'ck_print_job_follows_its_states', table = 'print_job';
        end if;
        return new;
    end if;
    if (new.number, new.site_id, new.templates, new.start, new.labels, new.requested_by, new.requested_at)
       is distinct from (old.number, old.site_id, old.templates, old.start, old.labels, old.requested_by, old.requested_at)
       -- A job that waits may wait elsewhere.
       or ((old.status, new.status) <> ('queued', 'queued') and (new.printer_id, new.transport, new.stock, new.dpi)
           is distinct from (old.printer_id, old.transport, old.stock, old.dpi))
       or (new.copy_of, new.reason, new.workstation) is distinct from (old.copy_of, old.reason, old.workstation)
       or (old.sent_at is not null and new.sent_at is distinct from old.sent_at) then
        raise exception 'the snapshot of print job % never changes', old.number
            using errcode = 'check_violation', constraint = 'ck_print_job_snapshot_never_changes', table = 'print_job';
    end if;
    if new.status <> old.status and (old.status, new.status) not in (
        ('queued', 'sent'), ('queued', 'failed'), ('queued', 'cancelled'),
        ('sent', 'acknowledged'), ('sent', 'unknown'), ('sent', 'verified'), ('sent', 'failed'),
        ('unknown', 'acknowledged'), ('unknown', 'verified'), ('unknown', 'failed'),
        ('acknowledged', 'verified'), ('acknowledged', 'failed')
    ) then
        raise exception 'print job % does not go from % to %', old.number, old.status, new.status
            using errcode = 'check_violation', constraint = 'ck_print_job_follows_its_states', table = 'print_job';
    end if;
    -- Paper that may have come out is never sent to a printer again: what was sent stays sent.
    if new.status = 'failed' and old.status = 'sent' and old.transport <> 'download' then
        raise exception 'print job % is unknown before it is failed', old.number
            using errcode = 'check_violation', constraint = 'ck_print_job_follows_its_states', table = 'print_job';
    end if;
    return new;
end $$;
create trigger state before insert or update on print_job for each row execute function biobank_print_job_state();

create function biobank_print_job_step() returns trigger language plpgsql security definer
    set search_path = public, pg_temp as $$
declare
    who text := nullif(current_setting('biobank.actor', true), '');
begin
    if tg_op = 'INSERT' or new.status <> old.status or new.trouble is distinct from old.trouble or new.printer_id <> old.printer_id then
        insert into print_job_step (job_id, status, trouble, detail, printer_id, actor_id)
        values (new.id, new.status, new.trouble, new.detail, new.printer_id, case when who = 'service' then null else who::bigint end);
    end if;
    return null;
end $$;
create trigger step after insert or update on print_job for each row execute function biobank_print_job_step();

-- A job has as many labels as it says, and a label keeps its job's order.
create function biobank_print_job_whole() returns trigger language plpgsql as $$
begin
    if (select count(*) from print_job_label where job_id = new.id) <> new.labels then
        raise exception 'print job % does not have its % labels', new.number, new.labels
            using errcode = 'check_violation', constraint = 'ck_print_job_whole', table = 'print_job';
    end if;
    return null;
end $$;
create constraint trigger whole after insert on print_job deferrable initially deferred for each row execute function biobank_print_job_whole();

create function biobank_printer_kind() returns trigger language plpgsql as $$
begin
    if (new.kind, new.site_id, new.name) is distinct from (old.kind, old.site_id, old.name) then
        raise exception 'printer % keeps its kind, site and name', old.name
            using errcode = 'check_violation', constraint = 'ck_printer_kind_never_changes', table = 'printer';
    end if;
    return new;
end $$;
create trigger kind before update on printer for each row execute function biobank_printer_kind();

call biobank_append_only('print_job_label');
call biobank_append_only('print_job_step');

-- What stands on the label of a shipment (number 0) and of each of its packages.
create view parcel as
select x.code, x.code as shipment, 0 as number, (select count(*) from package g where g.shipment_id = x.id) as packages, x.study_id, x.from_site_id, x.to_site_id,
       f.name as sender, coalesce(t.name, p.name) as consignee, x.classification, null::numeric as dry_ice_net_kg, x.id as shipment_id, x.status
  from shipment x join site f on f.id = x.from_site_id left join site t on t.id = x.to_site_id left join external_party p on p.id = x.to_party_id
union all
select g.code, x.code, g.number, (select count(*) from package h where h.shipment_id = x.id), x.study_id, x.from_site_id, x.to_site_id,
       f.name, coalesce(t.name, p.name), x.classification, g.dry_ice_net_kg, x.id, x.status
  from package g join shipment x on x.id = g.shipment_id join site f on f.id = x.from_site_id left join site t on t.id = x.to_site_id
  left join external_party p on p.id = x.to_party_id;
