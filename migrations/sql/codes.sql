-- Code tables: the field's terms as data. Sources: SPREC 4.0 types and SNOMED CT as mapped by the MII biobank module, ISBER temperature classes.
insert into namespace (code, title) values
    ('house', 'House identifier'), ('azenta', 'Azenta / FluidX tube code'), ('micronic', 'Micronic tube code'),
    ('thermo_matrix', 'Thermo Matrix tube code'), ('kit', 'Collection kit code'), ('external_lab', 'External laboratory code'),
    ('legacy', 'Code of an earlier system');

insert into temperature_class (code, title, rank, min_celsius, max_celsius) values
    ('RT', 'Room temperature', 1, 18, 28), ('4', '2 to 10 °C', 2, 2, 10), ('-20', '−35 to −18 °C', 3, -35, -18), ('-80', '−85 to −60 °C', 4, -85, -60),
    ('LN2V', 'Liquid nitrogen, vapour phase', 5, -195, -135), ('LN2L', 'Liquid nitrogen, liquid phase', 6, -196, -195);

insert into specimen_type (code, title, sprec_type, snomed, unit, temperature_class, freeze_thaw_cap) values
    ('BLD', 'Whole blood', 'BLD', '258580003', 'uL', '-80', null), ('SER', 'Serum', 'SER', '119364003', 'uL', '-80', 3),
    ('PL1', 'Plasma, single spun', 'PL1', '119361006', 'uL', '-80', 2), ('PL2', 'Plasma, double spun', 'PL2', '119361006', 'uL', '-80', 2),
    ('BUF', 'Buffy coat, viable', 'BUF', '258587000', 'uL', 'LN2V', null), ('BFF', 'Buffy coat, non-viable', 'BFF', '258587000', 'uL', '-80', null),
    ('CEL', 'PBMC, viable', 'CEL', '404798000', '10*6', 'LN2V', 1), ('PEL', 'Mononuclear cells, non-viable', 'PEL', null, '10*6', '-80', null),
    ('RBC', 'Red cells', 'RBC', '119351004', 'uL', '-80', null), ('URN', 'Urine, spot', 'URN', '278020009', 'uL', '-80', 2),
    ('URM', 'Urine, first morning', 'URM', '258575007', 'uL', '-80', 2), ('URS', 'Urine sediment', null, '122567009', 'uL', '-80', null),
    ('SAL', 'Saliva', 'SAL', '119342007', 'uL', 'RT', null), ('STL', 'Stool', 'STL', '119339001', 'mg', '-80', null),
    ('DNA', 'DNA', null, '258566005', 'uL', '-80', null), ('RNA', 'RNA', null, '441673008', 'uL', '-80', 2),
    ('TIS', 'Tissue', null, '119376003', 'mg', 'LN2V', null), ('ZZZ', 'Other', 'ZZZ', null, 'uL', '-80', null);

insert into tube_format (code, title) values
    ('rack_tube', 'Tube of a 9 mm grid, up to 1.4 mL'), ('vial', 'Cryovial, 12.5 mm across'), ('tall_vial', 'Cryovial, tall'), ('blood_13', 'Blood tube, 13 mm across'), ('blood_16', 'Blood tube, 16 mm across'),
    ('cup', 'Cup'), ('kit', 'Tube of a collection kit');
