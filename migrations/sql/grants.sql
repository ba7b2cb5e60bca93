-- What the service itself may do. It can neither delete domain rows nor touch the audit trail.
grant usage on schema public to {role};
grant select, insert, update on all tables in schema public to {role};
grant usage on sequence audit_entry_id_seq to {role};
grant execute on all functions in schema public to {role};
grant delete on rate_bucket, login_session, command_receipt, sprec_due to {role};
-- What a type of container does not allow any more; the keys of the containers keep what is in use.
grant delete on container_type_child, container_type_format to {role};
-- What a draft of the protocol no longer plans is removed from it; a trigger keeps what was published.
grant delete on planned_visit, planned_tube, planned_step, planned_aliquot to {role};
revoke update on audit_entry, audit_private, audit_seal, quantity_ledger, derivation, qc_measurement, processing_warning, consent_decision, withdrawal, withdrawal_rescission, raw_file, column_mapping, result, control_reading, data_pull, sprec_code, fitness_rule, fitness_measurement, fitness_deviation, fitness_sprec, print_job_label, range_print, kit, label_stock_version from {role};
revoke insert, update on container_place, container_path, box_count, service_secret, alembic_version, custody_history, box_climate, print_job_step from {role};
revoke update on consent_document_scope, signature from {role};
