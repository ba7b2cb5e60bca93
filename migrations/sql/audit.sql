-- The audit trail. Statement-level triggers with transition tables write what changed; biobank_audit_close writes why.

-- Who acts, in which transaction: set by the transaction edge. Without it no audited table can be changed at all.
create function biobank_audit_context(out tx uuid, out actor bigint) language plpgsql stable as $$
declare
    who text := nullif(current_setting('biobank.actor', true), '');
begin
    if who is null then
        raise exception 'an audited table was changed outside a recorded transaction'
            using errcode = 'check_violation', constraint = 'ck_audit_entry_needs_a_transaction', table = 'audit_entry';
    end if;
    tx := current_setting('biobank.tx', true)::uuid;
    actor := case when who = 'service' then null else who::bigint end;
end $$;

-- Arguments: the key column; columns whose content is left out (kept elsewhere or secret); columns that identify a person.
-- Without nested loops: a session keeps the plan that it made for its first change of a table, often of one row, and for thousands that
-- plan would compare every row with every other.
create function biobank_audit_change() returns trigger language plpgsql set timezone = 'UTC' set enable_nestloop = off as $$
declare
    context record;
    key text := tg_argv[0];
    omitted text[] := string_to_array(tg_argv[1], ' ');
    private text[] := string_to_array(tg_argv[2], ' ');
begin
    select * into context from biobank_audit_context();
    perform set_config('biobank.changed', 'yes', true);
    if tg_op = 'UPDATE' then
        -- Each row is turned into jsonb once: inlined, it would be for every column that is compared (8 times the work, measured).
        with old_row as materialized (
            select (row ->> key)::bigint as row_id, row from (select to_jsonb(r) as row from old_rows r offset 0) as given
        ), new_row as materialized (
            select (row ->> key)::bigint as row_id, row from (select to_jsonb(r) as row from new_rows r offset 0) as given
        ), changed as materialized (
            select row_id, o.row as old_row, n.row as new_row
              from old_row o join new_row n using (row_id) where n.row is distinct from o.row
        ), difference as (
            select row_id,
                   coalesce(jsonb_object_agg(k.key, jsonb_build_array(old_row -> k.key, k.value)) filter (where not k.key = any (omitted || private)), '{}') as public,
                   jsonb_object_agg(k.key, jsonb_build_array(old_row -> k.key, k.value)) filter (where k.key = any (private)) as personal,
                   jsonb_agg(k.key) filter (where k.key = any (omitted || private)) as unnamed
              from changed, jsonb_each(new_row) k
             where old_row -> k.key is distinct from k.value
             group by row_id
        ), written as (
            insert into audit_entry (tx, actor_id, kind, name, row_id, body)
            select context.tx, context.actor, 'update', tg_table_name, row_id,
                   (public || case when unnamed is null then '{}'::jsonb else jsonb_build_object('*', unnamed) end)::text
              from difference order by row_id
            returning id, row_id
        )
        insert into audit_private (entry_id, body)
        select written.id, personal::text from written join difference using (row_id) where personal is not null;
    elsif cardinality(omitted || private) = 0 and key = 'id' then
        -- Nothing is left out of most tables: then each row is written as it is, a third of the work (measured).
        insert into audit_entry (tx, actor_id, kind, name, row_id, body)
        select context.tx, context.actor, lower(tg_op), tg_table_name, r.id, row_to_json(r)::text from changed_rows r;
    elsif cardinality(omitted || private) = 0 and key = 'specimen_id' then
        insert into audit_entry (tx, actor_id, kind, name, row_id, body)
        select context.tx, context.actor, lower(tg_op), tg_table_name, r.specimen_id, row_to_json(r)::text from changed_rows r;
    else
        -- The number of each entry is drawn first: so what is private goes beside it without looking for it again.
        with rows as materialized (
            select nextval('audit_entry_id_seq') as entry_id, (row ->> key)::bigint as row_id, row
              from (select to_jsonb(r) as row from changed_rows r offset 0) as given
        ), written as (
            insert into audit_entry (id, tx, actor_id, kind, name, row_id, body) overriding system value
            select entry_id, context.tx, context.actor, lower(tg_op), tg_table_name, row_id, (row - omitted - private)::text from rows
        )
        insert into audit_private (entry_id, body)
        select entry_id, (case when cardinality(private) = 1 then jsonb_build_object(private[1], row -> private[1])
                               else (select jsonb_object_agg(k.key, k.value) from jsonb_each(row) k where k.key = any (private)) end)::text
          from rows where cardinality(private) > 0;
    end if;
    return null;