insert into tube_type (code, title, sprec_container, sprec_family, capacity_ul, format) values
    ('SST', 'Serum separator tube, 8.5 mL', 'SST', 'original', 8500, 'blood_16'), ('EDTA10', 'K2EDTA tube, 10 mL', 'PED', 'original', 10000, 'blood_16'), ('EDTA4', 'K2EDTA tube, 4 mL', 'PED', 'original', 4000, 'blood_13'),
    ('PAXRNA', 'PAXgene blood RNA tube', 'PAX', 'original', 10000, 'blood_16'), ('CPT', 'Cell preparation tube, citrate', 'CPT', 'original', 8000, 'blood_16'), ('CPH', 'Cell preparation tube, heparin', 'CPH', 'original', 8000, 'blood_16'),
    ('URINE', 'Urine cup, 100 mL', 'PPS', 'original', 100000, 'cup'), ('ORAGENE', 'Oragene saliva kit', 'ORG', 'original', 4000, 'kit'), ('OMNIGENE', 'Stool tube with DNA stabiliser', 'OMN', 'original', 2000, 'kit'),
    ('CRYO05', 'Cryovial, 0.5 mL', 'PPS', 'pp_500_2000', 500, 'rack_tube'), ('CRYO10', 'Cryovial, 1.0 mL', 'PPS', 'pp_500_2000', 1000, null), ('CRYO20', 'Cryovial, 2.0 mL', 'PPS', 'pp_500_2000', 2000, 'vial'), ('CRYO50', 'Cryovial, 5.0 mL', 'PPS', 'pp_5000', 5000, 'tall_vial');

-- What can be made of what. Of blood it depends on the tube: one that lets it clot gives serum, one with an anticoagulant plasma and cells.
insert into material_origin (specimen_type, made_of, sprec_container)
select made, 'BLD', container from (values
    ('SST', array['SER']), ('PED', array['PL1', 'PL2', 'BUF', 'BFF', 'RBC', 'CEL', 'PEL', 'DNA', 'RNA', 'BLD']),
    ('CPT', array['PL1', 'PL2', 'CEL', 'PEL', 'DNA', 'RNA']), ('CPH', array['PL1', 'PL2', 'CEL', 'PEL', 'DNA', 'RNA']), ('PAX', array['RNA'])
) as blood (container, gives), unnest(gives) as made;
insert into material_origin (specimen_type, made_of) values
    ('URN', 'URN'), ('URM', 'URM'), ('URS', 'URN'), ('URS', 'URM'), ('DNA', 'URN'), ('RNA', 'URN'), ('SAL', 'SAL'), ('DNA', 'SAL'), ('STL', 'STL'), ('DNA', 'STL'), ('RNA', 'STL'),
    ('TIS', 'TIS'), ('DNA', 'TIS'), ('RNA', 'TIS'), ('PL2', 'PL1'), ('PL1', 'PL1'), ('PL2', 'PL2'), ('SER', 'SER'), ('DNA', 'BUF'), ('DNA', 'BFF'), ('RNA', 'BUF'), ('BUF', 'BUF'), ('BFF', 'BFF'),
    ('CEL', 'CEL'), ('PEL', 'CEL'), ('PEL', 'PEL'), ('DNA', 'CEL'), ('RNA', 'CEL'), ('DNA', 'PEL'), ('RNA', 'PEL'), ('RBC', 'RBC'), ('URS', 'URS'), ('RNA', 'URS'), ('DNA', 'URS'),
    ('DNA', 'DNA'), ('RNA', 'RNA'), ('ZZZ', 'ZZZ');

-- The 22 things that go wrong with tubes, as a large cohort names them in daily use; the critical ones set it apart and keep it from being shipped or measured.
insert into deviation_type (code, title, severity, blocks_shipping, blocks_assay, quarantines) values
    ('broken', 'Broken, discard and do not ship', 'critical', true, true, true), ('clotted_under_30_min', 'Clotted for less than 30 minutes', 'minor', false, false, false),
    ('clotted_over_2_h', 'Clotted for more than 2 hours', 'minor', false, false, false), ('spin_force_high', 'Spin force too high', 'minor', false, false, false),
    ('spin_force_low', 'Spin force too low', 'minor', false, false, false), ('spin_time_long', 'Spun too long', 'minor', false, false, false), ('spin_time_short', 'Spun too short', 'minor', false, false, false),
    ('gel_failed', 'Gel layer failed', 'major', false, false, false), ('haemolysis', 'Haemolysis present', 'major', false, false, false), ('low_temperature', 'Low temperature or frozen', 'major', false, false, false),
    ('high_temperature', 'High temperature', 'major', false, false, false), ('insufficient_volume', 'Insufficient volume, discard', 'critical', true, true, true), ('leaked', 'Leaked or spilled', 'major', false, false, false),
    ('low_volume', 'Low volume', 'minor', false, false, false), ('mislabelled_discard', 'Mislabelled, discard', 'critical', true, true, true), ('mislabelled_resolved', 'Mislabelled, resolved', 'minor', false, false, false),
    ('not_found', 'Not found', 'critical', true, true, true), ('contaminated_outside', 'Outside of the tube contaminated', 'major', false, false, false), ('unexpected_tube', 'Unexpected tube size or type', 'major', false, false, false),
    ('under_30_seconds', 'Less than 30 seconds', 'minor', false, false, false), ('discard', 'Discard', 'critical', true, true, true), ('other', 'Other', 'minor', false, false, false);

