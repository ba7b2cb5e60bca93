-- Pre-printed labels: a range stays with its site, a label is used once or voided once, and only a label that was taken names a tube.

create function biobank_keep_range() returns trigger language plpgsql as $$
begin
    raise exception 'range % of labels was issued and stays with its site', old.id
        using errcode = 'check_violation', constraint = 'ck_label_range_issued_is_final', table = 'label_range';
end $$;
create trigger issued_is_final before update on label_range for each row
    when ((old.id, old.study_id, old.count) is distinct from (new.id, new.study_id, new.count)
          or (old.issued_at is not null and (old.site_id, old.issued_by, old.issued_at) is distinct from (new.site_id, new.issued_by, new.issued_at))
          or (old.received_at is not null and (old.received_by, old.received_at) is distinct from (new.received_by, new.received_at)))
    execute function biobank_keep_range();

create function biobank_keep_label() returns trigger language plpgsql as $$
begin
    if old.voided_at is not null then
        raise exception 'label % is void for ever', old.code
            using errcode = 'check_violation', constraint = 'ck_range_label_voided_is_final', table = 'range_label';
    end if;
    if old.specimen_id is not null or (old.applied_at is not null and
        (old.applied_at, old.applied_by, old.applied_site_id, null) is distinct from (new.applied_at, new.applied_by, new.applied_site_id, new.voided_at)) then
        raise exception 'label % was used', old.code
            using errcode = 'check_violation', constraint = 'ck_range_label_applied_once', table = 'range_label';
    end if;
    if (old.id, old.range_id, old.position, old.code) is distinct from (new.id, new.range_id, new.position, new.code) then
        raise exception 'label % stays in its range', old.code
            using errcode = 'check_violation', constraint = 'ck_range_label_stays', table = 'range_label';
    end if;
    return new;
end $$;
create trigger keep_label before update on range_label for each row execute function biobank_keep_label();

-- A code that names a thing already is not printed for another one.
create function biobank_check_new_labels() returns trigger language plpgsql as $$
begin
    if exists (select from new_rows n join identifier i on i.namespace = 'house' and i.value = n.code) then
        raise exception 'a code of the range names a thing already'
            using errcode = 'check_violation', constraint = 'ck_range_label_code_is_new', table = 'range_label';
    end if;
    if exists (select from new_rows where applied_at is not null or voided_at is not null) then
        raise exception 'a label is born unused'
            using errcode = 'check_violation', constraint = 'ck_range_label_stays', table = 'range_label';
    end if;
    return null;
end $$;
create trigger check_new_labels after insert on range_label referencing new table as new_rows
    for each statement execute function biobank_check_new_labels();

-- Whatever enters a pre-printed code in the register has taken its label before; the label then knows its tube, and every printing of its
-- range is a copy of the tube's label. The last one was scanned when it was taken. By index, as in biobank_custody_history.
create function biobank_apply_label() returns trigger language plpgsql
    set random_page_cost = 0.1 set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
begin
    if not exists (select from new_rows n join range_label l on l.code = n.value where n.namespace = 'house') then
        return null;
    end if;
    if exists (select from new_rows n join range_label l on l.code = n.value
                where n.namespace = 'house' and (l.applied_at is null or l.specimen_id is not null or n.specimen_id is null)) then
        raise exception 'a pre-printed label is taken from its range before it names a tube'
            using errcode = 'check_violation', constraint = 'ck_identifier_label_is_taken_first', table = 'identifier';
    end if;
    update range_label l set specimen_id = n.specimen_id from new_rows n where n.namespace = 'house' and l.code = n.value;
    insert into label_print (identifier_id, copy_no, reason, template, template_version, stock, printed_by, printed_at, verified_by, verified_at)
    select n.id, p.copy_no, p.reason, p.template, p.template_version, p.stock, p.printed_by, p.printed_at,
           case when p.copy_no = last.copy_no then l.applied_by end, case when p.copy_no = last.copy_no then l.applied_at end
      from new_rows n join range_label l on l.code = n.value join range_print p on p.range_id = l.range_id
      cross join lateral (select max(q.copy_no) as copy_no from range_print q where q.range_id = l.range_id) last
     where n.namespace = 'house'
     order by n.id, p.copy_no;
    return null;
end $$;
create trigger apply_label after insert on identifier referencing new table as new_rows
    for each statement execute function biobank_apply_label();

-- A label that was taken is on a tube by the end of the transaction.
create function biobank_check_label_on_tube() returns trigger language plpgsql as $$
begin
    if exists (select from range_label where id = new.id and applied_at is not null and specimen_id is null) then
        raise exception 'label % was taken for no tube', new.code
            using errcode = 'check_violation', constraint = 'ck_range_label_is_on_a_tube', table = 'range_label';
    end if;
    return null;
end $$;
create constraint trigger on_a_tube after update of applied_at on range_label deferrable initially deferred for each row
    when (new.applied_at is not null) execute function biobank_check_label_on_tube();
call biobank_append_only('range_print');
call biobank_append_only('kit');

-- A doubt is settled once; until then no update lifts the hold that stands for it.
create function biobank_keep_doubt() returns trigger language plpgsql as $$
begin
    raise exception 'a doubt that was settled stays as it is'
        using errcode = 'check_violation', constraint = 'ck_identity_doubt_settled_is_final', table = 'identity_doubt';
end $$;
create trigger settled_is_final before update on identity_doubt for each row
    when (old.settled_at is not null) execute function biobank_keep_doubt();

create function biobank_keep_doubtful() returns trigger language plpgsql as $$
begin
    if exists (select from identity_doubt d where d.specimen_id = old.id and d.settled_at is null) then
        raise exception 'it is in doubt whose tube % is', old.code
            using errcode = 'check_violation', constraint = 'ck_specimen_doubt_is_settled_first', table = 'specimen';
    end if;
    return new;
end $$;
create trigger doubt_is_settled_first before update of hold on specimen for each row
    when (old.hold = 'identity_doubt' and new.hold is distinct from old.hold) execute function biobank_keep_doubtful();