end $$;

-- The last statement of every writing transaction: deferred constraints, the events, and the rule that changes have a reason.
create function biobank_audit_close(events jsonb) returns void language plpgsql as $$
declare
    context record;
begin
    set constraints all immediate;
    if coalesce(current_setting('biobank.changed', true), '') = 'yes' and jsonb_array_length(events) = 0 then
        raise exception 'audited tables were changed without an event that says why'
            using errcode = 'check_violation', constraint = 'ck_audit_entry_change_needs_an_event', table = 'audit_entry';
    end if;
    select * into context from biobank_audit_context();
    insert into audit_entry (tx, actor_id, kind, name, row_id, study_id, site_id, body)
    select context.tx, context.actor, 'event', e ->> 'verb', (e ->> 'subject_id')::bigint, (e ->> 'study_id')::bigint, (e ->> 'site_id')::bigint,
           (jsonb_build_object('subject', e -> 'subject', 'reason', e -> 'reason', 'request', current_setting('biobank.request', true),
                               'channel', current_setting('biobank.channel', true)) || (e -> 'details'))::text
      from jsonb_array_elements(events) with ordinality as a(e, n) order by n;
end $$;

create function biobank_refuse() returns trigger language plpgsql as $$
begin
    raise exception '% is append-only: % is refused', tg_table_name, tg_op
        using errcode = 'check_violation', constraint = 'ck_' || tg_table_name || '_append_only', table = tg_table_name;
end $$;

-- create_audit: the three triggers of one table.
create procedure biobank_audit_table(named text, key text default 'id', omitted text default '', private text default '') language plpgsql as $$
begin
    execute format('create trigger audit_insert after insert on %I referencing new table as changed_rows for each statement execute function biobank_audit_change(%L, %L, %L)', named, key, omitted, private);
    execute format('create trigger audit_update after update on %I referencing old table as old_rows new table as new_rows for each statement execute function biobank_audit_change(%L, %L, %L)', named, key, omitted, private);
    execute format('create trigger audit_delete after delete on %I referencing old table as changed_rows for each statement execute function biobank_audit_change(%L, %L, %L)', named, key, omitted, private);
end $$;

create procedure biobank_append_only(named text) language plpgsql as $$
begin
    execute format('create trigger append_only before update or delete or truncate on %I for each statement execute function biobank_refuse()', named);
end $$;

call biobank_append_only('audit_entry');
call biobank_append_only('audit_seal');
-- Digests do not compress: trying to took a fifth of the time of sealing (measured).
alter table audit_seal alter column entries set storage external;