insert into not_collected_reason (code, title) values
    ('short_draw', 'Short draw'), ('refused', 'Participant refusal'), ('attempted', 'Participant attempted'), ('no_supply', 'Supply unavailable'), ('withdrawn', 'Consent withdrawn'), ('other', 'Other');

insert into qc_quantity (code, title, unit, lowest, highest) values
    ('rin', 'RNA integrity number', null, 1, 10), ('dv200', 'DV200', '%', 0, 100), ('a260_280', 'A260/A280', null, 0, 5), ('a260_230', 'A260/A230', null, 0, 5),
    ('concentration', 'Concentration', 'ng/uL', 0, null), ('yield', 'Yield', 'ng', 0, null), ('viability', 'Viability', '%', 0, 100), ('cell_count', 'Cell count', '10*6', 0, null),
    ('haemolysis_index', 'Haemolysis index', null, 0, 4), ('lipaemia_index', 'Lipaemia index', null, 0, 4), ('icterus_index', 'Icterus index', null, 0, 4), ('ph', 'pH', null, 0, 14);

insert into consent_scope (code, title) values
    ('biobank_storage', 'Storage of samples'), ('future_research', 'Future research'), ('genetic_wgs', 'Genetic analysis'), ('commercial_use', 'Commercial use'),
    ('international_transfer', 'Transfer to another country'), ('recontact', 'Being contacted again'), ('return_of_results', 'Return of results'),
    ('emr_linkage', 'Linkage with health records'), ('cell_lines', 'Cell lines'), ('controlled_data_sharing', 'Sharing of data under control'),
    ('open_data_sharing', 'Open sharing of data'), ('microbiome', 'Microbiome analysis'), ('tissue', 'Use of tissue');

select set_config('biobank.actor', 'service', true), set_config('biobank.tx', gen_random_uuid()::text, true);
-- What a withdrawal does where a consent form says nothing else (domain practice: Finnish and Icelandic biobanks, GDPR article 17(3)(d)).
insert into withdrawal_policy (level, object, consequence, reversible)
select level, object, consequence, object not in ('packed_tubes', 'tubes_away') from (values
    ('no_contact', 'planned_visits', 'cancel'), ('no_contact', 'stored_tubes', 'keep'), ('no_contact', 'packed_tubes', 'keep'),
    ('no_contact', 'tubes_away', 'keep'), ('no_contact', 'pools', 'keep'), ('no_contact', 'unreleased_results', 'keep'), ('no_contact', 'released_results', 'keep'),
    ('no_access', 'planned_visits', 'keep'), ('no_access', 'stored_tubes', 'keep'), ('no_access', 'packed_tubes', 'keep'),
    ('no_access', 'tubes_away', 'keep'), ('no_access', 'pools', 'keep'), ('no_access', 'unreleased_results', 'keep'), ('no_access', 'released_results', 'keep'),
    ('no_further_use', 'planned_visits', 'cancel'), ('no_further_use', 'stored_tubes', 'hold'), ('no_further_use', 'packed_tubes', 'take_out'),
    ('no_further_use', 'tubes_away', 'recall'), ('no_further_use', 'pools', 'hold'), ('no_further_use', 'unreleased_results', 'withhold'), ('no_further_use', 'released_results', 'hide'),
    ('destroy', 'planned_visits', 'cancel'), ('destroy', 'stored_tubes', 'dispose'), ('destroy', 'packed_tubes', 'take_out'),
    ('destroy', 'tubes_away', 'destroy'), ('destroy', 'pools', 'hold'), ('destroy', 'unreleased_results', 'withhold'), ('destroy', 'released_results', 'hide')
) as house (level, object, consequence);

