-- A published or discarded version of a label template never changes, and labels are printed with published ones only: not through the service, not by SQL.
create function biobank_refuse_final_template() returns trigger language plpgsql as $$
begin
    if tg_op = 'INSERT' and new.status = 'draft' then
        return new;
    end if;
    if tg_op = 'UPDATE' and old.status = 'draft' and new.template = old.template and new.number = old.number then
        return new;
    end if;
    raise exception 'version % of a label template is %: % is refused', coalesce(old.number, new.number), coalesce(old.status, new.status), tg_op
        using errcode = 'check_violation', constraint = 'ck_label_template_version_final', table = 'label_template_version';
end $$;
create trigger final_template before insert or update or delete on label_template_version for each row execute function biobank_refuse_final_template();

create function biobank_refuse_other_template() returns trigger language plpgsql as $$
begin
    if tg_op = 'UPDATE' and new.name = old.name and new.kind = old.kind and new.study_id is not distinct from old.study_id then
        return new;
    end if;
    raise exception 'label template % keeps its name, kind and study: % is refused', old.name, tg_op
        using errcode = 'check_violation', constraint = 'ck_label_template_version_final', table = 'label_template';
end $$;
create trigger other_template before update or delete on label_template for each row execute function biobank_refuse_other_template();

create function biobank_refuse_emptied_templates() returns trigger language plpgsql as $$
begin
    raise exception 'label templates are not emptied: truncate of % is refused', tg_table_name
        using errcode = 'check_violation', constraint = 'ck_label_template_version_final', table = 'label_template_version';
end $$;
create trigger final_template_truncate before truncate on label_template_version for each statement execute function biobank_refuse_emptied_templates();
create trigger other_template_truncate before truncate on label_template for each statement execute function biobank_refuse_emptied_templates();

create function biobank_refuse_draft_on_a_label() returns trigger language plpgsql as $$
begin
    if exists (select from label_template_version v where v.template = new.template and v.number = new.template_version and v.status <> 'published') then
        raise exception 'version % of label template % is not published', new.template_version, new.template
            using errcode = 'check_violation', constraint = 'ck_label_print_of_a_published_template', table = 'label_print';
    end if;
    return new;
end $$;
create trigger published_template before update of template, template_version on label_print for each row execute function biobank_refuse_draft_on_a_label();
-- New labels all at once: they come by the hundred.
create function biobank_refuse_drafts_on_labels() returns trigger language plpgsql as $$
declare
    draft record;
begin
    select v.template, v.number into draft
      from (select distinct template, template_version from new_rows) n
      join label_template_version v on v.template = n.template and v.number = n.template_version where v.status <> 'published' limit 1;
    if found then
        raise exception 'version % of label template % is not published', draft.number, draft.template
            using errcode = 'check_violation', constraint = 'ck_label_print_of_a_published_template', table = 'label_print';
    end if;
    return null;
end $$;
create trigger published_templates after insert on label_print referencing new table as new_rows
    for each statement execute function biobank_refuse_drafts_on_labels();
