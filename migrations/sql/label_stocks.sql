-- Label stocks that were measured here: versions never change, and a stock stays what it is.
call biobank_append_only('label_stock_version');

create function biobank_refuse_other_stock() returns trigger language plpgsql as $$
begin
    if tg_op = 'UPDATE' and new.name = old.name and new.kind = old.kind and new.study_id is not distinct from old.study_id then
        return new;
    end if;
    raise exception 'label stock % keeps its name, kind and study: % is refused', old.name, tg_op
        using errcode = 'check_violation', constraint = 'ck_label_stock_keeps_what_it_is', table = 'label_stock';
end $$;
create trigger other_stock before update or delete on label_stock for each row execute function biobank_refuse_other_stock();