call biobank_audit_table('app_user', omitted => 'password_hash failed_logins locked_until');
call biobank_audit_table('role_grant');
call biobank_audit_table('api_token', omitted => 'token_hash');
call biobank_audit_table('study');
call biobank_audit_table('site');
call biobank_audit_table('study_site');
call biobank_audit_table('cohort');
call biobank_audit_table('participant', private => 'code year_of_birth sex_at_birth');
call biobank_audit_table('participant_alias', private => 'value');
call biobank_audit_table('cohort_membership');
call biobank_audit_table('consent_document');
call biobank_audit_table('consent_document_scope');
call biobank_audit_table('consent');
call biobank_audit_table('consent_decision');
call biobank_audit_table('withdrawal');
call biobank_audit_table('withdrawal_rescission');
call biobank_audit_table('withdrawal_policy');
call biobank_audit_table('withdrawal_case', omitted => 'statement certificate');
call biobank_audit_table('withdrawal_tube');
call biobank_audit_table('partner_notice');
call biobank_audit_table('disposal');
call biobank_audit_table('disposal_tube');
call biobank_audit_table('signature', omitted => 'content');
call biobank_audit_table('visit_type');
call biobank_audit_table('protocol_version');
call biobank_audit_table('planned_visit');
call biobank_audit_table('planned_tube');
call biobank_audit_table('planned_step');
call biobank_audit_table('planned_aliquot');
call biobank_audit_table('equipment');
call biobank_audit_table('equipment_program');
call biobank_audit_table('program_tube_type');
call biobank_audit_table('reagent_lot');
call biobank_audit_table('visit');
call biobank_audit_table('collection_event');
call biobank_audit_table('specimen');
call biobank_audit_table('identity_doubt');
call biobank_audit_table('processing_event');
call biobank_audit_table('processing_input');
call biobank_audit_table('processing_reagent');
call biobank_audit_table('processing_warning');
call biobank_audit_table('tube_outcome');
call biobank_audit_table('accession');
call biobank_audit_table('spin');
call biobank_audit_table('spin_tube');
call biobank_audit_table('deviation');
call biobank_audit_table('qc_measurement');
call biobank_audit_table('derivation');
call biobank_audit_table('quantity_ledger');
call biobank_audit_table('identifier', private => 'value');
call biobank_audit_table('container_type');
call biobank_audit_table('container_type_child');
call biobank_audit_table('container_type_format');
call biobank_audit_table('container');
call biobank_audit_table('container_place');
call biobank_audit_table('storage_reservation');
call biobank_audit_table('reserved_position');
call biobank_audit_table('custody', key => 'specimen_id');
call biobank_audit_table('custody_history');
call biobank_audit_table('rack_scan', omitted => 'content');
call biobank_audit_table('rack_scan_answer');
call biobank_audit_table('rack_scan_decision');
call biobank_audit_table('vendor_code_delivery');
call biobank_audit_table('vendor_code');
call biobank_audit_table('vendor_code_rule');
call biobank_audit_table('box_climate');
call biobank_audit_table('sprec_version');
call biobank_audit_table('sprec_code');
call biobank_audit_table('sprec');
call biobank_audit_table('label_print');
call biobank_audit_table('printer');
call biobank_audit_table('printer_rule');
call biobank_audit_table('print_job', omitted => 'templates');
-- What a label says names the participant, and stays out of the chain.
call biobank_audit_table('print_job_label', omitted => 'tokens');
call biobank_audit_table('label_range');
call biobank_audit_table('range_label');
call biobank_audit_table('range_print');
call biobank_audit_table('kit');
call biobank_audit_table('label_stock');
call biobank_audit_table('label_stock_version');
call biobank_audit_table('label_template');
call biobank_audit_table('label_template_version');
call biobank_audit_table('state_label');
call biobank_audit_table('reservation');
call biobank_audit_table('pick_list');
call biobank_audit_table('pick_list_line');
call biobank_audit_table('tube_search');
call biobank_audit_table('external_party');
call biobank_audit_table('shipment', omitted => 'manifest');
call biobank_audit_table('package');
call biobank_audit_table('package_item');
call biobank_audit_table('analyte');
call biobank_audit_table('assay');
call biobank_audit_table('assay_version');
call biobank_audit_table('assay_version_analyte');
call biobank_audit_table('fitness_rule');
call biobank_audit_table('fitness_measurement');
call biobank_audit_table('fitness_deviation');
call biobank_audit_table('fitness_sprec');
call biobank_audit_table('raw_file', omitted => 'content');
call biobank_audit_table('assay_run');
call biobank_audit_table('column_mapping');
call biobank_audit_table('plate');
call biobank_audit_table('well');
call biobank_audit_table('control_reading');
call biobank_audit_table('result');
call biobank_audit_table('result_version');
call biobank_audit_table('data_pull', omitted => 'query');
