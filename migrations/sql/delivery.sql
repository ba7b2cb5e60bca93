-- Codes of makers: a registered code goes on one tube for ever, and where a study says so no other code is taken.

create function biobank_keep_vendor_code() returns trigger language plpgsql as $$
begin
    if old.specimen_id is not null
       or (old.id, old.delivery_id, old.study_id, old.namespace, old.value) is distinct from (new.id, new.delivery_id, new.study_id, new.namespace, new.value) then
        raise exception 'code % of % is on record for ever', old.value, old.namespace
            using errcode = 'check_violation', constraint = 'ck_vendor_code_stays', table = 'vendor_code';
    end if;
    return new;
end $$;
create trigger keep_vendor_code before update on vendor_code for each row execute function biobank_keep_vendor_code();

create function biobank_apply_vendor_code() returns trigger language plpgsql as $$
begin
    if not exists (select from new_rows where namespace <> 'house' and specimen_id is not null) then
        return null;
    end if;
    if exists (select from new_rows n join specimen s on s.id = n.specimen_id
                 join vendor_code_rule r on r.study_id = s.study_id and r.namespace = n.namespace and r.required
                where not exists (select from vendor_code v
                                   where v.namespace = n.namespace and v.value = n.value and v.study_id = s.study_id)) then
        raise exception 'a code of a maker was never registered at goods-in'
            using errcode = 'check_violation', constraint = 'ck_identifier_vendor_code_registered', table = 'identifier';
    end if;
    update vendor_code v set specimen_id = n.specimen_id, applied_at = now()
      from new_rows n where v.namespace = n.namespace and v.value = n.value and n.specimen_id is not null and v.specimen_id is null;
    return null;
end $$;
create trigger apply_vendor_code after insert on identifier referencing new table as new_rows
    for each statement execute function biobank_apply_vendor_code();
