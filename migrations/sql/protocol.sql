-- A published version of the protocol never changes, and neither does a discarded one: not through the service, not by SQL.
create function biobank_refuse_final_protocol() returns trigger language plpgsql as $$
begin
    if tg_op = 'UPDATE' then
        if old.status = 'draft' and new.study_id = old.study_id and new.number = old.number then
            if new.status = 'published' and not exists (select from planned_visit v where v.protocol_version_id = new.id) then
                raise exception 'version % plans no visit', old.number
                    using errcode = 'check_violation', constraint = 'ck_protocol_version_plans_a_visit', table = 'protocol_version';
            end if;
            if new.status = 'published' and exists (select from planned_visit v where v.protocol_version_id = new.id and v.visit_type_id is null) then
                raise exception 'a visit of version % has no visit type', old.number
                    using errcode = 'check_violation', constraint = 'ck_planned_visit_published_has_a_type', table = 'planned_visit';
            end if;
            if new.status = 'published' and exists (select from protocol_version v where v.study_id = new.study_id and v.status = 'published'
                                                       and v.effective_from >= new.effective_from) then
                raise exception 'version % begins on or before the day of an earlier one', old.number
                    using errcode = 'check_violation', constraint = 'ck_protocol_version_begins_later', table = 'protocol_version';
            end if;
            return new;
        end if;
    elsif tg_op = 'INSERT' then
        if new.status = 'draft' then
            return new;
        end if;
    end if;
    raise exception 'version % of a protocol is %: % is refused', coalesce(old.number, new.number), coalesce(old.status, new.status), tg_op
        using errcode = 'check_violation', constraint = 'ck_protocol_version_final', table = 'protocol_version';
end $$;
create trigger final_protocol before insert or update or delete on protocol_version for each row execute function biobank_refuse_final_protocol();

-- The version is locked for the look, so that what is added to a draft cannot slip in behind its publication.
create function biobank_refuse_final_plan() returns trigger language plpgsql as $$
declare
    touched jsonb;
    version bigint;
begin
    foreach touched in array (case tg_op when 'INSERT' then array[to_jsonb(new)] when 'DELETE' then array[to_jsonb(old)] else array[to_jsonb(old), to_jsonb(new)] end) loop
        version := case tg_table_name
            when 'planned_visit' then (touched ->> 'protocol_version_id')::bigint
            when 'planned_tube' then (select v.protocol_version_id from planned_visit v where v.id = (touched ->> 'planned_visit_id')::bigint)
            else (select v.protocol_version_id from planned_tube t join planned_visit v on v.id = t.planned_visit_id
                   where t.id = (touched ->> 'planned_tube_id')::bigint)
        end;
        perform 1 from protocol_version p where p.id = version and p.status = 'draft' for share;
        if not found then
            raise exception 'what a published or discarded version of a protocol plans never changes: % is refused', tg_op
                using errcode = 'check_violation', constraint = 'ck_protocol_version_final', table = 'protocol_version';
        end if;
    end loop;
    return case when tg_op = 'DELETE' then old else new end;
end $$;
create trigger final_plan before insert or update or delete on planned_visit for each row execute function biobank_refuse_final_plan();
create trigger final_plan before insert or update or delete on planned_tube for each row execute function biobank_refuse_final_plan();
create trigger final_plan before insert or update or delete on planned_step for each row execute function biobank_refuse_final_plan();
create trigger final_plan before insert or update or delete on planned_aliquot for each row execute function biobank_refuse_final_plan();

create function biobank_refuse_emptied_protocol() returns trigger language plpgsql as $$
begin
    raise exception 'protocols are not emptied: truncate of % is refused', tg_table_name
        using errcode = 'check_violation', constraint = 'ck_protocol_version_final', table = 'protocol_version';
end $$;
create trigger final_protocol_truncate before truncate on protocol_version for each statement execute function biobank_refuse_emptied_protocol();
create trigger final_plan_truncate before truncate on planned_visit for each statement execute function biobank_refuse_emptied_protocol();
create trigger final_plan_truncate before truncate on planned_tube for each statement execute function biobank_refuse_emptied_protocol();
create trigger final_plan_truncate before truncate on planned_step for each statement execute function biobank_refuse_emptied_protocol();
create trigger final_plan_truncate before truncate on planned_aliquot for each statement execute function biobank_refuse_emptied_protocol();

-- One cohort at a time. Ranges of one number each stand for "the same participant", since a plain number has no such index without an extension.
alter table cohort_membership add constraint ck_cohort_membership_no_overlap
    exclude using gist (int8range(participant_id, participant_id, '[]') with &&, daterange(from_on, to_on) with &&);

-- What a version, in force from a day on, does to the visits of the participants it concerns (null: all of the study's):
-- `added` are planned first or again, `moved` get another window, `kept` stay as they are, `dropped` are no longer planned.
-- A visit whose window was over on that day stays with the version before; `anew` looks at every open visit.
create function biobank_visit_plan(study bigint, version bigint, begins date, people bigint[], anew boolean)
returns table (visit_id bigint, participant_id bigint, study_id bigint, site_id bigint, visit_type_id bigint, code text, title text,
               planned_on date, window_from date, window_to date, what text) language sql stable as $$
    -- Nobody who withdrew from contact or from the study gets a visit planned.
    with followed as (
        select p.id, p.study_id, p.site_id, p.t0 from participant p
         where p.study_id = study and (people is null or p.id = any (people)) and p.status in ('screening', 'enrolled', 'followed')
           and not exists (select from withdrawal w where w.participant_id = p.id and w.level in ('no_contact', 'no_further_use', 'destroy')
                             and not exists (select from withdrawal_rescission r where r.withdrawal_id = w.id))
    ), wanted as (
        select p.id as participant_id, p.study_id, p.site_id, t.id as visit_type_id, k.code, k.title, p.t0 + k.planned_day as planned_on,
               p.t0 + k.planned_day - k.days_before as window_from, p.t0 + k.planned_day + k.days_after as window_to
          from followed p
          join planned_visit k on k.protocol_version_id = version and k.planned_day is not null
          left join visit_type t on t.study_id = p.study_id and t.code = k.code
    )
    select v.id, w.participant_id, w.study_id, w.site_id, w.visit_type_id, w.code, w.title, w.planned_on, w.window_from, w.window_to,
           case when v.id is null or v.status = 'cancelled' then 'added'
                when (v.planned_on, v.window_from, v.window_to) is distinct from (w.planned_on, w.window_from, w.window_to) then 'moved'
                else 'kept' end
      from wanted w
      left join visit v on v.participant_id = w.participant_id and v.visit_type_id = w.visit_type_id and v.number = 1
     where w.window_to >= begins
       and (v.id is null or (anew or coalesce(v.window_to, 'infinity') >= begins)
            -- Open is what is planned, and what an earlier version dropped; what a person cancelled stays so.
            and (v.status = 'planned' or v.status = 'cancelled' and v.protocol_version_id is not null and not exists (
                select from planned_visit d where d.protocol_version_id = v.protocol_version_id and d.visit_type_id = v.visit_type_id
                   and d.planned_day is not null)))
    union all
    select v.id, v.participant_id, v.study_id, v.site_id, v.visit_type_id, t.code, t.title, v.planned_on, v.window_from, v.window_to, 'dropped'
      from visit v join visit_type t on t.id = v.visit_type_id
     where v.study_id = study and (people is null or v.participant_id = any (people)) and v.status = 'planned'
       and (anew or coalesce(v.window_to, 'infinity') >= begins)
       and not exists (select from planned_visit k where k.protocol_version_id = version and k.code = t.code and k.planned_day is not null)
$$;
