-- What an open deviation blocks: packing and shipping, and being measured. The gates name the reason; this holds it whatever the gates do.

create function biobank_refuse_deviated() returns trigger language plpgsql as $$
declare
    refused text;
begin
    if tg_table_name = 'package_item' then
        select s.code into refused from new_rows n join specimen s on s.id = n.specimen_id join deviation d on d.specimen_id = s.id
          join deviation_type t on t.code = d.type_code
         where n.is_open and n.status = 'packed' and d.resolved_at is null and t.blocks_shipping limit 1;
    else
        select s.code into refused from new_rows n join specimen s on s.id = n.specimen_id join deviation d on d.specimen_id = s.id
          join deviation_type t on t.code = d.type_code
         where d.resolved_at is null and t.blocks_assay limit 1;
    end if;
    if refused is not null then
        raise exception 'tube % has an open deviation that keeps it back', refused
            using errcode = 'check_violation', constraint = tg_argv[0], table = tg_table_name;
    end if;
    return null;
end $$;
create trigger refuse_deviated after insert on package_item referencing new table as new_rows
    for each statement execute function biobank_refuse_deviated('ck_package_item_no_blocking_deviation');
create trigger refuse_deviated after insert on well referencing new table as new_rows
    for each statement execute function biobank_refuse_deviated('ck_well_no_blocking_deviation');

create function biobank_refuse_deviated_shipment() returns trigger language plpgsql as $$
begin
    if exists (select from package_item i join deviation d on d.specimen_id = i.specimen_id join deviation_type t on t.code = d.type_code
                where i.shipment_id = new.id and i.is_open and i.status = 'packed' and d.resolved_at is null and t.blocks_shipping) then
        raise exception 'shipment % holds a tube with an open deviation that keeps it back', new.code
            using errcode = 'check_violation', constraint = 'ck_shipment_no_blocking_deviation', table = 'shipment';
    end if;
    return new;
end $$;
create trigger refuse_deviated_shipment before update of status on shipment for each row
    when (new.status = 'shipped' and old.status <> 'shipped') execute function biobank_refuse_deviated_shipment();
