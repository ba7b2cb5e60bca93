-- Where each tube is and has been.

-- Runs with the rights of the schema's owner: the service itself may not write the history.
-- By index, row for row of the statement (`offset 0` and the settings see to it), whatever is believed of the tables: a session keeps its
-- plans, and one that was made for thousands of tubes, or for empty tables, would serve every tube that is stored afterwards.
create function biobank_custody_history() returns trigger language plpgsql security definer
    set search_path = public set random_page_cost = 0.1 set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
declare
    context record;
begin
    select * into context from biobank_audit_context();
    if exists (select from new_rows n cross join lateral (
                   select t.level, t.rows, t.cols from container c join container_type t on t.id = c.type_id where c.id = n.container_id offset 0) grid
                where grid.level <> 'box' or n.row >= grid.rows or n.col >= grid.cols) then
        raise exception 'a tube was placed outside the grid of its box, or in a container that holds no tubes'
            using errcode = 'check_violation', constraint = 'ck_custody_position_in_bounds', table = 'custody';
    end if;
    if tg_op = 'UPDATE' then
        if exists (select from old_rows o where o.terminal in ('disposed', 'consumed', 'transferred'))
           and exists (select from old_rows o join new_rows n using (specimen_id)
                        where o.terminal in ('disposed', 'consumed', 'transferred') and n.terminal is distinct from o.terminal) then
            raise exception 'a tube that was disposed of, used up or handed over cannot come back'
                using errcode = 'check_violation', constraint = 'ck_custody_end_is_final', table = 'custody';
        end if;
        -- The open row of the history is the place that the tube leaves.
        update custody_history h set until = greatest(h.since, left_at.since)
          from (select o.id, n.since from new_rows n cross join lateral (
                    select * from custody_history h where h.specimen_id = n.specimen_id and h.until is null offset 0) o
                 where (o.container_id, o.row, o.col, o.package_id, o.holder_id, o.external_party_id, o.terminal)
                       is distinct from (n.container_id, n.row, n.col, n.package_id, n.holder_id, n.external_party_id, n.terminal)
                offset 0) left_at
         where h.id = left_at.id;
    end if;
    -- A tube that is new here has no history, so an open row is looked for at an update only.
    insert into custody_history (specimen_id, container_id, row, col, package_id, holder_id, external_party_id, terminal, site_id, since, actor_id, tx)
    select n.specimen_id, n.container_id, n.row, n.col, n.package_id, n.holder_id, n.external_party_id, n.terminal, n.site_id, n.since, context.actor, context.tx
      from new_rows n left join custody_history h on h.specimen_id = n.specimen_id and h.until is null and tg_op = 'UPDATE'
     where h.id is null;
    update specimen s set existence = coalesce(n.terminal, 'exists') from new_rows n
     where s.id = n.specimen_id and s.existence is distinct from coalesce(n.terminal, 'exists') and s.existence <> 'entered_in_error';
    return null;
end $$;
create trigger history_insert after insert on custody referencing new table as new_rows
    for each statement execute function biobank_custody_history();
create trigger history_update after update on custody referencing old table as old_rows new table as new_rows
    for each statement execute function biobank_custody_history();
create trigger no_delete before delete or truncate on custody for each statement execute function biobank_refuse();