insert into container_type (code, title, level, rows, cols, label_scheme, fill_order, rows_per_group, temperature_class) values
    ('FACILITY', 'Facility', 'facility', null, null, null, 'row', null, null), ('ROOM', 'Room', 'room', null, null, null, 'row', null, null), ('BENCH', 'Bench', 'bench', null, null, null, 'row', null, 'RT'),
    ('ULT', 'Freezer, −80 °C', 'freezer', null, null, null, 'row', null, '-80'), ('F20', 'Freezer, −20 °C', 'freezer', null, null, null, 'row', null, '-20'),
    ('FRIDGE', 'Refrigerator', 'freezer', null, null, null, 'row', null, '4'), ('LN2TANK', 'LN2 tank', 'freezer', null, null, null, 'row', null, 'LN2V'), ('CABINET', 'Cabinet, room temperature', 'freezer', null, null, null, 'row', null, 'RT'),
    ('SHELF', 'Shelf', 'shelf', null, null, null, 'row', null, null), ('RACK', 'Rack', 'rack', null, null, null, 'row', null, null),
    ('RACK20', 'Rack of 5 × 4 slots', 'rack', 5, 4, 'letter_number', 'column', null, null), ('RACK16', 'Rack of 4 × 4 slots', 'rack', 4, 4, 'letter_number', 'row', null, null), ('TOWER10', 'Tower of 10 slots', 'rack', 10, 1, 'number_by_row', 'row', null, null),
    ('BOX81', 'Cryobox 9 × 9', 'box', 9, 9, 'letter_number', 'row', null, null), ('BOX100', 'Cryobox 10 × 10', 'box', 10, 10, 'letter_number', 'row', null, null),
    ('RACK96', 'SBS rack 8 × 12', 'box', 8, 12, 'letter_zero_number', 'row', null, null), ('BOX25', 'Box 5 × 5', 'box', 5, 5, 'letter_number', 'row', null, null),
    ('CANES', 'Canister, 3 goblets of 12 canes', 'box', 36, 5, 'goblet_cane_position', 'row', 12, null);
insert into container_type_child (parent_type_id, child_type_id)
select p.id, c.id from container_type p join container_type c on
       (p.level = 'facility' and c.level in ('room', 'freezer', 'bench')) or (p.level = 'room' and c.level in ('freezer', 'bench'))
    or (p.level = 'freezer' and c.level in ('shelf', 'rack')) or (p.level = 'shelf' and c.level in ('rack', 'box') and c.code <> 'CANES') or (p.level = 'rack' and c.level = 'box' and c.code <> 'CANES')
    or (p.level = 'bench' and c.level = 'box') or (p.code = 'LN2TANK' and c.code = 'CANES');
insert into container_type_format (container_type_id, tube_format)
select t.id, f.code from container_type t join tube_format f on
       (t.code in ('BOX81', 'BOX100') and f.code in ('rack_tube', 'vial')) or (t.code = 'RACK96' and f.code = 'rack_tube') or (t.code = 'CANES' and f.code = 'vial');
insert into service_secret (name, value) values ('csrf', encode(sha256((gen_random_uuid()::text || gen_random_uuid()::text)::bytea), 'hex'));
select biobank_audit_close('[{"verb": "schema.seeded", "subject": "container_type", "details": {}}]');
