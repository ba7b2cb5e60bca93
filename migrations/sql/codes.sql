-- Code tables: the field's terms as data. Sources: SPREC 4.0 types and SNOMED CT as mapped by the MII biobank module, ISBER temperature classes.
insert into namespace (code, title) values
    ('house', 'House identifier'), ('azenta', 'Azenta / FluidX tube code'), ('micronic', 'Micronic tube code'),
    ('thermo_matrix', 'Thermo Matrix tube code'), ('kit', 'Collection kit code'), ('external_lab', 'External laboratory code'),
    ('legacy', 'Code of an earlier system');

insert into temperature_class (code, title, rank) values
    ('RT', 'Room temperature', 1), ('4', '2 to 10 °C', 2), ('-20', '−35 to −18 °C', 3), ('-80', '−85 to −60 °C', 4),
    ('LN2V', 'Liquid nitrogen, vapour phase', 5), ('LN2L', 'Liquid nitrogen, liquid phase', 6);

insert into specimen_type (code, title, snomed, unit, temperature_class, freeze_thaw_cap) values
    ('BLD', 'Whole blood', '258580003', 'uL', '-80', null), ('SER', 'Serum', '119364003', 'uL', '-80', 3),
    ('PL1', 'Plasma, single spun', '119361006', 'uL', '-80', 2), ('PL2', 'Plasma, double spun', '119361006', 'uL', '-80', 2),
    ('BUF', 'Buffy coat, viable', '258587000', 'uL', 'LN2V', null), ('BFF', 'Buffy coat, non-viable', '258587000', 'uL', '-80', null),
    ('CEL', 'PBMC, viable', '404798000', '10*6', 'LN2V', 1), ('PEL', 'Mononuclear cells, non-viable', null, '10*6', '-80', null),
    ('RBC', 'Red cells', '119351004', 'uL', '-80', null), ('URN', 'Urine, spot', '278020009', 'uL', '-80', 2),
    ('URM', 'Urine, first morning', '258575007', 'uL', '-80', 2), ('URS', 'Urine sediment', '122567009', 'uL', '-80', null),
    ('SAL', 'Saliva', '119342007', 'uL', 'RT', null), ('STL', 'Stool', '119339001', 'mg', '-80', null),
    ('DNA', 'DNA', '258566005', 'uL', '-80', null), ('RNA', 'RNA', '441673008', 'uL', '-80', 2),
    ('TIS', 'Tissue', '119376003', 'mg', 'LN2V', null), ('ZZZ', 'Other', null, 'uL', '-80', null);

insert into tube_type (code, title, sprec_container, capacity_ul) values
    ('SST', 'Serum separator tube, 8.5 mL', 'SST', 8500), ('EDTA10', 'K2EDTA tube, 10 mL', 'PED', 10000), ('EDTA4', 'K2EDTA tube, 4 mL', 'PED', 4000),
    ('PAXRNA', 'PAXgene blood RNA tube', 'PAX', 10000), ('CPT', 'Cell preparation tube, citrate', 'CPT', 8000), ('CPH', 'Cell preparation tube, heparin', 'CPH', 8000),
    ('URINE', 'Urine cup, 100 mL', 'PPS', 100000), ('ORAGENE', 'Oragene saliva kit', 'ORG', 4000), ('OMNIGENE', 'Stool tube with DNA stabiliser', 'OMN', 2000),
    ('CRYO05', 'Cryovial, 0.5 mL', 'PPS', 500), ('CRYO10', 'Cryovial, 1.0 mL', 'PPS', 1000), ('CRYO20', 'Cryovial, 2.0 mL', 'PPS', 2000), ('CRYO50', 'Cryovial, 5.0 mL', 'PPS', 5000);

insert into consent_scope (code, title) values
    ('biobank_storage', 'Storage of samples'), ('future_research', 'Future research'), ('genetic_wgs', 'Genetic analysis'), ('commercial_use', 'Commercial use'),
    ('international_transfer', 'Transfer to another country'), ('recontact', 'Being contacted again'), ('return_of_results', 'Return of results'),
    ('emr_linkage', 'Linkage with health records'), ('cell_lines', 'Cell lines'), ('controlled_data_sharing', 'Sharing of data under control'),
    ('open_data_sharing', 'Open sharing of data'), ('microbiome', 'Microbiome analysis'), ('tissue', 'Use of tissue');

select set_config('biobank.actor', 'service', true), set_config('biobank.tx', gen_random_uuid()::text, true);
insert into container_type (code, title, level, rows, cols, label_scheme, fill_order) values
    ('FACILITY', 'Facility', 'facility', null, null, null, 'row'), ('ROOM', 'Room', 'room', null, null, null, 'row'), ('BENCH', 'Bench', 'bench', null, null, null, 'row'),
    ('ULT', 'Freezer, −80 °C', 'freezer', null, null, null, 'row'), ('F20', 'Freezer, −20 °C', 'freezer', null, null, null, 'row'),
    ('FRIDGE', 'Refrigerator', 'freezer', null, null, null, 'row'), ('LN2TANK', 'LN2 tank', 'freezer', null, null, null, 'row'), ('CABINET', 'Cabinet, room temperature', 'freezer', null, null, null, 'row'),
    ('SHELF', 'Shelf', 'shelf', null, null, null, 'row'), ('RACK', 'Rack', 'rack', null, null, null, 'row'),
    ('BOX81', 'Cryobox 9 × 9', 'box', 9, 9, 'letter_number', 'row'), ('BOX100', 'Cryobox 10 × 10', 'box', 10, 10, 'letter_number', 'row'),
    ('RACK96', 'SBS rack 8 × 12', 'box', 8, 12, 'letter_zero_number', 'row'), ('BOX25', 'Box 5 × 5', 'box', 5, 5, 'letter_number', 'row');
insert into container_type_child (parent_type_id, child_type_id)
select p.id, c.id from container_type p join container_type c on
       (p.level = 'facility' and c.level in ('room', 'freezer', 'bench')) or (p.level = 'room' and c.level in ('freezer', 'bench'))
    or (p.level = 'freezer' and c.level in ('shelf', 'rack')) or (p.level = 'shelf' and c.level in ('rack', 'box')) or (p.level = 'rack' and c.level = 'box')
    or (p.level = 'bench' and c.level = 'box');
insert into service_secret (name, value) values ('csrf', encode(sha256((gen_random_uuid()::text || gen_random_uuid()::text)::bytea), 'hex'));
select biobank_audit_close('[{"verb": "schema.seeded", "subject": "container_type", "details": {}}]');
