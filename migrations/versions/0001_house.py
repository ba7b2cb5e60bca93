"""The house: every table of the main thread with its functions, triggers, code tables and grants."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from migrations.scripts import create_role, run_sql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    create_role()
    run_sql("identifiers")
    op.create_table(
        "analyte",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("uniprot", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_analyte")),
        sa.UniqueConstraint("code", name=op.f("uq_analyte_code")),
    )
    op.create_table(
        "app_user",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("username", sa.Text(), nullable=False),
        sa.Column("display_name", sa.Text(), nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=True),
        sa.Column("is_active", sa.Boolean(), server_default="true", nullable=False),
        sa.Column("failed_logins", sa.Integer(), server_default="0", nullable=False),
        sa.Column("locked_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("row_version", sa.Integer(), server_default="1", nullable=False),
        sa.CheckConstraint(
            "username = lower(username) and username ~ '^[a-z][a-z0-9._-]{1,62}$'", name=op.f("ck_app_user_username")
        ),
        sa.CheckConstraint("failed_logins >= 0", name=op.f("ck_app_user_failed_logins_not_negative")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_app_user")),
        sa.UniqueConstraint("username", name=op.f("uq_app_user_username")),
    )
    op.create_table(
        "audit_entry",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("tx", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("actor_id", sa.BigInteger(), nullable=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("row_id", sa.BigInteger(), nullable=True),
        sa.Column("study_id", sa.BigInteger(), nullable=True),
        sa.Column("site_id", sa.BigInteger(), nullable=True),
        sa.Column("body", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_entry")),
    )
    op.create_index(
        "ix_audit_entry_actor",
        "audit_entry",
        ["actor_id", "id"],
        unique=False,
        postgresql_where=sa.text("kind = 'event'"),
    )
    op.create_index(
        "ix_audit_entry_deed", "audit_entry", ["row_id"], unique=False, postgresql_where=sa.text("kind = 'event'")
    )
    op.create_index(
        "ix_audit_entry_event",
        "audit_entry",
        ["study_id", "id"],
        unique=False,
        postgresql_where=sa.text("kind = 'event'"),
    )
    op.create_index("ix_audit_entry_subject", "audit_entry", ["name", "row_id"], unique=False)
    op.create_index("ix_audit_entry_tx", "audit_entry", ["tx"], unique=False)
    op.create_table(
        "audit_seal",
        sa.Column("number", sa.BigInteger(), sa.Identity(always=True, minvalue=1), nullable=False),
        sa.Column("first_id", sa.BigInteger(), nullable=False),
        sa.Column("last_id", sa.BigInteger(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("entries", sa.LargeBinary(), nullable=False),
        sa.Column("settled_id", sa.BigInteger(), nullable=False),
        sa.Column("xid", sa.BigInteger(), nullable=False),
        sa.Column("previous_hash", sa.LargeBinary(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("sealed_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_audit_seal")),
        sa.UniqueConstraint("hash", name=op.f("uq_audit_seal_hash")),
    )
    op.create_table(
        "consent_scope",
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_consent_scope")),
    )
    op.create_table(
        "deviation_type",
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("severity", sa.Text(), nullable=False),
        sa.Column("blocks_shipping", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("blocks_assay", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("quarantines", sa.Boolean(), server_default="false", nullable=False),
        sa.CheckConstraint("severity in ('minor', 'major', 'critical')", name=op.f("ck_deviation_type_severity")),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_deviation_type")),
    )
    op.create_table(
        "external_party",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("country", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("contact", sa.Text(), nullable=False),
        sa.Column("phone", sa.Text(), nullable=False),
        sa.CheckConstraint("country ~ '^[A-Z]{2}$'", name=op.f("ck_external_party_country")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_external_party")),
        sa.UniqueConstraint("code", name=op.f("uq_external_party_code")),
    )
    op.create_table(
        "namespace",
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_namespace")),
    )
    op.create_table(
        "not_collected_reason",
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_not_collected_reason")),
    )
    op.create_table(
        "qc_quantity",
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("unit", sa.Text(), nullable=True),
        sa.Column("lowest", sa.Numeric(), nullable=True),
        sa.Column("highest", sa.Numeric(), nullable=True),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_qc_quantity")),
    )
    op.create_table(
        "rate_bucket",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("window_start", sa.DateTime(timezone=True), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_rate_bucket")),
        prefixes=["UNLOGGED"],
    )
    op.create_table(
        "service_secret",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_service_secret")),
    )
    op.create_table(
        "site",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("country", sa.Text(), nullable=False),
        sa.Column("timezone", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("contact", sa.Text(), nullable=False),
        sa.Column("phone", sa.Text(), nullable=False),
        sa.CheckConstraint("code ~ '^[A-Z][A-Z0-9-]{1,15}$'", name=op.f("ck_site_code")),
        sa.CheckConstraint("country ~ '^[A-Z]{2}$'", name=op.f("ck_site_country")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_site")),
        sa.UniqueConstraint("code", name=op.f("uq_site_code")),
    )
    op.create_table(
        "study",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("protocol_no", sa.Text(), nullable=True),
        sa.Column("registry_no", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("code ~ '^[A-Z][A-Z0-9-]{1,15}$'", name=op.f("ck_study_code")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_study")),
        sa.UniqueConstraint("code", name=op.f("uq_study_code")),
    )
    op.create_table(
        "temperature_class",
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("rank", sa.Integer(), nullable=False),
        sa.Column("min_celsius", sa.Numeric(), nullable=False),
        sa.Column("max_celsius", sa.Numeric(), nullable=False),
        sa.CheckConstraint("min_celsius <= max_celsius", name=op.f("ck_temperature_class_range")),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_temperature_class")),
        sa.UniqueConstraint("rank", name=op.f("uq_temperature_class_rank")),
    )
    op.create_table(
        "tube_format",
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_tube_format")),
    )
    op.create_table(
        "api_token",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("expires_at > created_at", name=op.f("ck_api_token_expires_after_creation")),
        sa.ForeignKeyConstraint(["user_id"], ["app_user.id"], name=op.f("fk_api_token_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_token")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_api_token_token_hash")),
        sa.UniqueConstraint("user_id", "name", name="uq_api_token_name"),
    )
    op.create_table(
        "assay",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("study_id", sa.BigInteger(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("platform", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["study_id"], ["study.id"], name=op.f("fk_assay_study_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_assay")),
        sa.UniqueConstraint("id", "study_id", name="uq_assay_study"),
        sa.UniqueConstraint("study_id", "code", name="uq_assay_code"),
    )
    op.create_table(
        "audit_private",
        sa.Column("entry_id", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["entry_id"], ["audit_entry.id"], name=op.f("fk_audit_private_entry_id")),
        sa.PrimaryKeyConstraint("entry_id", name=op.f("pk_audit_private")),
    )
    op.create_table(
        "cohort",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("study_id", sa.BigInteger(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["study_id"], ["study.id"], name=op.f("fk_cohort_study_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cohort")),
        sa.UniqueConstraint("id", "study_id", name="uq_cohort_study"),
        sa.UniqueConstraint("study_id", "code", name="uq_cohort_code"),
    )
    op.create_table(
        "column_mapping",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("study_id", sa.BigInteger(), nullable=False),
        sa.Column("signature", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("mapping", sa.Text(), nullable=False),
        sa.Column("withdrawn", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("made_by", sa.BigInteger(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("signature ~ '^[0-9a-f]{64}$'", name=op.f("ck_column_mapping_signature")),
        sa.CheckConstraint(
            "not withdrawn or (reason is not null and number > 1)",
            name=op.f("ck_column_mapping_withdrawn_with_a_reason"),
        ),
        sa.CheckConstraint("number >= 1", name=op.f("ck_column_mapping_number")),
        sa.ForeignKeyConstraint(["made_by"], ["app_user.id"], name=op.f("fk_column_mapping_made_by")),
        sa.ForeignKeyConstraint(["study_id"], ["study.id"], name=op.f("fk_column_mapping_study_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_column_mapping")),
        sa.UniqueConstraint("id", "study_id", name="uq_column_mapping_study"),
        sa.UniqueConstraint("study_id", "signature", "number", name="uq_column_mapping_number"),
    )
    op.create_table(
        "command_receipt",
        sa.Column("actor_id", sa.BigInteger(), nullable=False),
        sa.Column("key", sa.Uuid(), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("received_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["actor_id"], ["app_user.id"], name=op.f("fk_command_receipt_actor_id")),
        sa.PrimaryKeyConstraint("actor_id", "key", name=op.f("pk_command_receipt")),
    )
    op.create_table(
        "consent_document",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("study_id", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("approved_from", sa.Date(), nullable=False),
        sa.Column("approved_to", sa.Date(), nullable=True),
        sa.Column("approval_no", sa.Text(), nullable=True),
        sa.Column("file_name", sa.Text(), nullable=True),
        sa.Column("file_sha256", sa.Text(), nullable=True),
        sa.Column("row_version", sa.Integer(), server_default="1", nullable=False),
        sa.CheckConstraint("file_sha256 ~ '^[0-9a-f]{64}$'", name=op.f("ck_consent_document_file_digest")),
        sa.CheckConstraint(
            "approved_to is null or approved_to >= approved_from", name=op.f("ck_consent_document_approval_dates")
        ),
        sa.ForeignKeyConstraint(["study_id"], ["study.id"], name=op.f("fk_consent_document_study_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_consent_document")),
        sa.UniqueConstraint("id", "study_id", name="uq_consent_document_study"),
        sa.UniqueConstraint("study_id", "version", "language", name="uq_consent_document_version"),
    )
    op.create_table(
        "container_type",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("level", sa.Text(), nullable=False),
        sa.Column("rows", sa.Integer(), nullable=True),
        sa.Column("cols", sa.Integer(), nullable=True),
        sa.Column("label_scheme", sa.Text(), nullable=True),
        sa.Column("fill_order", sa.Text(), server_default="row", nullable=False),
        sa.Column("rows_per_group", sa.Integer(), nullable=True),
        sa.Column("position_names", sa.ARRAY(sa.Text()), nullable=True),
        sa.Column("temperature_class", sa.Text(), nullable=True),
        sa.Column("row_version", sa.Integer(), server_default="1", nullable=False),
        sa.CheckConstraint(
            "(position_names is not null) = coalesce(label_scheme = 'names', false) and (position_names is null or cardinality(position_names) = rows * cols)",
            name=op.f("ck_container_type_every_position_has_its_name"),
        ),
        sa.CheckConstraint(
            "(rows_per_group is not null) = coalesce(label_scheme in ('goblet_cane_position', 'tower_level_box'), false) and (rows_per_group is null or (rows_per_group > 0 and mod(rows, rows_per_group) = 0))",
            name=op.f("ck_container_type_groups_are_whole"),
        ),
        sa.CheckConstraint("code ~ '^[A-Z][A-Z0-9-]{1,19}$'", name=op.f("ck_container_type_code")),
        sa.CheckConstraint(
            "fill_order in ('row', 'row_from_right', 'row_from_bottom', 'row_serpentine', 'column', 'column_from_right', 'column_from_bottom', 'column_serpentine')",
            name=op.f("ck_container_type_fill_order"),
        ),
        sa.CheckConstraint(
            "label_scheme in ('letter_number', 'letter_zero_number', 'letter_number_no_io', 'letter_zero_number_no_io', 'number_by_row', 'number_by_column', 'zero_number_by_row', 'zero_number_by_column', 'goblet_cane_position', 'tower_level_box', 'names', 'unordered')",
            name=op.f("ck_container_type_label_scheme"),
        ),
        sa.CheckConstraint("level <> 'box' or rows is not null", name=op.f("ck_container_type_tubes_stand_in_grids")),
        sa.CheckConstraint(
            "level in ('facility', 'room', 'freezer', 'shelf', 'rack', 'box', 'bench')",
            name=op.f("ck_container_type_level"),
        ),
        sa.CheckConstraint(
            "(rows is null) = (cols is null) and (rows is null) = (label_scheme is null)",
            name=op.f("ck_container_type_grid_is_whole"),
        ),
        sa.CheckConstraint("char_length(title) between 1 and 80", name=op.f("ck_container_type_title_length")),
        sa.CheckConstraint(
            "rows between 1 and 128 and cols between 1 and 64 and rows * cols <= 1536",
            name=op.f("ck_container_type_grid_size"),
        ),
        sa.ForeignKeyConstraint(
            ["temperature_class"], ["temperature_class.code"], name=op.f("fk_container_type_temperature_class")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_container_type")),
        sa.UniqueConstraint("code", name=op.f("uq_container_type_code")),
    )
    op.create_table(
        "data_pull",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("number", sa.Uuid(), nullable=False),
        sa.Column("study_id", sa.BigInteger(), nullable=False),
        sa.Column("query", sa.Text(), nullable=False),
        sa.Column("row_count", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("pulled_by", sa.BigInteger(), nullable=False),
        sa.Column("pulled_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["pulled_by"], ["app_user.id"], name=op.f("fk_data_pull_pulled_by")),
        sa.ForeignKeyConstraint(["study_id"], ["study.id"], name=op.f("fk_data_pull_study_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_data_pull")),
        sa.UniqueConstraint("number", name=op.f("uq_data_pull_number")),
    )
    op.create_index(op.f("ix_data_pull_study_id"), "data_pull", ["study_id"], unique=False)
    op.create_table(
        "equipment",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("site_id", sa.BigInteger(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("serial_no", sa.Text(), nullable=True),
        sa.Column("calibration_due", sa.Date(), nullable=True),
        sa.Column("status", sa.Text(), server_default="in_service", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("row_version", sa.Integer(), server_default="1", nullable=False),
        sa.CheckConstraint("code ~ '^[A-Z0-9][A-Z0-9-]{0,19}$'", name=op.f("ck_equipment_code")),
        sa.CheckConstraint(
            "kind in ('centrifuge', 'controlled_rate_freezer', 'incubator', 'cell_counter', 'spectrophotometer', 'bioanalyzer', 'extractor', 'pipette', 'balance', 'other')",
            name=op.f("ck_equipment_kind"),
        ),
        sa.CheckConstraint("status in ('in_service', 'out_of_service', 'retired')", name=op.f("ck_equipment_status")),
        sa.ForeignKeyConstraint(["site_id"], ["site.id"], name=op.f("fk_equipment_site_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_equipment")),
        sa.UniqueConstraint("site_id", "code", name="uq_equipment_code"),
    )
    op.create_table(
        "label_stock",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("study_id", sa.BigInteger(), nullable=True),
        sa.Column("is_offered", sa.Boolean(), server_default="true", nullable=False),
        sa.CheckConstraint("kind in ('sheet', 'roll')", name=op.f("ck_label_stock_kind")),
        sa.CheckConstraint("name ~ '^[a-z0-9][a-z0-9-]{1,39}$'", name=op.f("ck_label_stock_name")),
        sa.ForeignKeyConstraint(["study_id"], ["study.id"], name=op.f("fk_label_stock_study_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_label_stock")),
        sa.UniqueConstraint("name", name="uq_label_stock_name"),
    )
    op.create_table(
        "label_template",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("study_id", sa.BigInteger(), nullable=True),
        sa.Column("is_standard", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("created_by", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "kind in ('tube', 'box', 'rack', 'shelf', 'freezer', 'shipment', 'kit', 'badge')",
            name=op.f("ck_label_template_kind"),
        ),
        sa.CheckConstraint("name ~ '^[a-z0-9][a-z0-9-]{1,39}$'", name=op.f("ck_label_template_name")),
        sa.ForeignKeyConstraint(["created_by"], ["app_user.id"], name=op.f("fk_label_template_created_by")),
        sa.ForeignKeyConstraint(["study_id"], ["study.id"], name=op.f("fk_label_template_study_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_label_template")),
        sa.UniqueConstraint("name", name="uq_label_template_name"),
    )
    op.create_index(
        "uq_label_template_standard",
        "label_template",
        ["kind", "study_id"],
        unique=True,
        postgresql_nulls_not_distinct=True,
        postgresql_where=sa.text("is_standard"),
    )
    op.create_table(
        "login_session",
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("last_seen_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["app_user.id"], name=op.f("fk_login_session_user_id")),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_login_session")),
    )
    op.create_index(op.f("ix_login_session_user_id"), "login_session", ["user_id"], unique=False)
    op.create_table(
        "printer",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("site_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("host", sa.Text(), nullable=True),
        sa.Column("port", sa.Integer(), nullable=True),
        sa.Column("dpi", sa.Integer(), nullable=False),
        sa.Column("stock", sa.Text(), nullable=False),
        sa.Column("is_active", sa.Boolean(), server_default="true", nullable=False),
        sa.Column("is_paused", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("row_version", sa.Integer(), server_default="1", nullable=False),
        sa.CheckConstraint(
            "(kind = 'download') = (host is null) and (host is null) = (port is null)",
            name=op.f("ck_printer_address_where_needed"),
        ),
        sa.CheckConstraint("kind in ('zpl_tcp', 'pull', 'download')", name=op.f("ck_printer_kind")),
        sa.CheckConstraint("name ~ '^[A-Z0-9][A-Z0-9-]{0,19}$'", name=op.f("ck_printer_name")),
        sa.CheckConstraint("dpi = any (array[203, 300, 600])", name=op.f("ck_printer_dpi")),
        sa.CheckConstraint("port between 1 and 65535", name=op.f("ck_printer_port")),
        sa.ForeignKeyConstraint(["site_id"], ["site.id"], name=op.f("fk_printer_site_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_printer")),
        sa.UniqueConstraint("id", "site_id", name="uq_printer_site"),
        sa.UniqueConstraint("site_id", "name", name="uq_printer_name"),
    )
    op.create_table(
        "protocol_version",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("study_id", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("effective_from", sa.Date(), nullable=True),
        sa.Column("status", sa.Text(), server_default="draft", nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("created_by", sa.BigInteger(), nullable=True),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("published_by", sa.BigInteger(), nullable=True),
        sa.Column("row_version", sa.Integer(), server_default="1", nullable=False),
        sa.CheckConstraint(
            "(status = 'published') = (published_at is not null)", name=op.f("ck_protocol_version_published_at_a_time")
        ),
        sa.CheckConstraint(
            "status <> 'published' or effective_from is not null", name=op.f("ck_protocol_version_published_from_a_day")
        ),
        sa.CheckConstraint("status in ('draft', 'published', 'discarded')", name=op.f("ck_protocol_version_status")),
        sa.CheckConstraint("number > 0", name=op.f("ck_protocol_version_number")),
        sa.ForeignKeyConstraint(["created_by"], ["app_user.id"], name=op.f("fk_protocol_version_created_by")),
        sa.ForeignKeyConstraint(["published_by"], ["app_user.id"], name=op.f("fk_protocol_version_published_by")),
        sa.ForeignKeyConstraint(["study_id"], ["study.id"], name=op.f("fk_protocol_version_study_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_protocol_version")),
        sa.UniqueConstraint("id", "study_id", name="uq_protocol_version_study"),
        sa.UniqueConstraint("study_id", "number", name="uq_protocol_version_number"),
    )
    op.create_index(
        "uq_protocol_version_draft",
        "protocol_version",
        ["study_id"],
        unique=True,
        postgresql_where=sa.text("status = 'draft'"),
    )
    op.create_index(
        "uq_protocol_version_effective",
        "protocol_version",
        ["study_id", "effective_from"],
        unique=True,
        postgresql_where=sa.text("status = 'published'"),
    )
    op.create_table(
        "raw_file",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("study_id", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("uploaded_by", sa.BigInteger(), nullable=False),
        sa.Column("uploaded_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("size >= 0", name=op.f("ck_raw_file_size")),
        sa.ForeignKeyConstraint(["study_id"], ["study.id"], name=op.f("fk_raw_file_study_id")),
        sa.ForeignKeyConstraint(["uploaded_by"], ["app_user.id"], name=op.f("fk_raw_file_uploaded_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_raw_file")),
        sa.UniqueConstraint("id", "study_id", name="uq_raw_file_study"),
        sa.UniqueConstraint("study_id", "sha256", name="uq_raw_file_content"),
    )
    op.create_table(
        "reagent_lot",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("site_id", sa.BigInteger(), nullable=False),
        sa.Column("reagent", sa.Text(), nullable=False),
        sa.Column("lot", sa.Text(), nullable=False),
        sa.Column("expires_on", sa.Date(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["site_id"], ["site.id"], name=op.f("fk_reagent_lot_site_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reagent_lot")),
        sa.UniqueConstraint("site_id", "reagent", "lot", name="uq_reagent_lot_once"),
    )
    op.create_table(
        "role_grant",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("study_id", sa.BigInteger(), nullable=True),
        sa.Column("site_id", sa.BigInteger(), nullable=True),
        sa.Column("valid_from", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("valid_to", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "role = 'administrator' or study_id is not null",
            name=op.f("ck_role_grant_only_administrators_hold_all_studies"),
        ),
        sa.CheckConstraint("site_id is null or study_id is not null", name=op.f("ck_role_grant_site_needs_study")),
        sa.ForeignKeyConstraint(["site_id"], ["site.id"], name=op.f("fk_role_grant_site_id")),
        sa.ForeignKeyConstraint(["study_id"], ["study.id"], name=op.f("fk_role_grant_study_id")),
        sa.ForeignKeyConstraint(["user_id"], ["app_user.id"], name=op.f("fk_role_grant_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_role_grant")),
        sa.UniqueConstraint(
            "user_id",
            "role",
            "study_id",
            "site_id",
            "valid_to",
            name="uq_role_grant_once",
            postgresql_nulls_not_distinct=True,
        ),
    )
    op.create_index(op.f("ix_role_grant_user_id"), "role_grant", ["user_id"], unique=False)
    op.create_table(
        "signature",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("number", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("username", sa.Text(), nullable=False),
        sa.Column("printed_name", sa.Text(), nullable=False),
        sa.Column("meaning", sa.Text(), nullable=False),
        sa.Column("deed", sa.Text(), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("content_sha256", sa.Text(), nullable=False),
        sa.Column("record_sha256", sa.Text(), nullable=False),
        sa.Column("signed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("study_id", sa.BigInteger(), nullable=True),
        sa.Column("site_id", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "content_sha256 ~ '^[0-9a-f]{64}$' and record_sha256 ~ '^[0-9a-f]{64}$'", name=op.f("ck_signature_digests")
        ),
        sa.CheckConstraint(
            "meaning in ('authorship', 'review', 'approval', 'responsibility', 'witness')",
            name=op.f("ck_signature_meaning"),
        ),
        sa.CheckConstraint("printed_name <> ''", name=op.f("ck_signature_has_a_name")),
        sa.ForeignKeyConstraint(["site_id"], ["site.id"], name=op.f("fk_signature_site_id")),
        sa.ForeignKeyConstraint(["study_id"], ["study.id"], name=op.f("fk_signature_study_id")),
        sa.ForeignKeyConstraint(["user_id"], ["app_user.id"], name=op.f("fk_signature_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_signature")),
        sa.UniqueConstraint("number", name=op.f("uq_signature_number")),
    )
    op.create_index(op.f("ix_signature_study_id"), "signature", ["study_id"], unique=False)
    op.create_table(
        "specimen_type",
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("sprec_type", sa.Text(), nullable=True),
        sa.Column("snomed", sa.Text(), nullable=True),
        sa.Column("unit", sa.Text(), nullable=False),
        sa.Column("temperature_class", sa.Text(), nullable=False),
        sa.Column("freeze_thaw_cap", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(
            ["temperature_class"], ["temperature_class.code"], name=op.f("fk_specimen_type_temperature_class")
        ),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_specimen_type")),
    )
    op.create_table(
        "sprec_version",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("used_from", sa.Date(), nullable=True),
        sa.Column("carry_minutes", sa.Integer(), server_default="0", nullable=False),
        sa.Column("loaded_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("loaded_by", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("code ~ '^[0-9]+[.][0-9]+([.][A-Z0-9]+)*$'", name=op.f("ck_sprec_version_code")),
        sa.CheckConstraint("carry_minutes between 0 and 60", name=op.f("ck_sprec_version_carry_minutes")),
        sa.ForeignKeyConstraint(["loaded_by"], ["app_user.id"], name=op.f("fk_sprec_version_loaded_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sprec_version")),
        sa.UniqueConstraint("code", name=op.f("uq_sprec_version_code")),
        sa.UniqueConstraint("used_from", name=op.f("uq_sprec_version_used_from")),
    )
    op.create_table(
        "study_site",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("study_id", sa.BigInteger(), nullable=False),
        sa.Column("site_id", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["site_id"], ["site.id"], name=op.f("fk_study_site_site_id")),
        sa.ForeignKeyConstraint(["study_id"], ["study.id"], name=op.f("fk_study_site_study_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_study_site")),
        sa.UniqueConstraint("study_id", "site_id", name="uq_study_site_once"),
    )
    op.create_table(
        "tube_type",
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("sprec_container", sa.Text(), nullable=True),
        sa.Column("sprec_family", sa.Text(), nullable=True),
        sa.Column("capacity_ul", sa.Numeric(), nullable=False),
        sa.Column("format", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "sprec_family in ('pp_40_500', 'pp_500_2000', 'pp_5000', 'cryotube', 'straw', 'microplate', 'paraffin', 'bag', 'dry_medium', 'original')",
            name=op.f("ck_tube_type_sprec_family"),
        ),
        sa.ForeignKeyConstraint(["format"], ["tube_format.code"], name=op.f("fk_tube_type_format")),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_tube_type")),
    )
    op.create_table(
        "vendor_code_rule",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("study_id", sa.BigInteger(), nullable=False),
        sa.Column("namespace", sa.Text(), nullable=False),
        sa.Column("required", sa.Boolean(), nullable=False),
        sa.Column("set_by", sa.BigInteger(), nullable=False),
        sa.Column("set_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("namespace <> 'house'", name=op.f("ck_vendor_code_rule_of_a_maker")),
        sa.ForeignKeyConstraint(["namespace"], ["namespace.code"], name=op.f("fk_vendor_code_rule_namespace")),
        sa.ForeignKeyConstraint(["set_by"], ["app_user.id"], name=op.f("fk_vendor_code_rule_set_by")),
        sa.ForeignKeyConstraint(["study_id"], ["study.id"], name=op.f("fk_vendor_code_rule_study_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_vendor_code_rule")),
        sa.UniqueConstraint("study_id", "namespace", name="uq_vendor_code_rule"),
    )
    op.create_table(
        "visit_type",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("study_id", sa.BigInteger(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["study_id"], ["study.id"], name=op.f("fk_visit_type_study_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_visit_type")),
        sa.UniqueConstraint("id", "study_id", name="uq_visit_type_study"),
        sa.UniqueConstraint("study_id", "code", name="uq_visit_type_code"),
    )
    op.create_table(
        "withdrawal_policy",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("study_id", sa.BigInteger(), nullable=True),
        sa.Column("version", sa.Text(), nullable=True),
        sa.Column("level", sa.Text(), nullable=False),
        sa.Column("object", sa.Text(), nullable=False),
        sa.Column("consequence", sa.Text(), nullable=False),
        sa.Column("reversible", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.CheckConstraint(
            "(object, consequence) in (('planned_visits', 'keep'), ('planned_visits', 'cancel'), ('stored_tubes', 'keep'), ('stored_tubes', 'hold'), ('stored_tubes', 'dispose'), ('packed_tubes', 'keep'), ('packed_tubes', 'take_out'), ('tubes_away', 'keep'), ('tubes_away', 'recall'), ('tubes_away', 'destroy'), ('pools', 'keep'), ('pools', 'hold'), ('pools', 'dispose'), ('unreleased_results', 'keep'), ('unreleased_results', 'withhold'), ('released_results', 'keep'), ('released_results', 'hide'))",
            name=op.f("ck_withdrawal_policy_consequence_fits_object"),
        ),
        sa.CheckConstraint(
            "consequence in ('keep', 'cancel', 'hold', 'dispose', 'take_out', 'recall', 'destroy', 'withhold', 'hide')",
            name=op.f("ck_withdrawal_policy_consequence"),
        ),
        sa.CheckConstraint(
            "level in ('no_contact', 'no_access', 'no_further_use', 'destroy')", name=op.f("ck_withdrawal_policy_level")
        ),
        sa.CheckConstraint(
            "not reversible or object not in ('packed_tubes', 'tubes_away')",
            name=op.f("ck_withdrawal_policy_parcels_stay_out"),
        ),
        sa.CheckConstraint(
            "object = 'planned_visits' or (level in ('no_further_use', 'destroy') and (consequence <> 'keep' or object in ('tubes_away', 'pools'))) or (level in ('no_contact', 'no_access') and consequence = 'keep')",
            name=op.f("ck_withdrawal_policy_agrees_with_the_gate"),
        ),
        sa.CheckConstraint(
            "object in ('planned_visits', 'stored_tubes', 'packed_tubes', 'tubes_away', 'pools', 'unreleased_results', 'released_results')",
            name=op.f("ck_withdrawal_policy_object"),
        ),
        sa.CheckConstraint(
            "reversible or object not in ('unreleased_results', 'released_results')",
            name=op.f("ck_withdrawal_policy_results_come_back"),
        ),
        sa.CheckConstraint("(study_id is null) = (version is null)", name=op.f("ck_withdrawal_policy_form_is_whole")),
        sa.ForeignKeyConstraint(["study_id"], ["study.id"], name=op.f("fk_withdrawal_policy_study_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_withdrawal_policy")),
        sa.UniqueConstraint(
            "study_id",
            "version",
            "level",
            "object",
            name="uq_withdrawal_policy_once",
            postgresql_nulls_not_distinct=True,
        ),
    )
    op.create_table(
        "assay_version",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("assay_id", sa.BigInteger(), nullable=False),
        sa.Column("study_id", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("method", sa.Text(), nullable=False),
        sa.Column("importer", sa.Text(), nullable=False),
        sa.Column("effective_from", sa.Date(), nullable=False),
        sa.ForeignKeyConstraint(
            ["assay_id", "study_id"], ["assay.id", "assay.study_id"], name="fk_assay_version_assay"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_assay_version")),
        sa.UniqueConstraint("assay_id", "number", name="uq_assay_version_number"),
        sa.UniqueConstraint("id", "study_id", name="uq_assay_version_study"),
    )
    op.create_table(
        "consent_document_scope",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("document_id", sa.BigInteger(), nullable=False),
        sa.Column("scope_code", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["document_id"], ["consent_document.id"], name=op.f("fk_consent_document_scope_document_id")
        ),
        sa.ForeignKeyConstraint(
            ["scope_code"], ["consent_scope.code"], name=op.f("fk_consent_document_scope_scope_code")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_consent_document_scope")),
        sa.UniqueConstraint("document_id", "scope_code", name="uq_consent_document_scope_once"),
    )
    op.create_table(
        "container_type_child",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("parent_type_id", sa.BigInteger(), nullable=False),
        sa.Column("child_type_id", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("parent_type_id <> child_type_id", name=op.f("ck_container_type_child_not_in_its_own_kind")),
        sa.ForeignKeyConstraint(
            ["child_type_id"], ["container_type.id"], name=op.f("fk_container_type_child_child_type_id")
        ),
        sa.ForeignKeyConstraint(
            ["parent_type_id"], ["container_type.id"], name=op.f("fk_container_type_child_parent_type_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_container_type_child")),
        sa.UniqueConstraint("parent_type_id", "child_type_id", name="uq_container_type_child_pair"),
    )
    op.create_table(
        "container_type_format",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("container_type_id", sa.BigInteger(), nullable=False),
        sa.Column("tube_format", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["container_type_id"], ["container_type.id"], name=op.f("fk_container_type_format_container_type_id")
        ),
        sa.ForeignKeyConstraint(
            ["tube_format"], ["tube_format.code"], name=op.f("fk_container_type_format_tube_format")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_container_type_format")),
        sa.UniqueConstraint("container_type_id", "tube_format", name="uq_container_type_format_once"),
    )
    op.create_table(
        "disposal",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("number", sa.Uuid(), nullable=False),
        sa.Column("study_id", sa.BigInteger(), nullable=False),
        sa.Column("site_id", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("created_by", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "reason in ('consent_withdrawn', 'expired', 'unfit', 'surplus', 'study_closed')",
            name=op.f("ck_disposal_reason"),
        ),
        sa.CheckConstraint("words <> ''", name=op.f("ck_disposal_has_words")),
        sa.ForeignKeyConstraint(["created_by"], ["app_user.id"], name=op.f("fk_disposal_created_by")),
        sa.ForeignKeyConstraint(
            ["study_id", "site_id"], ["study_site.study_id", "study_site.site_id"], name="fk_disposal_study_site"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_disposal")),
        sa.UniqueConstraint("id", "study_id", name="uq_disposal_study"),
        sa.UniqueConstraint("number", name=op.f("uq_disposal_number")),
    )
    op.create_index("ix_disposal_study_site", "disposal", ["study_id", "site_id"], unique=False)
    op.create_table(
        "equipment_program",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("equipment_id", sa.BigInteger(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("g_force", sa.Numeric(), nullable=True),
        sa.Column("minutes", sa.Numeric(), nullable=True),
        sa.Column("celsius", sa.Numeric(), nullable=True),
        sa.Column("brake", sa.Boolean(), nullable=True),
        sa.Column("is_active", sa.Boolean(), server_default="true", nullable=False),
        sa.CheckConstraint("g_force > 0 and minutes > 0", name=op.f("ck_equipment_program_settings_positive")),
        sa.ForeignKeyConstraint(["equipment_id"], ["equipment.id"], name=op.f("fk_equipment_program_equipment_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_equipment_program")),
        sa.UniqueConstraint("equipment_id", "code", name="uq_equipment_program_code"),
        sa.UniqueConstraint("id", "equipment_id", name="uq_equipment_program_equipment"),
    )
    op.create_table(
        "label_range",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("study_id", sa.BigInteger(), nullable=False),
        sa.Column("site_id", sa.BigInteger(), nullable=True),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("warn_below", sa.Integer(), server_default="0", nullable=False),
        sa.Column("minted_by", sa.BigInteger(), nullable=False),
        sa.Column("minted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("issued_by", sa.BigInteger(), nullable=True),
        sa.Column("issued_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("received_by", sa.BigInteger(), nullable=True),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("char_length(purpose) between 1 and 80", name=op.f("ck_label_range_purpose_length")),
        sa.CheckConstraint("count between 1 and 5000", name=op.f("ck_label_range_count")),
        sa.CheckConstraint(
            "num_nonnulls(received_by, received_at) in (0, 2)", name=op.f("ck_label_range_received_whole")
        ),
        sa.CheckConstraint(
            "num_nonnulls(site_id, issued_by, issued_at) in (0, 3)", name=op.f("ck_label_range_issued_whole")
        ),
        sa.CheckConstraint(
            "received_at is null or issued_at is not null", name=op.f("ck_label_range_received_after_issue")
        ),
        sa.CheckConstraint("warn_below between 0 and 5000", name=op.f("ck_label_range_warn_below")),
        sa.ForeignKeyConstraint(["issued_by"], ["app_user.id"], name=op.f("fk_label_range_issued_by")),
        sa.ForeignKeyConstraint(["minted_by"], ["app_user.id"], name=op.f("fk_label_range_minted_by")),
        sa.ForeignKeyConstraint(["received_by"], ["app_user.id"], name=op.f("fk_label_range_received_by")),
        sa.ForeignKeyConstraint(
            ["study_id", "site_id"], ["study_site.study_id", "study_site.site_id"], name="fk_label_range_study_site"
        ),
        sa.ForeignKeyConstraint(["study_id"], ["study.id"], name=op.f("fk_label_range_study_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_label_range")),
        sa.UniqueConstraint("id", "site_id", name="uq_label_range_site"),
    )
    op.create_index("ix_label_range_study_site", "label_range", ["study_id", "site_id"], unique=False)
    op.create_table(
        "label_stock_version",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("stock", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("content", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("created_by", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "content ->> 'name' = stock || '@' || number", name=op.f("ck_label_stock_version_content_of_the_version")
        ),
        sa.CheckConstraint("number > 0", name=op.f("ck_label_stock_version_number")),
        sa.ForeignKeyConstraint(["created_by"], ["app_user.id"], name=op.f("fk_label_stock_version_created_by")),
        sa.ForeignKeyConstraint(["stock"], ["label_stock.name"], name=op.f("fk_label_stock_version_stock")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_label_stock_version")),
        sa.UniqueConstraint("stock", "number", name="uq_label_stock_version_number"),
    )
    op.create_table(
        "label_template_version",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("template", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("status", sa.Text(), server_default="draft", nullable=False),
        sa.Column("stock", sa.Text(), nullable=False),
        sa.Column("content", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("created_by", sa.BigInteger(), nullable=True),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("published_by", sa.BigInteger(), nullable=True),
        sa.Column("row_version", sa.Integer(), server_default="1", nullable=False),
        sa.CheckConstraint(
            "(status = 'published') = (published_at is not null)",
            name=op.f("ck_label_template_version_published_at_a_time"),
        ),
        sa.CheckConstraint(
            "content ->> 'name' = template", name=op.f("ck_label_template_version_content_of_the_template")
        ),
        sa.CheckConstraint(
            "status in ('draft', 'published', 'discarded')", name=op.f("ck_label_template_version_status")
        ),
        sa.CheckConstraint("number > 0", name=op.f("ck_label_template_version_number")),
        sa.ForeignKeyConstraint(["created_by"], ["app_user.id"], name=op.f("fk_label_template_version_created_by")),
        sa.ForeignKeyConstraint(["published_by"], ["app_user.id"], name=op.f("fk_label_template_version_published_by")),
        sa.ForeignKeyConstraint(["template"], ["label_template.name"], name=op.f("fk_label_template_version_template")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_label_template_version")),
        sa.UniqueConstraint("template", "number", name="uq_label_template_version_number"),
    )
    op.create_index(
        "uq_label_template_version_draft",
        "label_template_version",
        ["template"],
        unique=True,
        postgresql_where=sa.text("status = 'draft'"),
    )
    op.create_table(
        "material_origin",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("specimen_type", sa.Text(), nullable=False),
        sa.Column("made_of", sa.Text(), nullable=False),
        sa.Column("sprec_container", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["made_of"], ["specimen_type.code"], name=op.f("fk_material_origin_made_of")),
        sa.ForeignKeyConstraint(
            ["specimen_type"], ["specimen_type.code"], name=op.f("fk_material_origin_specimen_type")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_material_origin")),
        sa.UniqueConstraint(
            "specimen_type",
            "made_of",
            "sprec_container",
            name="uq_material_origin_once",
            postgresql_nulls_not_distinct=True,
        ),
    )
    op.create_table(
        "participant",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("study_id", sa.BigInteger(), nullable=False),
        sa.Column("site_id", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.Text(), server_default="enrolled", nullable=False),
        sa.Column("enrolled_on", sa.Date(), nullable=False),
        sa.Column("t0", sa.Date(), nullable=False),
        sa.Column("year_of_birth", sa.Integer(), nullable=True),
        sa.Column("sex_at_birth", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("row_version", sa.Integer(), server_default="1", nullable=False),
        sa.CheckConstraint("code ~ '^P'", name=op.f("ck_participant_code_is_a_participant_id")),
        sa.CheckConstraint(
            "sex_at_birth in ('female', 'male', 'intersex', 'unknown')", name=op.f("ck_participant_sex_at_birth")
        ),
        sa.CheckConstraint(
            "status in ('screening', 'enrolled', 'followed', 'off_study', 'withdrawn', 'deceased', 'duplicate')",
            name=op.f("ck_participant_status"),
        ),
        sa.CheckConstraint("year_of_birth between 1900 and 2100", name=op.f("ck_participant_year_of_birth")),
        sa.ForeignKeyConstraint(
            ["study_id", "site_id"], ["study_site.study_id", "study_site.site_id"], name="fk_participant_study_site"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_participant")),
        sa.UniqueConstraint("code", name=op.f("uq_participant_code")),
        sa.UniqueConstraint("id", "study_id", name="uq_participant_study"),
    )
    op.create_index("ix_participant_study_site", "participant", ["study_id", "site_id"], unique=False)
    op.create_table(
        "pick_list",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("study_id", sa.BigInteger(), nullable=False),
        sa.Column("site_id", sa.BigInteger(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("destination", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), server_default="open", nullable=False),
        sa.Column("created_by", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("started_by", sa.BigInteger(), nullable=True),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("verified_by", sa.BigInteger(), nullable=True),
        sa.Column("verified_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("handed_over_by", sa.BigInteger(), nullable=True),
        sa.Column("handed_over_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("handed_to", sa.BigInteger(), nullable=True),
        sa.Column("handed_for", sa.Text(), nullable=True),
        sa.Column("cancelled_by", sa.BigInteger(), nullable=True),
        sa.Column("cancelled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("cancel_reason", sa.Text(), nullable=True),
        sa.Column("row_version", sa.Integer(), server_default="1", nullable=False),
        sa.CheckConstraint(
            "(status = 'cancelled') = (cancelled_at is not null) and num_nonnulls(cancelled_at, cancelled_by, cancel_reason) in (0, 3)",
            name=op.f("ck_pick_list_cancelled_whole"),
        ),
        sa.CheckConstraint(
            "(status = 'handed_over') = (handed_over_at is not null) and num_nonnulls(handed_over_at, handed_over_by, handed_to, handed_for) in (0, 4)",
            name=op.f("ck_pick_list_handed_over_whole"),
        ),
        sa.CheckConstraint("code ~ '^Q'", name=op.f("ck_pick_list_code_is_a_pick_list_id")),
        sa.CheckConstraint("destination in ('packing', 'bench')", name=op.f("ck_pick_list_destination")),
        sa.CheckConstraint(
            "status in ('open', 'cancelled') or started_at is not null", name=op.f("ck_pick_list_started_has_a_time")
        ),
        sa.CheckConstraint(
            "status in ('open', 'in_progress', 'picked', 'verified', 'handed_over', 'cancelled')",
            name=op.f("ck_pick_list_status"),
        ),
        sa.CheckConstraint(
            "status not in ('verified', 'handed_over') or verified_at is not null",
            name=op.f("ck_pick_list_verified_has_a_time"),
        ),
        sa.CheckConstraint("char_length(purpose) between 1 and 200", name=op.f("ck_pick_list_purpose_length")),
        sa.ForeignKeyConstraint(["cancelled_by"], ["app_user.id"], name=op.f("fk_pick_list_cancelled_by")),
        sa.ForeignKeyConstraint(["created_by"], ["app_user.id"], name=op.f("fk_pick_list_created_by")),
        sa.ForeignKeyConstraint(["handed_over_by"], ["app_user.id"], name=op.f("fk_pick_list_handed_over_by")),
        sa.ForeignKeyConstraint(["handed_to"], ["app_user.id"], name=op.f("fk_pick_list_handed_to")),
        sa.ForeignKeyConstraint(["started_by"], ["app_user.id"], name=op.f("fk_pick_list_started_by")),
        sa.ForeignKeyConstraint(
            ["study_id", "site_id"], ["study_site.study_id", "study_site.site_id"], name="fk_pick_list_study_site"
        ),
        sa.ForeignKeyConstraint(["verified_by"], ["app_user.id"], name=op.f("fk_pick_list_verified_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pick_list")),
        sa.UniqueConstraint("code", name=op.f("uq_pick_list_code")),
        sa.UniqueConstraint("id", "study_id", name="uq_pick_list_study"),
    )
    op.create_index("ix_pick_list_study_site", "pick_list", ["study_id", "site_id"], unique=False)
    op.create_table(
        "planned_visit",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("protocol_version_id", sa.BigInteger(), nullable=False),
        sa.Column("study_id", sa.BigInteger(), nullable=False),
        sa.Column("visit_type_id", sa.BigInteger(), nullable=True),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("planned_day", sa.Integer(), nullable=True),
        sa.Column("days_before", sa.Integer(), server_default="0", nullable=False),
        sa.Column("days_after", sa.Integer(), server_default="0", nullable=False),
        sa.Column("same_tubes_as_id", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("code ~ '^[A-Z][A-Z0-9-]{1,15}$'", name=op.f("ck_planned_visit_code")),
        sa.CheckConstraint("days_before >= 0 and days_after >= 0", name=op.f("ck_planned_visit_window")),
        sa.CheckConstraint(
            "planned_day is not null or (days_before = 0 and days_after = 0)",
            name=op.f("ck_planned_visit_unscheduled_has_no_window"),
        ),
        sa.ForeignKeyConstraint(
            ["protocol_version_id", "study_id"],
            ["protocol_version.id", "protocol_version.study_id"],
            name="fk_planned_visit_protocol_version",
        ),
        sa.ForeignKeyConstraint(
            ["same_tubes_as_id", "protocol_version_id"],
            ["planned_visit.id", "planned_visit.protocol_version_id"],
            name="fk_planned_visit_same_tubes_as",
        ),
        sa.ForeignKeyConstraint(
            ["visit_type_id", "study_id"], ["visit_type.id", "visit_type.study_id"], name="fk_planned_visit_visit_type"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_planned_visit")),
        sa.UniqueConstraint("id", "protocol_version_id", name="uq_planned_visit_version"),
        sa.UniqueConstraint("id", "study_id", name="uq_planned_visit_study"),
        sa.UniqueConstraint("protocol_version_id", "code", name="uq_planned_visit_code"),
        sa.UniqueConstraint("protocol_version_id", "visit_type_id", name="uq_planned_visit_type"),
    )
    op.create_table(
        "print_job",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("number", sa.Uuid(), nullable=False),
        sa.Column("printer_id", sa.BigInteger(), nullable=False),
        sa.Column("site_id", sa.BigInteger(), nullable=False),
        sa.Column("transport", sa.Text(), nullable=False),
        sa.Column("stock", sa.Text(), nullable=False),
        sa.Column("dpi", sa.Integer(), nullable=False),
        sa.Column("templates", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("start", sa.Integer(), server_default="0", nullable=False),
        sa.Column("labels", sa.Integer(), nullable=False),
        sa.Column("status", sa.Text(), server_default="queued", nullable=False),
        sa.Column("trouble", sa.Text(), nullable=True),
        sa.Column("detail", sa.Text(), nullable=True),
        sa.Column("requested_by", sa.BigInteger(), nullable=False),
        sa.Column("requested_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("workstation", sa.Text(), nullable=True),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("claim", sa.Uuid(), nullable=True),
        sa.Column("claimed_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("copy_of", sa.BigInteger(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "(status in ('sent', 'acknowledged', 'verified', 'unknown')) <= (sent_at is not null) and (status in ('queued', 'cancelled')) <= (sent_at is null)",
            name=op.f("ck_print_job_sent_when_it_was_sent"),
        ),
        sa.CheckConstraint(
            "status in ('queued', 'sent', 'acknowledged', 'verified', 'unknown', 'failed', 'cancelled')",
            name=op.f("ck_print_job_status"),
        ),
        sa.CheckConstraint("transport in ('zpl_tcp', 'pull', 'download')", name=op.f("ck_print_job_transport")),
        sa.CheckConstraint("(claim is null) = (claimed_until is null)", name=op.f("ck_print_job_claim_whole")),
        sa.CheckConstraint("(copy_of is null) = (reason is null)", name=op.f("ck_print_job_copy_has_a_reason")),
        sa.CheckConstraint("labels >= 1 and start >= 0", name=op.f("ck_print_job_counts")),
        sa.ForeignKeyConstraint(["copy_of"], ["print_job.id"], name=op.f("fk_print_job_copy_of")),
        sa.ForeignKeyConstraint(
            ["printer_id", "site_id"], ["printer.id", "printer.site_id"], name="fk_print_job_printer_of_the_site"
        ),
        sa.ForeignKeyConstraint(["requested_by"], ["app_user.id"], name=op.f("fk_print_job_requested_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_print_job")),
        sa.UniqueConstraint("number", name=op.f("uq_print_job_number")),
    )
    op.create_index("ix_print_job_site_id", "print_job", ["site_id", "id"], unique=False)
    op.create_index(
        "ix_print_job_waiting",
        "print_job",
        ["printer_id", "id"],
        unique=False,
        postgresql_where=sa.text("status in ('queued', 'sent') and transport <> 'download'"),
    )
    op.create_index(
        "uq_print_job_one_at_a_printer",
        "print_job",
        ["printer_id"],
        unique=True,
        postgresql_where=sa.text("status = 'sent' and transport <> 'download'"),
    )
    op.create_table(
        "printer_rule",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("site_id", sa.BigInteger(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=True),
        sa.Column("workstation", sa.Text(), nullable=True),
        sa.Column("label_kind", sa.Text(), nullable=True),
        sa.Column("printer_id", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "label_kind in ('tube', 'box', 'rack', 'place', 'shipment', 'kit', 'command')",
            name=op.f("ck_printer_rule_label_kind"),
        ),
        sa.CheckConstraint("workstation <> ''", name=op.f("ck_printer_rule_workstation_named")),
        sa.CheckConstraint("position >= 1", name=op.f("ck_printer_rule_position_counts_from_one")),
        sa.ForeignKeyConstraint(
            ["printer_id", "site_id"], ["printer.id", "printer.site_id"], name="fk_printer_rule_printer_of_the_site"
        ),
        sa.ForeignKeyConstraint(["site_id"], ["site.id"], name=op.f("fk_printer_rule_site_id")),
        sa.ForeignKeyConstraint(["user_id"], ["app_user.id"], name=op.f("fk_printer_rule_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_printer_rule")),
    )
    op.create_index(
        "uq_printer_rule_position",
        "printer_rule",
        ["site_id", "position"],
        unique=True,
        postgresql_where=sa.text("ended_at is null"),
    )
    op.create_table(
        "printer_status",
        sa.Column("printer_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "status in ('ready', 'out_of_labels', 'out_of_ribbon', 'head_open', 'paused', 'busy', 'unreachable', 'unreadable')",
            name=op.f("ck_printer_status_status"),
        ),
        sa.ForeignKeyConstraint(["printer_id"], ["printer.id"], name=op.f("fk_printer_status_printer_id")),
        sa.PrimaryKeyConstraint("printer_id", name=op.f("pk_printer_status")),
    )
    op.create_table(
        "shipment",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("study_id", sa.BigInteger(), nullable=False),
        sa.Column("from_site_id", sa.BigInteger(), nullable=False),
        sa.Column("to_site_id", sa.BigInteger(), nullable=True),
        sa.Column("to_party_id", sa.BigInteger(), nullable=True),
        sa.Column("status", sa.Text(), server_default="draft", nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("classification", sa.Text(), nullable=False),
        sa.Column("courier", sa.Text(), nullable=True),
        sa.Column("tracking_no", sa.Text(), nullable=True),
        sa.Column("manifest", sa.Text(), nullable=True),
        sa.Column("manifest_sha256", sa.Text(), nullable=True),
        sa.Column("created_by", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("packed_by", sa.BigInteger(), nullable=True),
        sa.Column("packed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("shipped_by", sa.BigInteger(), nullable=True),
        sa.Column("shipped_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("received_by", sa.BigInteger(), nullable=True),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reconciled_by", sa.BigInteger(), nullable=True),
        sa.Column("reconciled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("row_version", sa.Integer(), server_default="1", nullable=False),
        sa.CheckConstraint(
            "classification in ('exempt_human_specimen', 'un3373_category_b')", name=op.f("ck_shipment_classification")
        ),
        sa.CheckConstraint("code ~ '^X'", name=op.f("ck_shipment_code_is_a_shipment_id")),
        sa.CheckConstraint(
            "status <> 'reconciled' or reconciled_at is not null", name=op.f("ck_shipment_reconciled_has_a_time")
        ),
        sa.CheckConstraint(
            "status in ('draft', 'cancelled') or (manifest is not null and manifest_sha256 is not null and packed_at is not null)",
            name=op.f("ck_shipment_packed_has_a_manifest"),
        ),
        sa.CheckConstraint(
            "status in ('draft', 'packed', 'shipped', 'received', 'reconciled', 'cancelled', 'lost')",
            name=op.f("ck_shipment_status"),
        ),
        sa.CheckConstraint(
            "status not in ('received', 'reconciled') or received_at is not null",
            name=op.f("ck_shipment_received_has_a_time"),
        ),
        sa.CheckConstraint(
            "status not in ('shipped', 'received', 'reconciled', 'lost') or (shipped_at is not null and courier is not null)",
            name=op.f("ck_shipment_shipped_has_a_courier"),
        ),
        sa.CheckConstraint("num_nonnulls(to_site_id, to_party_id) = 1", name=op.f("ck_shipment_one_consignee")),
        sa.CheckConstraint(
            "received_at is null or received_at >= shipped_at", name=op.f("ck_shipment_received_after_shipped")
        ),
        sa.CheckConstraint("to_site_id is null or to_site_id <> from_site_id", name=op.f("ck_shipment_goes_elsewhere")),
        sa.ForeignKeyConstraint(["created_by"], ["app_user.id"], name=op.f("fk_shipment_created_by")),
        sa.ForeignKeyConstraint(["packed_by"], ["app_user.id"], name=op.f("fk_shipment_packed_by")),
        sa.ForeignKeyConstraint(["received_by"], ["app_user.id"], name=op.f("fk_shipment_received_by")),
        sa.ForeignKeyConstraint(["reconciled_by"], ["app_user.id"], name=op.f("fk_shipment_reconciled_by")),
        sa.ForeignKeyConstraint(["shipped_by"], ["app_user.id"], name=op.f("fk_shipment_shipped_by")),
        sa.ForeignKeyConstraint(
            ["study_id", "from_site_id"], ["study_site.study_id", "study_site.site_id"], name="fk_shipment_from_site"
        ),
        sa.ForeignKeyConstraint(
            ["study_id", "to_site_id"], ["study_site.study_id", "study_site.site_id"], name="fk_shipment_to_site"
        ),
        sa.ForeignKeyConstraint(["to_party_id"], ["external_party.id"], name=op.f("fk_shipment_to_party_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_shipment")),
        sa.UniqueConstraint("code", name=op.f("uq_shipment_code")),
        sa.UniqueConstraint("id", "study_id", name="uq_shipment_study"),
    )
    op.create_index("ix_shipment_study_sites", "shipment", ["study_id", "from_site_id", "to_site_id"], unique=False)
    op.create_table(
        "sprec_code",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("element", sa.Integer(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), server_default="match", nullable=False),
        sa.Column("meaning", sa.Text(), nullable=False),
        sa.Column("min_minutes", sa.Numeric(), nullable=True),
        sa.Column("max_minutes", sa.Numeric(), nullable=True),
        sa.Column("minutes_ends", sa.Text(), server_default="[)", nullable=False),
        sa.Column("min_celsius", sa.Numeric(), nullable=True),
        sa.Column("max_celsius", sa.Numeric(), nullable=True),
        sa.Column("celsius_ends", sa.Text(), server_default="[]", nullable=False),
        sa.Column("min_g", sa.Numeric(), nullable=True),
        sa.Column("max_g", sa.Numeric(), nullable=True),
        sa.Column("g_ends", sa.Text(), server_default="[)", nullable=False),
        sa.Column("brake", sa.Boolean(), nullable=True),
        sa.Column("container_family", sa.Text(), nullable=True),
        sa.Column("storage", sa.ARRAY(sa.Text()), nullable=True),
        sa.Column("storage_before", sa.ARRAY(sa.Text()), nullable=True),
        sa.Column("freezing", sa.Text(), nullable=True),
        sa.Column("min_spins", sa.Integer(), nullable=True),
        sa.Column("max_spins", sa.Integer(), nullable=True),
        sa.Column("verified", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.CheckConstraint("celsius_ends in ('[]', '[)', '(]', '()')", name=op.f("ck_sprec_code_celsius_ends")),
        sa.CheckConstraint(
            "code ~ '^[A-Z0-9]+$' and length(code) = case when element < 3 then 3 else 1 end",
            name=op.f("ck_sprec_code_code"),
        ),
        sa.CheckConstraint("freezing in ('controlled', 'plain')", name=op.f("ck_sprec_code_freezing")),
        sa.CheckConstraint("g_ends in ('[]', '[)', '(]', '()')", name=op.f("ck_sprec_code_g_ends")),
        sa.CheckConstraint("minutes_ends in ('[]', '[)', '(]', '()')", name=op.f("ck_sprec_code_minutes_ends")),
        sa.CheckConstraint("role in ('match', 'unknown', 'other', 'none')", name=op.f("ck_sprec_code_role")),
        sa.CheckConstraint("element between 1 and 7", name=op.f("ck_sprec_code_element")),
        sa.CheckConstraint("min_celsius <= max_celsius", name=op.f("ck_sprec_code_celsius")),
        sa.CheckConstraint("min_g <= max_g", name=op.f("ck_sprec_code_force")),
        sa.CheckConstraint("min_minutes <= max_minutes", name=op.f("ck_sprec_code_minutes")),
        sa.CheckConstraint("min_spins <= max_spins", name=op.f("ck_sprec_code_spins")),
        sa.ForeignKeyConstraint(["version"], ["sprec_version.code"], name=op.f("fk_sprec_code_version")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sprec_code")),
    )
    op.create_index("ix_sprec_code_version", "sprec_code", ["version", "element"], unique=False)
    op.create_table(
        "state_label",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("study_id", sa.BigInteger(), nullable=False),
        sa.Column("site_id", sa.BigInteger(), nullable=False),
        sa.Column("axis", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("colour", sa.Text(), nullable=True),
        sa.Column("created_by", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("retired_by", sa.BigInteger(), nullable=True),
        sa.Column("retired_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(axis = 'existence' and state in ('planned', 'exists', 'consumed', 'disposed', 'missing', 'lost', 'transferred', 'entered_in_error')) or (axis = 'custody' and state in ('position', 'holder', 'package', 'party', 'ended')) or (axis = 'quality' and state in ('acceptable', 'quarantined', 'rejected')) or (axis = 'reservation' and state in ('free', 'reserved', 'listed', 'picked'))",
            name=op.f("ck_state_label_state_of_its_axis"),
        ),
        sa.CheckConstraint(
            "axis in ('existence', 'custody', 'quality', 'reservation')", name=op.f("ck_state_label_axis")
        ),
        sa.CheckConstraint(
            "colour in ('ok', 'warning', 'stop', 'duplicate', 'neutral')", name=op.f("ck_state_label_colour")
        ),
        sa.CheckConstraint("char_length(label) between 1 and 40", name=op.f("ck_state_label_label_length")),
        sa.ForeignKeyConstraint(["created_by"], ["app_user.id"], name=op.f("fk_state_label_created_by")),
        sa.ForeignKeyConstraint(["retired_by"], ["app_user.id"], name=op.f("fk_state_label_retired_by")),
        sa.ForeignKeyConstraint(
            ["study_id", "site_id"], ["study_site.study_id", "study_site.site_id"], name="fk_state_label_study_site"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_state_label")),
        sa.UniqueConstraint("id", "state", name="uq_state_label_state"),
    )
    op.create_index(
        "uq_state_label_one_word",
        "state_label",
        ["study_id", "site_id", "axis", "state"],
        unique=True,
        postgresql_where=sa.text("retired_at is null and axis <> 'quality'"),
    )
    op.create_index(
        "uq_state_label_word",
        "state_label",
        ["study_id", "site_id", "axis", sa.literal_column("lower(label)")],
        unique=True,
        postgresql_where=sa.text("retired_at is null"),
    )
    op.create_table(
        "vendor_code_delivery",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("study_id", sa.BigInteger(), nullable=False),
        sa.Column("site_id", sa.BigInteger(), nullable=False),
        sa.Column("namespace", sa.Text(), nullable=False),
        sa.Column("lot", sa.Text(), nullable=True),
        sa.Column("file_name", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("received_by", sa.BigInteger(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("namespace <> 'house'", name=op.f("ck_vendor_code_delivery_of_a_maker")),
        sa.CheckConstraint(
            "char_length(file_name) between 1 and 200", name=op.f("ck_vendor_code_delivery_file_name_length")
        ),
        sa.CheckConstraint("char_length(lot) between 1 and 80", name=op.f("ck_vendor_code_delivery_lot_length")),
        sa.CheckConstraint("count between 1 and 20000", name=op.f("ck_vendor_code_delivery_count")),
        sa.ForeignKeyConstraint(["namespace"], ["namespace.code"], name=op.f("fk_vendor_code_delivery_namespace")),
        sa.ForeignKeyConstraint(["received_by"], ["app_user.id"], name=op.f("fk_vendor_code_delivery_received_by")),
        sa.ForeignKeyConstraint(
            ["study_id", "site_id"],
            ["study_site.study_id", "study_site.site_id"],
            name="fk_vendor_code_delivery_study_site",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_vendor_code_delivery")),
        sa.UniqueConstraint("id", "study_id", "namespace", name="uq_vendor_code_delivery_study_namespace"),
    )
    op.create_index("ix_vendor_code_delivery_study_site", "vendor_code_delivery", ["study_id", "site_id"], unique=False)
    op.create_table(
        "assay_run",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("study_id", sa.BigInteger(), nullable=False),
        sa.Column("site_id", sa.BigInteger(), nullable=False),
        sa.Column("assay_version_id", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.Text(), server_default="planned", nullable=False),
        sa.Column("operator_id", sa.BigInteger(), nullable=False),
        sa.Column("kit_lot", sa.Text(), nullable=True),
        sa.Column("raw_file_id", sa.BigInteger(), nullable=True),
        sa.Column("importer", sa.Text(), nullable=True),
        sa.Column("importer_version", sa.Text(), nullable=True),
        sa.Column("column_mapping_id", sa.BigInteger(), nullable=True),
        sa.Column("instrument", sa.Text(), nullable=True),
        sa.Column("software", sa.Text(), nullable=True),
        sa.Column("serial_number", sa.Text(), nullable=True),
        sa.Column("batch", sa.Text(), nullable=True),
        sa.Column("acquired_at", sa.Text(), nullable=True),
        sa.Column("header", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("imported_by", sa.BigInteger(), nullable=True),
        sa.Column("imported_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("verified_by", sa.BigInteger(), nullable=True),
        sa.Column("verified_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("released_by", sa.BigInteger(), nullable=True),
        sa.Column("released_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("row_version", sa.Integer(), server_default="1", nullable=False),
        sa.CheckConstraint(
            "(column_mapping_id is not null) = (importer is not null and importer = 'generic_table')",
            name=op.f("ck_assay_run_table_has_its_mapping"),
        ),
        sa.CheckConstraint(
            "status <> 'failed' or released_at is null", name=op.f("ck_assay_run_failed_is_never_released")
        ),
        sa.CheckConstraint(
            "status <> 'released' or num_nonnulls(released_by, released_at) = 2",
            name=op.f("ck_assay_run_released_by_someone"),
        ),
        sa.CheckConstraint(
            "status in ('planned', 'plated', 'failed') or num_nonnulls(raw_file_id, importer, importer_version, imported_by, imported_at) = 5",
            name=op.f("ck_assay_run_parsed_has_its_file"),
        ),
        sa.CheckConstraint(
            "status in ('planned', 'plated', 'parsed', 'verified', 'released', 'failed')",
            name=op.f("ck_assay_run_status"),
        ),
        sa.CheckConstraint(
            "status not in ('verified', 'released') or num_nonnulls(verified_by, verified_at) = 2",
            name=op.f("ck_assay_run_verified_by_someone"),
        ),
        sa.CheckConstraint(
            "released_by is null or (released_by <> operator_id and released_by <> imported_by)",
            name=op.f("ck_assay_run_releaser_is_not_operator"),
        ),
        sa.CheckConstraint(
            "verified_by is null or (verified_by <> operator_id and verified_by <> imported_by)",
            name=op.f("ck_assay_run_reviewer_is_not_operator"),
        ),
        sa.ForeignKeyConstraint(
            ["assay_version_id", "study_id"],
            ["assay_version.id", "assay_version.study_id"],
            name="fk_assay_run_assay_version",
        ),
        sa.ForeignKeyConstraint(
            ["column_mapping_id", "study_id"],
            ["column_mapping.id", "column_mapping.study_id"],
            name="fk_assay_run_column_mapping",
        ),
        sa.ForeignKeyConstraint(["imported_by"], ["app_user.id"], name=op.f("fk_assay_run_imported_by")),
        sa.ForeignKeyConstraint(["operator_id"], ["app_user.id"], name=op.f("fk_assay_run_operator_id")),
        sa.ForeignKeyConstraint(
            ["raw_file_id", "study_id"], ["raw_file.id", "raw_file.study_id"], name="fk_assay_run_raw_file"
        ),
        sa.ForeignKeyConstraint(["released_by"], ["app_user.id"], name=op.f("fk_assay_run_released_by")),
        sa.ForeignKeyConstraint(
            ["study_id", "site_id"], ["study_site.study_id", "study_site.site_id"], name="fk_assay_run_study_site"
        ),
        sa.ForeignKeyConstraint(["verified_by"], ["app_user.id"], name=op.f("fk_assay_run_verified_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_assay_run")),
        sa.UniqueConstraint("id", "study_id", name="uq_assay_run_study"),
        sa.UniqueConstraint("study_id", "name", name="uq_assay_run_name"),
    )
    op.create_index("ix_assay_run_study_site", "assay_run", ["study_id", "site_id"], unique=False)
    op.create_index(
        "uq_assay_run_one_file_once",
        "assay_run",
        ["raw_file_id"],
        unique=True,
        postgresql_where=sa.text("status <> 'failed'"),
    )
    op.create_table(
        "assay_version_analyte",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("assay_version_id", sa.BigInteger(), nullable=False),
        sa.Column("analyte_id", sa.BigInteger(), nullable=False),
        sa.Column("name_in_file", sa.Text(), nullable=False),
        sa.Column("unit", sa.Text(), nullable=False),
        sa.Column("lloq", sa.Numeric(), nullable=True),
        sa.Column("uloq", sa.Numeric(), nullable=True),
        sa.CheckConstraint(
            "lloq is null or uloq is null or lloq < uloq", name=op.f("ck_assay_version_analyte_limits_in_order")
        ),
        sa.ForeignKeyConstraint(["analyte_id"], ["analyte.id"], name=op.f("fk_assay_version_analyte_analyte_id")),
        sa.ForeignKeyConstraint(
            ["assay_version_id"], ["assay_version.id"], name=op.f("fk_assay_version_analyte_assay_version_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_assay_version_analyte")),
        sa.UniqueConstraint("assay_version_id", "analyte_id", name="uq_assay_version_analyte_once"),
        sa.UniqueConstraint("assay_version_id", "name_in_file", name="uq_assay_version_analyte_name"),
    )
    op.create_table(
        "cohort_membership",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("participant_id", sa.BigInteger(), nullable=False),
        sa.Column("cohort_id", sa.BigInteger(), nullable=False),
        sa.Column("study_id", sa.BigInteger(), nullable=False),
        sa.Column("from_on", sa.Date(), nullable=False),
        sa.Column("to_on", sa.Date(), nullable=True),
        sa.CheckConstraint("to_on is null or to_on >= from_on", name=op.f("ck_cohort_membership_dates")),
        sa.ForeignKeyConstraint(
            ["cohort_id", "study_id"], ["cohort.id", "cohort.study_id"], name="fk_cohort_membership_cohort"
        ),
        sa.ForeignKeyConstraint(
            ["participant_id", "study_id"],
            ["participant.id", "participant.study_id"],
            name="fk_cohort_membership_participant",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cohort_membership")),
    )
    op.create_index(
        "uq_cohort_membership_open",
        "cohort_membership",
        ["participant_id"],
        unique=True,
        postgresql_where=sa.text("to_on is null"),
    )
    op.create_table(
        "consent",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("participant_id", sa.BigInteger(), nullable=False),
        sa.Column("study_id", sa.BigInteger(), nullable=False),
        sa.Column("document_id", sa.BigInteger(), nullable=False),
        sa.Column("signed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("effective_from", sa.DateTime(timezone=True), nullable=False),
        sa.Column("effective_to", sa.DateTime(timezone=True), nullable=True),
        sa.Column("file_sha256", sa.Text(), nullable=True),
        sa.Column("recorded_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("recorded_by", sa.BigInteger(), nullable=False),
        sa.Column("in_error_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("in_error_by", sa.BigInteger(), nullable=True),
        sa.Column("in_error_reason", sa.Text(), nullable=True),
        sa.CheckConstraint("file_sha256 ~ '^[0-9a-f]{64}$'", name=op.f("ck_consent_file_digest")),
        sa.CheckConstraint(
            "effective_to is null or effective_to > effective_from", name=op.f("ck_consent_effective_times")
        ),
        sa.CheckConstraint(
            "in_error_at is null or in_error_at >= recorded_at", name=op.f("ck_consent_in_error_after_recorded")
        ),
        sa.CheckConstraint(
            "num_nonnulls(in_error_at, in_error_by, in_error_reason) in (0, 3)", name=op.f("ck_consent_in_error_whole")
        ),
        sa.ForeignKeyConstraint(
            ["document_id", "study_id"],
            ["consent_document.id", "consent_document.study_id"],
            name="fk_consent_document",
        ),
        sa.ForeignKeyConstraint(["in_error_by"], ["app_user.id"], name=op.f("fk_consent_in_error_by")),
        sa.ForeignKeyConstraint(
            ["participant_id", "study_id"], ["participant.id", "participant.study_id"], name="fk_consent_participant"
        ),
        sa.ForeignKeyConstraint(["recorded_by"], ["app_user.id"], name=op.f("fk_consent_recorded_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_consent")),
    )
    op.create_index(
        "uq_consent_beginning",
        "consent",
        ["participant_id", "effective_from"],
        unique=True,
        postgresql_where=sa.text("in_error_at is null"),
    )
    op.create_table(
        "container",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("type_id", sa.BigInteger(), nullable=False),
        sa.Column("parent_id", sa.BigInteger(), nullable=True),
        sa.Column("parent_type_id", sa.BigInteger(), nullable=True),
        sa.Column("slot_row", sa.Integer(), nullable=True),
        sa.Column("slot_col", sa.Integer(), nullable=True),
        sa.Column("placed_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("site_id", sa.BigInteger(), nullable=False),
        sa.Column("temperature_class", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), server_default="active", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("row_version", sa.Integer(), server_default="1", nullable=False),
        sa.CheckConstraint("code ~ '^[BLR]'", name=op.f("ck_container_code_is_a_place_id")),
        sa.CheckConstraint(
            "status in ('planned', 'active', 'full', 'maintenance', 'alarm', 'decommissioned')",
            name=op.f("ck_container_status"),
        ),
        sa.CheckConstraint(
            "(parent_id is null) = (parent_type_id is null)", name=op.f("ck_container_parent_has_its_type")
        ),
        sa.CheckConstraint("(slot_row is null) = (slot_col is null)", name=op.f("ck_container_slot_is_whole")),
        sa.CheckConstraint("parent_id <> id", name=op.f("ck_container_not_its_own_parent")),
        sa.CheckConstraint("slot_row >= 0 and slot_col >= 0", name=op.f("ck_container_slot_counts_from_zero")),
        sa.CheckConstraint("slot_row is null or parent_id is not null", name=op.f("ck_container_slot_of_its_parent")),
        sa.ForeignKeyConstraint(
            ["parent_id", "parent_type_id"], ["container.id", "container.type_id"], name="fk_container_parent"
        ),
        sa.ForeignKeyConstraint(
            ["parent_id", "site_id"], ["container.id", "container.site_id"], name="fk_container_parent_site"
        ),
        sa.ForeignKeyConstraint(
            ["parent_type_id", "type_id"],
            ["container_type_child.parent_type_id", "container_type_child.child_type_id"],
            name="fk_container_type_fits_parent",
        ),
        sa.ForeignKeyConstraint(["site_id"], ["site.id"], name=op.f("fk_container_site_id")),
        sa.ForeignKeyConstraint(
            ["temperature_class"], ["temperature_class.code"], name=op.f("fk_container_temperature_class")
        ),
        sa.ForeignKeyConstraint(["type_id"], ["container_type.id"], name=op.f("fk_container_type_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_container")),
        sa.UniqueConstraint("code", name=op.f("uq_container_code")),
        sa.UniqueConstraint("id", "site_id", name="uq_container_site"),
        sa.UniqueConstraint("id", "type_id", name="uq_container_type"),
        sa.UniqueConstraint("parent_id", "name", name="uq_container_name_in_parent"),
        sa.UniqueConstraint(
            "parent_id", "slot_row", "slot_col", deferrable=True, initially="DEFERRED", name="uq_container_slot"
        ),
    )
    op.create_index(
        "ix_container_name_beginning",
        "container",
        [sa.literal_column("lower(name)").label("lowered")],
        unique=False,
        postgresql_ops={"lowered": "text_pattern_ops"},
    )
    op.create_table(
        "fitness_rule",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("assay_version_id", sa.BigInteger(), nullable=False),
        sa.Column("specimen_type", sa.Text(), nullable=False),
        sa.Column("min_quantity", sa.Numeric(), nullable=True),
        sa.Column("max_freeze_thaws", sa.Integer(), nullable=True),
        sa.Column("max_minutes_to_spin", sa.Integer(), nullable=True),
        sa.Column("max_minutes_to_storage", sa.Integer(), nullable=True),
        sa.CheckConstraint("max_freeze_thaws >= 0", name=op.f("ck_fitness_rule_max_freeze_thaws")),
        sa.CheckConstraint(
            "max_minutes_to_spin > 0 and max_minutes_to_storage > 0", name=op.f("ck_fitness_rule_minutes")
        ),
        sa.CheckConstraint("min_quantity > 0", name=op.f("ck_fitness_rule_min_quantity")),
        sa.ForeignKeyConstraint(
            ["assay_version_id"], ["assay_version.id"], name=op.f("fk_fitness_rule_assay_version_id")
        ),
        sa.ForeignKeyConstraint(["specimen_type"], ["specimen_type.code"], name=op.f("fk_fitness_rule_specimen_type")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_fitness_rule")),
        sa.UniqueConstraint("assay_version_id", "specimen_type", name="uq_fitness_rule_type"),
    )
    op.create_table(
        "kit",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("range_id", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("first", sa.Integer(), nullable=False),
        sa.Column("last", sa.Integer(), nullable=False),
        sa.CheckConstraint("code ~ '^K'", name=op.f("ck_kit_code_is_a_kit_id")),
        sa.CheckConstraint("number >= 1 and first >= 1 and last >= first", name=op.f("ck_kit_counts_from_one")),
        sa.ForeignKeyConstraint(["range_id"], ["label_range.id"], name=op.f("fk_kit_range_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_kit")),
        sa.UniqueConstraint("code", name=op.f("uq_kit_code")),
        sa.UniqueConstraint("range_id", "number", name="uq_kit_number"),
    )
    op.create_table(
        "package",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("shipment_id", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("refrigerant", sa.Text(), nullable=False),
        sa.Column("dry_ice_net_kg", sa.Numeric(), nullable=True),
        sa.Column("temperature_class", sa.Text(), nullable=False),
        sa.Column("logger_serial", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "(refrigerant = 'dry_ice') = (dry_ice_net_kg is not null)", name=op.f("ck_package_dry_ice_has_net_mass")
        ),
        sa.CheckConstraint("code ~ '^X'", name=op.f("ck_package_code_is_a_shipment_id")),
        sa.CheckConstraint(
            "refrigerant in ('none', 'gel_packs', 'dry_ice', 'ln2_dry_shipper')", name=op.f("ck_package_refrigerant")
        ),
        sa.CheckConstraint("dry_ice_net_kg > 0 and dry_ice_net_kg <= 200", name=op.f("ck_package_dry_ice_limit")),
        sa.ForeignKeyConstraint(["shipment_id"], ["shipment.id"], name=op.f("fk_package_shipment_id")),
        sa.ForeignKeyConstraint(
            ["temperature_class"], ["temperature_class.code"], name=op.f("fk_package_temperature_class")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_package")),
        sa.UniqueConstraint("code", name=op.f("uq_package_code")),
        sa.UniqueConstraint("id", "shipment_id", name="uq_package_shipment"),
        sa.UniqueConstraint("shipment_id", "number", name="uq_package_number"),
    )
    op.create_table(
        "participant_alias",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("participant_id", sa.BigInteger(), nullable=False),
        sa.Column("system", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["participant_id"], ["participant.id"], name=op.f("fk_participant_alias_participant_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_participant_alias")),
        sa.UniqueConstraint("system", "value", name="uq_participant_alias_value"),
    )
    op.create_index(op.f("ix_participant_alias_participant_id"), "participant_alias", ["participant_id"], unique=False)
    op.create_table(
        "planned_tube",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("planned_visit_id", sa.BigInteger(), nullable=False),
        sa.Column("study_id", sa.BigInteger(), nullable=False),
        sa.Column("cohort_id", sa.BigInteger(), nullable=True),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("specimen_type", sa.Text(), nullable=False),
        sa.Column("tube_type", sa.Text(), nullable=False),
        sa.Column("count", sa.Integer(), server_default="1", nullable=False),
        sa.Column("quantity", sa.Numeric(), nullable=False),
        sa.Column("unit", sa.Text(), nullable=False),
        sa.Column("consent_scope", sa.Text(), nullable=True),
        sa.Column("temperature_class", sa.Text(), nullable=True),
        sa.Column("handling", sa.Text(), nullable=True),
        sa.CheckConstraint("code ~ '^[a-z][a-z0-9_]{0,29}$'", name=op.f("ck_planned_tube_code")),
        sa.CheckConstraint("count between 1 and 50", name=op.f("ck_planned_tube_count")),
        sa.CheckConstraint("quantity > 0", name=op.f("ck_planned_tube_quantity_positive")),
        sa.ForeignKeyConstraint(
            ["cohort_id", "study_id"], ["cohort.id", "cohort.study_id"], name="fk_planned_tube_cohort"
        ),
        sa.ForeignKeyConstraint(["consent_scope"], ["consent_scope.code"], name=op.f("fk_planned_tube_consent_scope")),
        sa.ForeignKeyConstraint(
            ["planned_visit_id", "study_id"],
            ["planned_visit.id", "planned_visit.study_id"],
            name="fk_planned_tube_planned_visit",
        ),
        sa.ForeignKeyConstraint(["specimen_type"], ["specimen_type.code"], name=op.f("fk_planned_tube_specimen_type")),
        sa.ForeignKeyConstraint(
            ["temperature_class"], ["temperature_class.code"], name=op.f("fk_planned_tube_temperature_class")
        ),
        sa.ForeignKeyConstraint(["tube_type"], ["tube_type.code"], name=op.f("fk_planned_tube_tube_type")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_planned_tube")),
        sa.UniqueConstraint("planned_visit_id", "code", name="uq_planned_tube_code"),
    )
    op.create_table(
        "print_job_step",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("job_id", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("trouble", sa.Text(), nullable=True),
        sa.Column("detail", sa.Text(), nullable=True),
        sa.Column("printer_id", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.Column("actor_id", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["actor_id"], ["app_user.id"], name=op.f("fk_print_job_step_actor_id")),
        sa.ForeignKeyConstraint(["job_id"], ["print_job.id"], name=op.f("fk_print_job_step_job_id")),
        sa.ForeignKeyConstraint(["printer_id"], ["printer.id"], name=op.f("fk_print_job_step_printer_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_print_job_step")),
    )
    op.create_index(op.f("ix_print_job_step_job_id"), "print_job_step", ["job_id"], unique=False)
    op.create_table(
        "processing_event",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("study_id", sa.BigInteger(), nullable=False),
        sa.Column("site_id", sa.BigInteger(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("operator_id", sa.BigInteger(), nullable=False),
        sa.Column("equipment_id", sa.BigInteger(), nullable=True),
        sa.Column("program_id", sa.BigInteger(), nullable=True),
        sa.Column("g_force", sa.Numeric(), nullable=True),
        sa.Column("minutes", sa.Numeric(), nullable=True),
        sa.Column("celsius", sa.Numeric(), nullable=True),
        sa.Column("held_celsius", sa.Numeric(), nullable=True),
        sa.Column("brake", sa.Boolean(), nullable=True),
        sa.Column("sop_version", sa.Text(), nullable=True),
        sa.Column("recorded_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "started_at <= recorded_at + interval '5 minutes'", name=op.f("ck_processing_event_not_ahead")
        ),
        sa.CheckConstraint(
            "type in ('receive', 'clot', 'centrifuge', 'aliquot', 'ficoll', 'cryo_freeze', 'extract', 'quantify', 'dilute', 'pool', 'wash', 'lyse', 'section', 'thaw', 'refreeze', 'incubate', 'transfer')",
            name=op.f("ck_processing_event_type"),
        ),
        sa.CheckConstraint(
            "ended_at is null or ended_at >= started_at", name=op.f("ck_processing_event_ends_after_start")
        ),
        sa.CheckConstraint("g_force > 0 and minutes > 0", name=op.f("ck_processing_event_settings_positive")),
        sa.ForeignKeyConstraint(["equipment_id"], ["equipment.id"], name=op.f("fk_processing_event_equipment_id")),
        sa.ForeignKeyConstraint(["operator_id"], ["app_user.id"], name=op.f("fk_processing_event_operator_id")),
        sa.ForeignKeyConstraint(
            ["program_id", "equipment_id"],
            ["equipment_program.id", "equipment_program.equipment_id"],
            name="fk_processing_event_program",
        ),
        sa.ForeignKeyConstraint(
            ["study_id", "site_id"],
            ["study_site.study_id", "study_site.site_id"],
            name="fk_processing_event_study_site",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_processing_event")),
    )
    op.create_table(
        "program_tube_type",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("program_id", sa.BigInteger(), nullable=False),
        sa.Column("tube_type", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["program_id"], ["equipment_program.id"], name=op.f("fk_program_tube_type_program_id")),
        sa.ForeignKeyConstraint(["tube_type"], ["tube_type.code"], name=op.f("fk_program_tube_type_tube_type")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_program_tube_type")),
        sa.UniqueConstraint("program_id", "tube_type", name="uq_program_tube_type_once"),
    )
    op.create_table(
        "range_print",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("range_id", sa.BigInteger(), nullable=False),
        sa.Column("copy_no", sa.Integer(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("template", sa.Text(), nullable=False),
        sa.Column("template_version", sa.Integer(), nullable=False),
        sa.Column("stock", sa.Text(), nullable=False),
        sa.Column("labels", sa.Integer(), nullable=False),
        sa.Column("printed_by", sa.BigInteger(), nullable=False),
        sa.Column("printed_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("(copy_no = 1) = (reason = 'first')", name=op.f("ck_range_print_reprint_has_a_reason")),
        sa.CheckConstraint(
            "reason in ('first', 'reprint_damaged', 'reprint_lost', 'reprint_not_printed')",
            name=op.f("ck_range_print_reason"),
        ),
        sa.CheckConstraint("copy_no >= 1", name=op.f("ck_range_print_copy_counts_from_one")),
        sa.CheckConstraint("labels >= 1", name=op.f("ck_range_print_labels_counted")),
        sa.ForeignKeyConstraint(["printed_by"], ["app_user.id"], name=op.f("fk_range_print_printed_by")),
        sa.ForeignKeyConstraint(["range_id"], ["label_range.id"], name=op.f("fk_range_print_range_id")),
        sa.ForeignKeyConstraint(
            ["template", "template_version"],
            ["label_template_version.template", "label_template_version.number"],
            name="fk_range_print_template_version",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_range_print")),
        sa.UniqueConstraint("range_id", "copy_no", name="uq_range_print_copy"),
    )
    op.create_table(
        "spin",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("equipment_id", sa.BigInteger(), nullable=False),
        sa.Column("program_id", sa.BigInteger(), nullable=True),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("started_by", sa.BigInteger(), nullable=False),
        sa.Column("stopped_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("held_celsius", sa.Numeric(), nullable=True),
        sa.CheckConstraint("stopped_at >= started_at", name=op.f("ck_spin_stops_after_start")),
        sa.ForeignKeyConstraint(["equipment_id"], ["equipment.id"], name=op.f("fk_spin_equipment_id")),
        sa.ForeignKeyConstraint(
            ["program_id", "equipment_id"],
            ["equipment_program.id", "equipment_program.equipment_id"],
            name="fk_spin_program",
        ),
        sa.ForeignKeyConstraint(["started_by"], ["app_user.id"], name=op.f("fk_spin_started_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_spin")),
    )
    op.create_index(
        "uq_spin_running", "spin", ["equipment_id"], unique=True, postgresql_where=sa.text("stopped_at is null")
    )
    op.create_table(
        "storage_reservation",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("number", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("site_id", sa.BigInteger(), nullable=False),
        sa.Column("shipment_id", sa.BigInteger(), nullable=True),
        sa.Column("reserved_by", sa.BigInteger(), nullable=False),
        sa.Column("reserved_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("char_length(name) between 1 and 80", name=op.f("ck_storage_reservation_name_length")),
        sa.CheckConstraint("expires_at > reserved_at", name=op.f("ck_storage_reservation_expires_later")),
        sa.ForeignKeyConstraint(["reserved_by"], ["app_user.id"], name=op.f("fk_storage_reservation_reserved_by")),
        sa.ForeignKeyConstraint(["shipment_id"], ["shipment.id"], name=op.f("fk_storage_reservation_shipment_id")),
        sa.ForeignKeyConstraint(["site_id"], ["site.id"], name=op.f("fk_storage_reservation_site_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_storage_reservation")),
        sa.UniqueConstraint("id", "site_id", name="uq_storage_reservation_site"),
        sa.UniqueConstraint("number", name=op.f("uq_storage_reservation_number")),
    )
    op.create_index("ix_storage_reservation_at_site", "storage_reservation", ["site_id", "expires_at"], unique=False)
    op.create_index(op.f("ix_storage_reservation_shipment_id"), "storage_reservation", ["shipment_id"], unique=False)
    op.create_table(
        "visit",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("participant_id", sa.BigInteger(), nullable=False),
        sa.Column("study_id", sa.BigInteger(), nullable=False),
        sa.Column("site_id", sa.BigInteger(), nullable=False),
        sa.Column("visit_type_id", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.Integer(), server_default="1", nullable=False),
        sa.Column("status", sa.Text(), server_default="planned", nullable=False),
        sa.Column("protocol_version_id", sa.BigInteger(), nullable=True),
        sa.Column("planned_on", sa.Date(), nullable=True),
        sa.Column("window_from", sa.Date(), nullable=True),
        sa.Column("window_to", sa.Date(), nullable=True),
        sa.Column("occurred_on", sa.Date(), nullable=True),
        sa.Column("outside_window_reason", sa.Text(), nullable=True),
        sa.Column("status_reason", sa.Text(), nullable=True),
        sa.Column("fasting", sa.Boolean(), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_by", sa.BigInteger(), nullable=True),
        sa.Column("row_version", sa.Integer(), server_default="1", nullable=False),
        sa.CheckConstraint("(status = 'done') = (occurred_on is not null)", name=op.f("ck_visit_done_has_a_day")),
        sa.CheckConstraint("finished_at is null or status = 'done'", name=op.f("ck_visit_finished_is_done")),
        sa.CheckConstraint("status in ('planned', 'done', 'missed', 'cancelled')", name=op.f("ck_visit_status")),
        sa.CheckConstraint(
            "status not in ('missed', 'cancelled') or status_reason is not null",
            name=op.f("ck_visit_not_held_has_a_reason"),
        ),
        sa.CheckConstraint(
            "num_nonnulls(finished_at, finished_by) in (0, 2)", name=op.f("ck_visit_finished_by_someone")
        ),
        sa.CheckConstraint(
            "num_nonnulls(planned_on, window_from, window_to) in (0, 3)", name=op.f("ck_visit_window_is_whole")
        ),
        sa.CheckConstraint(
            "outside_window_reason is not null or occurred_on is null or window_from is null or occurred_on between window_from and window_to",
            name=op.f("ck_visit_outside_window_has_a_reason"),
        ),
        sa.CheckConstraint("planned_on between window_from and window_to", name=op.f("ck_visit_planned_within_window")),
        sa.ForeignKeyConstraint(["finished_by"], ["app_user.id"], name=op.f("fk_visit_finished_by")),
        sa.ForeignKeyConstraint(
            ["participant_id", "study_id"], ["participant.id", "participant.study_id"], name="fk_visit_participant"
        ),
        sa.ForeignKeyConstraint(
            ["protocol_version_id", "study_id"],
            ["protocol_version.id", "protocol_version.study_id"],
            name="fk_visit_protocol_version",
        ),
        sa.ForeignKeyConstraint(
            ["study_id", "site_id"], ["study_site.study_id", "study_site.site_id"], name="fk_visit_study_site"
        ),
        sa.ForeignKeyConstraint(
            ["visit_type_id", "study_id"], ["visit_type.id", "visit_type.study_id"], name="fk_visit_type"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_visit")),
        sa.UniqueConstraint("id", "participant_id", name="uq_visit_participant"),
        sa.UniqueConstraint("participant_id", "visit_type_id", "number", name="uq_visit_once"),
    )
    op.create_index(
        "ix_visit_due",
        "visit",
        ["study_id", "site_id", "window_to"],
        unique=False,
        postgresql_where=sa.text("status = 'planned'"),
    )
    op.create_index(
        "ix_visit_open", "visit", ["window_from"], unique=False, postgresql_where=sa.text("status = 'planned'")
    )
    op.create_index(
        "ix_visit_unfinished",
        "visit",
        ["occurred_on"],
        unique=False,
        postgresql_where=sa.text("status = 'done' and finished_at is null"),
    )
    op.create_table(
        "withdrawal",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("participant_id", sa.BigInteger(), nullable=False),
        sa.Column("level", sa.Text(), nullable=False),
        sa.Column("effective_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("recorded_by", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "level in ('no_contact', 'no_access', 'no_further_use', 'destroy')", name=op.f("ck_withdrawal_level")
        ),
        sa.ForeignKeyConstraint(["participant_id"], ["participant.id"], name=op.f("fk_withdrawal_participant_id")),
        sa.ForeignKeyConstraint(["recorded_by"], ["app_user.id"], name=op.f("fk_withdrawal_recorded_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_withdrawal")),
    )
    op.create_index(op.f("ix_withdrawal_participant_id"), "withdrawal", ["participant_id"], unique=False)
    op.create_table(
        "box_climate",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("container_id", sa.BigInteger(), nullable=False),
        sa.Column("temperature_class", sa.Text(), nullable=False),
        sa.Column("on_bench", sa.Boolean(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("until", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["container_id"], ["container.id"], name=op.f("fk_box_climate_container_id")),
        sa.ForeignKeyConstraint(
            ["temperature_class"], ["temperature_class.code"], name=op.f("fk_box_climate_temperature_class")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_box_climate")),
        sa.UniqueConstraint("container_id", "since", name="uq_box_climate_since"),
    )
    op.create_index(
        "uq_box_climate_open", "box_climate", ["container_id"], unique=True, postgresql_where=sa.text("until is null")
    )
    op.create_table(
        "box_count",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("container_id", sa.BigInteger(), nullable=False),
        sa.Column("tubes", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["container_id"], ["container.id"], name=op.f("fk_box_count_container_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_box_count")),
        postgresql_with={"fillfactor": 50},
    )
    op.create_index("ix_box_count_container", "box_count", ["container_id"], unique=False)
    op.create_table(
        "collection_event",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("visit_id", sa.BigInteger(), nullable=False),
        sa.Column("participant_id", sa.BigInteger(), nullable=False),
        sa.Column("collected_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("timezone", sa.Text(), nullable=False),
        sa.Column("recorded_by", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["recorded_by"], ["app_user.id"], name=op.f("fk_collection_event_recorded_by")),
        sa.ForeignKeyConstraint(
            ["visit_id", "participant_id"], ["visit.id", "visit.participant_id"], name="fk_collection_event_visit"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_collection_event")),
        sa.UniqueConstraint("id", "participant_id", name="uq_collection_event_participant"),
    )
    op.create_table(
        "consent_decision",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("consent_id", sa.BigInteger(), nullable=False),
        sa.Column("scope_code", sa.Text(), nullable=False),
        sa.Column("decision", sa.Text(), nullable=False),
        sa.CheckConstraint("decision in ('granted', 'denied', 'not_asked')", name=op.f("ck_consent_decision_decision")),
        sa.ForeignKeyConstraint(["consent_id"], ["consent.id"], name=op.f("fk_consent_decision_consent_id")),
        sa.ForeignKeyConstraint(["scope_code"], ["consent_scope.code"], name=op.f("fk_consent_decision_scope_code")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_consent_decision")),
        sa.UniqueConstraint("consent_id", "scope_code", name="uq_consent_decision_scope"),
    )
    op.create_table(
        "container_path",
        sa.Column("container_id", sa.BigInteger(), nullable=False),
        sa.Column("ancestors", postgresql.ARRAY(sa.BigInteger()), nullable=False),
        sa.ForeignKeyConstraint(["container_id"], ["container.id"], name=op.f("fk_container_path_container_id")),
        sa.PrimaryKeyConstraint("container_id", name=op.f("pk_container_path")),
    )
    op.create_index(
        "ix_container_path_ancestors", "container_path", ["ancestors"], unique=False, postgresql_using="gin"
    )
    op.create_table(
        "container_place",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("container_id", sa.BigInteger(), nullable=False),
        sa.Column("parent_id", sa.BigInteger(), nullable=True),
        sa.Column("slot_row", sa.Integer(), nullable=True),
        sa.Column("slot_col", sa.Integer(), nullable=True),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("actor_id", sa.BigInteger(), nullable=True),
        sa.Column("tx", sa.Uuid(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("parent_id <> container_id", name=op.f("ck_container_place_not_in_itself")),
        sa.CheckConstraint("until >= since", name=op.f("ck_container_place_ends_after_start")),
        sa.ForeignKeyConstraint(["actor_id"], ["app_user.id"], name=op.f("fk_container_place_actor_id")),
        sa.ForeignKeyConstraint(["container_id"], ["container.id"], name=op.f("fk_container_place_container_id")),
        sa.ForeignKeyConstraint(["parent_id"], ["container.id"], name=op.f("fk_container_place_parent_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_container_place")),
    )
    op.create_index("ix_container_place_container", "container_place", ["container_id", "since"], unique=False)
    op.create_index("ix_container_place_parent", "container_place", ["parent_id", "since"], unique=False)
    op.create_index("ix_container_place_tx", "container_place", ["tx"], unique=False)
    op.create_index(
        "uq_container_place_open",
        "container_place",
        ["container_id"],
        unique=True,
        postgresql_where=sa.text("until is null"),
    )
    op.create_table(
        "fitness_deviation",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("fitness_rule_id", sa.BigInteger(), nullable=False),
        sa.Column("type_code", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["fitness_rule_id"], ["fitness_rule.id"], name=op.f("fk_fitness_deviation_fitness_rule_id")
        ),
        sa.ForeignKeyConstraint(["type_code"], ["deviation_type.code"], name=op.f("fk_fitness_deviation_type_code")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_fitness_deviation")),
        sa.UniqueConstraint("fitness_rule_id", "type_code", name="uq_fitness_deviation_once"),
    )
    op.create_table(
        "fitness_measurement",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("fitness_rule_id", sa.BigInteger(), nullable=False),
        sa.Column("quantity", sa.Text(), nullable=False),
        sa.Column("lowest", sa.Numeric(), nullable=True),
        sa.Column("highest", sa.Numeric(), nullable=True),
        sa.CheckConstraint("lowest <= highest", name=op.f("ck_fitness_measurement_limits_in_order")),
        sa.CheckConstraint("num_nonnulls(lowest, highest) > 0", name=op.f("ck_fitness_measurement_limit")),
        sa.ForeignKeyConstraint(
            ["fitness_rule_id"], ["fitness_rule.id"], name=op.f("fk_fitness_measurement_fitness_rule_id")
        ),
        sa.ForeignKeyConstraint(["quantity"], ["qc_quantity.code"], name=op.f("fk_fitness_measurement_quantity")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_fitness_measurement")),
        sa.UniqueConstraint("fitness_rule_id", "quantity", name="uq_fitness_measurement_once"),
    )
    op.create_table(
        "fitness_sprec",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("fitness_rule_id", sa.BigInteger(), nullable=False),
        sa.Column("element", sa.Integer(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.CheckConstraint("element between 1 and 7", name=op.f("ck_fitness_sprec_element")),
        sa.ForeignKeyConstraint(
            ["fitness_rule_id"], ["fitness_rule.id"], name=op.f("fk_fitness_sprec_fitness_rule_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_fitness_sprec")),
        sa.UniqueConstraint("fitness_rule_id", "element", "code", name="uq_fitness_sprec_once"),
    )
    op.create_table(
        "planned_aliquot",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("planned_tube_id", sa.BigInteger(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("specimen_type", sa.Text(), nullable=False),
        sa.Column("tube_type", sa.Text(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("blind_duplicates", sa.Integer(), server_default="0", nullable=False),
        sa.Column("quantity", sa.Numeric(), nullable=False),
        sa.Column("unit", sa.Text(), nullable=False),
        sa.Column("temperature_class", sa.Text(), nullable=False),
        sa.CheckConstraint("blind_duplicates between 0 and count", name=op.f("ck_planned_aliquot_blind_duplicates")),
        sa.CheckConstraint("count between 1 and 100", name=op.f("ck_planned_aliquot_count")),
        sa.CheckConstraint("quantity > 0", name=op.f("ck_planned_aliquot_quantity_positive")),
        sa.ForeignKeyConstraint(
            ["planned_tube_id"], ["planned_tube.id"], name=op.f("fk_planned_aliquot_planned_tube_id")
        ),
        sa.ForeignKeyConstraint(
            ["specimen_type"], ["specimen_type.code"], name=op.f("fk_planned_aliquot_specimen_type")
        ),
        sa.ForeignKeyConstraint(
            ["temperature_class"], ["temperature_class.code"], name=op.f("fk_planned_aliquot_temperature_class")
        ),
        sa.ForeignKeyConstraint(["tube_type"], ["tube_type.code"], name=op.f("fk_planned_aliquot_tube_type")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_planned_aliquot")),
        sa.UniqueConstraint("planned_tube_id", "position", name="uq_planned_aliquot_position"),
    )
    op.create_table(
        "planned_step",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("planned_tube_id", sa.BigInteger(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("within_minutes", sa.Integer(), nullable=True),
        sa.Column("min_minutes", sa.Integer(), nullable=True),
        sa.Column("max_minutes", sa.Integer(), nullable=True),
        sa.Column("min_g", sa.Integer(), nullable=True),
        sa.Column("max_g", sa.Integer(), nullable=True),
        sa.Column("min_celsius", sa.Integer(), nullable=True),
        sa.Column("max_celsius", sa.Integer(), nullable=True),
        sa.Column("brake", sa.Boolean(), nullable=True),
        sa.Column("sop_version", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "type in ('clot', 'centrifuge', 'incubate', 'ficoll', 'wash', 'lyse', 'section', 'extract', 'quantify', 'cryo_freeze', 'transfer', 'aliquot')",
            name=op.f("ck_planned_step_type"),
        ),
        sa.CheckConstraint("min_celsius <= max_celsius", name=op.f("ck_planned_step_temperature")),
        sa.CheckConstraint("min_g <= max_g", name=op.f("ck_planned_step_force")),
        sa.CheckConstraint("min_minutes <= max_minutes", name=op.f("ck_planned_step_minutes")),
        sa.CheckConstraint("within_minutes > 0", name=op.f("ck_planned_step_within_positive")),
        sa.ForeignKeyConstraint(["planned_tube_id"], ["planned_tube.id"], name=op.f("fk_planned_step_planned_tube_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_planned_step")),
        sa.UniqueConstraint("planned_tube_id", "position", name="uq_planned_step_position"),
    )
    op.create_table(
        "plate",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("run_id", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.Column("cols", sa.Integer(), nullable=False),
        sa.CheckConstraint("code ~ '^W'", name=op.f("ck_plate_code_is_a_plate_id")),
        sa.CheckConstraint("(rows, cols) in ((8, 12), (16, 24))", name=op.f("ck_plate_format")),
        sa.ForeignKeyConstraint(["run_id"], ["assay_run.id"], name=op.f("fk_plate_run_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_plate")),
        sa.UniqueConstraint("code", name=op.f("uq_plate_code")),
        sa.UniqueConstraint("run_id", "number", name="uq_plate_number"),
    )
    op.create_table(
        "processing_reagent",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("processing_event_id", sa.BigInteger(), nullable=False),
        sa.Column("reagent_lot_id", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["processing_event_id"], ["processing_event.id"], name=op.f("fk_processing_reagent_processing_event_id")
        ),
        sa.ForeignKeyConstraint(
            ["reagent_lot_id"], ["reagent_lot.id"], name=op.f("fk_processing_reagent_reagent_lot_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_processing_reagent")),
        sa.UniqueConstraint("processing_event_id", "reagent_lot_id", name="uq_processing_reagent_once"),
    )
    op.create_index(
        op.f("ix_processing_reagent_processing_event_id"), "processing_reagent", ["processing_event_id"], unique=False
    )
    op.create_table(
        "processing_warning",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("processing_event_id", sa.BigInteger(), nullable=False),
        sa.Column("warning", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "warning in ('calibration_overdue', 'wrong_program', 'wrong_step', 'reagent_expired', 'out_of_order')",
            name=op.f("ck_processing_warning_warning"),
        ),
        sa.ForeignKeyConstraint(
            ["processing_event_id"], ["processing_event.id"], name=op.f("fk_processing_warning_processing_event_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_processing_warning")),
        sa.UniqueConstraint("processing_event_id", "warning", name="uq_processing_warning_once"),
    )
    op.create_table(
        "rack_scan",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("container_id", sa.BigInteger(), nullable=False),
        sa.Column("file_name", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("layout", sa.Text(), nullable=False),
        sa.Column("layout_version", sa.Text(), nullable=False),
        sa.Column("rack_code", sa.Text(), nullable=True),
        sa.Column("scanner", sa.Text(), nullable=True),
        sa.Column("scanned_at", sa.Text(), nullable=True),
        sa.Column("cells", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("notes", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("status", sa.Text(), server_default="open", nullable=False),
        sa.Column("read_by", sa.BigInteger(), nullable=False),
        sa.Column("read_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("settled_by", sa.BigInteger(), nullable=True),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("deed", sa.Uuid(), nullable=True),
        sa.CheckConstraint("(status = 'committed') = (deed is not null)", name=op.f("ck_rack_scan_deed_of_a_commit")),
        sa.CheckConstraint("(status = 'open') = (settled_at is null)", name=op.f("ck_rack_scan_settled_once")),
        sa.CheckConstraint("sha256 = encode(sha256(content), 'hex')", name=op.f("ck_rack_scan_digest")),
        sa.CheckConstraint("status in ('open', 'committed', 'discarded')", name=op.f("ck_rack_scan_status")),
        sa.CheckConstraint("char_length(file_name) between 1 and 200", name=op.f("ck_rack_scan_file_name_length")),
        sa.CheckConstraint("num_nonnulls(settled_by, settled_at) in (0, 2)", name=op.f("ck_rack_scan_settled_whole")),
        sa.CheckConstraint("octet_length(content) between 1 and 1048576", name=op.f("ck_rack_scan_size")),
        sa.ForeignKeyConstraint(["container_id"], ["container.id"], name=op.f("fk_rack_scan_container_id")),
        sa.ForeignKeyConstraint(["read_by"], ["app_user.id"], name=op.f("fk_rack_scan_read_by")),
        sa.ForeignKeyConstraint(["settled_by"], ["app_user.id"], name=op.f("fk_rack_scan_settled_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rack_scan")),
    )
    op.create_index(op.f("ix_rack_scan_container_id"), "rack_scan", ["container_id"], unique=False)
    op.create_index(
        "uq_rack_scan_open",
        "rack_scan",
        ["container_id", "sha256"],
        unique=True,
        postgresql_where=sa.text("status = 'open'"),
    )
    op.create_table(
        "reserved_position",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("reservation_id", sa.BigInteger(), nullable=False),
        sa.Column("site_id", sa.BigInteger(), nullable=False),
        sa.Column("container_id", sa.BigInteger(), nullable=False),
        sa.Column("row", sa.Integer(), nullable=False),
        sa.Column("col", sa.Integer(), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_as", sa.Text(), nullable=True),
        sa.Column("ended_by", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("ended_as in ('used', 'released', 'expired')", name=op.f("ck_reserved_position_ended_as")),
        sa.CheckConstraint('"row" >= 0 and col >= 0', name=op.f("ck_reserved_position_position_counts_from_zero")),
        sa.CheckConstraint("(ended_at is null) = (ended_as is null)", name=op.f("ck_reserved_position_ends_somehow")),
        sa.ForeignKeyConstraint(
            ["container_id", "site_id"], ["container.id", "container.site_id"], name="fk_reserved_position_container"
        ),
        sa.ForeignKeyConstraint(["ended_by"], ["app_user.id"], name=op.f("fk_reserved_position_ended_by")),
        sa.ForeignKeyConstraint(
            ["reservation_id", "site_id"],
            ["storage_reservation.id", "storage_reservation.site_id"],
            name="fk_reserved_position_reservation",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reserved_position")),
    )
    op.create_index("ix_reserved_position_reservation", "reserved_position", ["reservation_id"], unique=False)
    op.create_index(
        "uq_reserved_position_once",
        "reserved_position",
        ["container_id", "row", "col"],
        unique=True,
        postgresql_where=sa.text("ended_at is null"),
    )
    op.create_table(
        "withdrawal_case",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("number", sa.Uuid(), nullable=False),
        sa.Column("withdrawal_id", sa.BigInteger(), nullable=False),
        sa.Column("participant_id", sa.BigInteger(), nullable=False),
        sa.Column("study_id", sa.BigInteger(), nullable=False),
        sa.Column("site_id", sa.BigInteger(), nullable=False),
        sa.Column("requested_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("status_before", sa.Text(), nullable=True),
        sa.Column("statement", sa.Text(), nullable=False),
        sa.Column("statement_sha256", sa.Text(), nullable=False),
        sa.Column("signature_id", sa.BigInteger(), nullable=False),
        sa.Column("certificate", sa.Text(), nullable=True),
        sa.Column("certificate_sha256", sa.Text(), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closing_signature_id", sa.BigInteger(), nullable=True),
        sa.Column("row_version", sa.Integer(), server_default="1", nullable=False),
        sa.CheckConstraint(
            "num_nonnulls(certificate, certificate_sha256, closed_at, closing_signature_id) in (0, 4)",
            name=op.f("ck_withdrawal_case_closed_whole"),
        ),
        sa.ForeignKeyConstraint(
            ["closing_signature_id"], ["signature.id"], name=op.f("fk_withdrawal_case_closing_signature_id")
        ),
        sa.ForeignKeyConstraint(
            ["participant_id", "study_id"],
            ["participant.id", "participant.study_id"],
            name="fk_withdrawal_case_participant",
        ),
        sa.ForeignKeyConstraint(["signature_id"], ["signature.id"], name=op.f("fk_withdrawal_case_signature_id")),
        sa.ForeignKeyConstraint(
            ["study_id", "site_id"], ["study_site.study_id", "study_site.site_id"], name="fk_withdrawal_case_study_site"
        ),
        sa.ForeignKeyConstraint(["withdrawal_id"], ["withdrawal.id"], name=op.f("fk_withdrawal_case_withdrawal_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_withdrawal_case")),
        sa.UniqueConstraint("closing_signature_id", name=op.f("uq_withdrawal_case_closing_signature_id")),
        sa.UniqueConstraint("number", name=op.f("uq_withdrawal_case_number")),
        sa.UniqueConstraint("signature_id", name=op.f("uq_withdrawal_case_signature_id")),
        sa.UniqueConstraint("withdrawal_id", name=op.f("uq_withdrawal_case_withdrawal_id")),
    )
    op.create_index("ix_withdrawal_case_participant", "withdrawal_case", ["participant_id"], unique=False)
    op.create_index("ix_withdrawal_case_study_site", "withdrawal_case", ["study_id", "site_id"], unique=False)
    op.create_table(
        "withdrawal_rescission",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("withdrawal_id", sa.BigInteger(), nullable=False),
        sa.Column("rescinded_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("rescinded_by", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("statement_sha256", sa.Text(), nullable=False),
        sa.Column("signature_id", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("char_length(reason) >= 3", name=op.f("ck_withdrawal_rescission_has_a_reason")),
        sa.ForeignKeyConstraint(["rescinded_by"], ["app_user.id"], name=op.f("fk_withdrawal_rescission_rescinded_by")),
        sa.ForeignKeyConstraint(["signature_id"], ["signature.id"], name=op.f("fk_withdrawal_rescission_signature_id")),
        sa.ForeignKeyConstraint(
            ["withdrawal_id"], ["withdrawal.id"], name=op.f("fk_withdrawal_rescission_withdrawal_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_withdrawal_rescission")),
        sa.UniqueConstraint("signature_id", name=op.f("uq_withdrawal_rescission_signature_id")),
        sa.UniqueConstraint("withdrawal_id", name="uq_withdrawal_rescission_once"),
    )
    op.create_table(
        "partner_notice",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("case_id", sa.BigInteger(), nullable=False),
        sa.Column("external_party_id", sa.BigInteger(), nullable=False),
        sa.Column("wish", sa.Text(), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("sent_by", sa.BigInteger(), nullable=True),
        sa.Column("sent_how", sa.Text(), nullable=True),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("answered_by", sa.BigInteger(), nullable=True),
        sa.Column("answer", sa.Text(), nullable=True),
        sa.CheckConstraint("wish in ('recall', 'destroy')", name=op.f("ck_partner_notice_wish")),
        sa.CheckConstraint(
            "answered_at is null or sent_at is not null", name=op.f("ck_partner_notice_answered_after_sent")
        ),
        sa.CheckConstraint(
            "num_nonnulls(answered_at, answered_by, answer) in (0, 3)", name=op.f("ck_partner_notice_answered_whole")
        ),
        sa.CheckConstraint(
            "num_nonnulls(sent_at, sent_by, sent_how) in (0, 3)", name=op.f("ck_partner_notice_sent_whole")
        ),
        sa.ForeignKeyConstraint(["answered_by"], ["app_user.id"], name=op.f("fk_partner_notice_answered_by")),
        sa.ForeignKeyConstraint(["case_id"], ["withdrawal_case.id"], name=op.f("fk_partner_notice_case_id")),
        sa.ForeignKeyConstraint(
            ["external_party_id"], ["external_party.id"], name=op.f("fk_partner_notice_external_party_id")
        ),
        sa.ForeignKeyConstraint(["sent_by"], ["app_user.id"], name=op.f("fk_partner_notice_sent_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_partner_notice")),
        sa.UniqueConstraint("case_id", "external_party_id", name="uq_partner_notice_once"),
        sa.UniqueConstraint("id", "case_id", name="uq_partner_notice_case"),
    )
    op.create_table(
        "rack_scan_answer",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("rack_scan_id", sa.BigInteger(), nullable=False),
        sa.Column("row", sa.Integer(), nullable=False),
        sa.Column("col", sa.Integer(), nullable=False),
        sa.Column("code", sa.Text(), nullable=True),
        sa.Column("answered_by", sa.BigInteger(), nullable=False),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            '"row" between 0 and 31 and col between 0 and 47', name=op.f("ck_rack_scan_answer_position")
        ),
        sa.CheckConstraint("char_length(code) between 1 and 64", name=op.f("ck_rack_scan_answer_code_length")),
        sa.ForeignKeyConstraint(["answered_by"], ["app_user.id"], name=op.f("fk_rack_scan_answer_answered_by")),
        sa.ForeignKeyConstraint(["rack_scan_id"], ["rack_scan.id"], name=op.f("fk_rack_scan_answer_rack_scan_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rack_scan_answer")),
        sa.UniqueConstraint("rack_scan_id", "row", "col", name="uq_rack_scan_answer_position"),
    )
    op.create_table(
        "specimen",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("study_id", sa.BigInteger(), nullable=False),
        sa.Column("site_id", sa.BigInteger(), nullable=False),
        sa.Column("participant_id", sa.BigInteger(), nullable=True),
        sa.Column("collection_event_id", sa.BigInteger(), nullable=True),
        sa.Column("level", sa.Text(), nullable=False),
        sa.Column("specimen_type", sa.Text(), nullable=False),
        sa.Column("tube_type", sa.Text(), nullable=False),
        sa.Column("ordinal", sa.Integer(), server_default="1", nullable=False),
        sa.Column("unit", sa.Text(), nullable=False),
        sa.Column("quantity", sa.Numeric(), server_default="0", nullable=False),
        sa.Column("is_partial", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("planned_aliquot_id", sa.BigInteger(), nullable=True),
        sa.Column("is_blind_duplicate", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("existence", sa.Text(), server_default="exists", nullable=False),
        sa.Column("quality", sa.Text(), server_default="acceptable", nullable=False),
        sa.Column("quality_label_id", sa.BigInteger(), nullable=True),
        sa.Column("hold", sa.Text(), nullable=True),
        sa.Column("freeze_thaw_count", sa.Integer(), server_default="0", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("row_version", sa.Integer(), server_default="1", nullable=False),
        sa.CheckConstraint(
            "(level = 'pool') or (participant_id is not null)", name=op.f("ck_specimen_only_pools_have_no_participant")
        ),
        sa.CheckConstraint("code ~ '^T'", name=op.f("ck_specimen_code_is_a_tube_id")),
        sa.CheckConstraint(
            "existence in ('planned', 'exists', 'consumed', 'disposed', 'missing', 'lost', 'transferred', 'entered_in_error')",
            name=op.f("ck_specimen_existence"),
        ),
        sa.CheckConstraint("hold in ('consent_withdrawn', 'identity_doubt')", name=op.f("ck_specimen_hold")),
        sa.CheckConstraint("level in ('primary', 'derivative', 'aliquot', 'pool')", name=op.f("ck_specimen_level")),
        sa.CheckConstraint("quality in ('acceptable', 'quarantined', 'rejected')", name=op.f("ck_specimen_quality")),
        sa.CheckConstraint("freeze_thaw_count >= 0", name=op.f("ck_specimen_freeze_thaw_not_negative")),
        sa.CheckConstraint("quantity >= 0", name=op.f("ck_specimen_quantity_not_negative")),
        sa.ForeignKeyConstraint(
            ["collection_event_id", "participant_id"],
            ["collection_event.id", "collection_event.participant_id"],
            name="fk_specimen_collection_event",
        ),
        sa.ForeignKeyConstraint(
            ["participant_id", "study_id"], ["participant.id", "participant.study_id"], name="fk_specimen_participant"
        ),
        sa.ForeignKeyConstraint(
            ["planned_aliquot_id"], ["planned_aliquot.id"], name=op.f("fk_specimen_planned_aliquot_id")
        ),
        sa.ForeignKeyConstraint(
            ["quality_label_id", "quality"], ["state_label.id", "state_label.state"], name="fk_specimen_quality_label"
        ),
        sa.ForeignKeyConstraint(["specimen_type"], ["specimen_type.code"], name=op.f("fk_specimen_specimen_type")),
        sa.ForeignKeyConstraint(
            ["study_id", "site_id"], ["study_site.study_id", "study_site.site_id"], name="fk_specimen_study_site"
        ),
        sa.ForeignKeyConstraint(["tube_type"], ["tube_type.code"], name=op.f("fk_specimen_tube_type")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_specimen")),
        sa.UniqueConstraint("code", name=op.f("uq_specimen_code")),
        sa.UniqueConstraint("id", "participant_id", name="uq_specimen_participant"),
        sa.UniqueConstraint("id", "study_id", name="uq_specimen_study"),
    )
    op.create_index("ix_specimen_collection_event", "specimen", ["collection_event_id"], unique=False)
    op.create_index(
        "ix_specimen_doubtful", "specimen", ["id"], unique=False, postgresql_where=sa.text("quality <> 'acceptable'")
    )
    op.create_index(
        "ix_specimen_gone",
        "specimen",
        ["id"],
        unique=False,
        postgresql_where=sa.text("existence not in ('exists', 'consumed')"),
    )
    op.create_index("ix_specimen_held", "specimen", ["id"], unique=False, postgresql_where=sa.text("hold is not null"))
    op.create_index("ix_specimen_participant", "specimen", ["participant_id"], unique=False)
    op.create_index("ix_specimen_study_site", "specimen", ["study_id", "site_id"], unique=False)
    op.create_table(
        "accession",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("specimen_id", sa.BigInteger(), nullable=False),
        sa.Column("site_id", sa.BigInteger(), nullable=False),
        sa.Column("accessioned_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("accessioned_by", sa.BigInteger(), nullable=False),
        sa.Column("undone_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["accessioned_by"], ["app_user.id"], name=op.f("fk_accession_accessioned_by")),
        sa.ForeignKeyConstraint(["site_id"], ["site.id"], name=op.f("fk_accession_site_id")),
        sa.ForeignKeyConstraint(["specimen_id"], ["specimen.id"], name=op.f("fk_accession_specimen_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_accession")),
    )
    op.create_index(
        "uq_accession_current",
        "accession",
        ["specimen_id", "site_id"],
        unique=True,
        postgresql_where=sa.text("undone_at is null"),
    )
    op.create_table(
        "custody",
        sa.Column("specimen_id", sa.BigInteger(), nullable=False),
        sa.Column("container_id", sa.BigInteger(), nullable=True),
        sa.Column("row", sa.Integer(), nullable=True),
        sa.Column("col", sa.Integer(), nullable=True),
        sa.Column("package_id", sa.BigInteger(), nullable=True),
        sa.Column("holder_id", sa.BigInteger(), nullable=True),
        sa.Column("external_party_id", sa.BigInteger(), nullable=True),
        sa.Column("terminal", sa.Text(), nullable=True),
        sa.Column("site_id", sa.BigInteger(), nullable=True),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "terminal in ('disposed', 'consumed', 'missing', 'lost', 'transferred')", name=op.f("ck_custody_terminal")
        ),
        sa.CheckConstraint('"row" >= 0 and col >= 0', name=op.f("ck_custody_position_counts_from_zero")),
        sa.CheckConstraint(
            '(container_id is null) = ("row" is null) and (container_id is null) = (col is null)',
            name=op.f("ck_custody_position_is_whole"),
        ),
        sa.CheckConstraint("container_id is null or site_id is not null", name=op.f("ck_custody_position_has_a_site")),
        sa.CheckConstraint(
            "num_nonnulls(container_id, package_id, holder_id, external_party_id, terminal) = 1",
            name=op.f("ck_custody_exactly_one_place"),
        ),
        sa.ForeignKeyConstraint(
            ["container_id", "site_id"], ["container.id", "container.site_id"], name="fk_custody_container_site"
        ),
        sa.ForeignKeyConstraint(
            ["external_party_id"], ["external_party.id"], name=op.f("fk_custody_external_party_id")
        ),
        sa.ForeignKeyConstraint(["holder_id"], ["app_user.id"], name=op.f("fk_custody_holder_id")),
        sa.ForeignKeyConstraint(["package_id"], ["package.id"], name=op.f("fk_custody_package_id")),
        sa.ForeignKeyConstraint(["site_id"], ["site.id"], name=op.f("fk_custody_site_id")),
        sa.ForeignKeyConstraint(["specimen_id"], ["specimen.id"], name=op.f("fk_custody_specimen_id")),
        sa.PrimaryKeyConstraint("specimen_id", name=op.f("pk_custody")),
        sa.UniqueConstraint(
            "container_id", "row", "col", deferrable=True, initially="DEFERRED", name="uq_custody_position"
        ),
    )
    op.create_index(
        "ix_custody_container",
        "custody",
        ["container_id"],
        unique=False,
        postgresql_where=sa.text("container_id is not null"),
    )
    op.create_index(op.f("ix_custody_holder_id"), "custody", ["holder_id"], unique=False)
    op.create_index(op.f("ix_custody_package_id"), "custody", ["package_id"], unique=False)
    op.create_index(op.f("ix_custody_site_id"), "custody", ["site_id"], unique=False)
    op.create_table(
        "custody_history",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("specimen_id", sa.BigInteger(), nullable=False),
        sa.Column("container_id", sa.BigInteger(), nullable=True),
        sa.Column("row", sa.Integer(), nullable=True),
        sa.Column("col", sa.Integer(), nullable=True),
        sa.Column("package_id", sa.BigInteger(), nullable=True),
        sa.Column("holder_id", sa.BigInteger(), nullable=True),
        sa.Column("external_party_id", sa.BigInteger(), nullable=True),
        sa.Column("terminal", sa.Text(), nullable=True),
        sa.Column("site_id", sa.BigInteger(), nullable=True),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("actor_id", sa.BigInteger(), nullable=True),
        sa.Column("tx", sa.Uuid(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["actor_id"], ["app_user.id"], name=op.f("fk_custody_history_actor_id")),
        sa.ForeignKeyConstraint(["container_id"], ["container.id"], name=op.f("fk_custody_history_container_id")),
        sa.ForeignKeyConstraint(
            ["external_party_id"], ["external_party.id"], name=op.f("fk_custody_history_external_party_id")
        ),
        sa.ForeignKeyConstraint(["holder_id"], ["app_user.id"], name=op.f("fk_custody_history_holder_id")),
        sa.ForeignKeyConstraint(["package_id"], ["package.id"], name=op.f("fk_custody_history_package_id")),
        sa.ForeignKeyConstraint(["site_id"], ["site.id"], name=op.f("fk_custody_history_site_id")),
        sa.ForeignKeyConstraint(["specimen_id"], ["specimen.id"], name=op.f("fk_custody_history_specimen_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_custody_history")),
    )
    op.create_index(
        "ix_custody_history_container",
        "custody_history",
        ["container_id", "since"],
        unique=False,
        postgresql_where=sa.text("container_id is not null"),
    )
    op.create_index("ix_custody_history_specimen", "custody_history", ["specimen_id", "since"], unique=False)
    op.create_index("ix_custody_history_tx", "custody_history", ["tx"], unique=False)
    op.create_index(
        "uq_custody_history_open",
        "custody_history",
        ["specimen_id"],
        unique=True,
        postgresql_where=sa.text("until is null"),
    )
    op.create_table(
        "derivation",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("child_id", sa.BigInteger(), nullable=False),
        sa.Column("parent_id", sa.BigInteger(), nullable=False),
        sa.Column("processing_event_id", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("child_id <> parent_id", name=op.f("ck_derivation_no_self")),
        sa.ForeignKeyConstraint(["child_id"], ["specimen.id"], name=op.f("fk_derivation_child_id")),
        sa.ForeignKeyConstraint(["parent_id"], ["specimen.id"], name=op.f("fk_derivation_parent_id")),
        sa.ForeignKeyConstraint(
            ["processing_event_id"], ["processing_event.id"], name=op.f("fk_derivation_processing_event_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_derivation")),
        sa.UniqueConstraint("child_id", "parent_id", name="uq_derivation_edge"),
    )
    op.create_index(op.f("ix_derivation_parent_id"), "derivation", ["parent_id"], unique=False)
    op.create_table(
        "deviation",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("specimen_id", sa.BigInteger(), nullable=False),
        sa.Column("processing_event_id", sa.BigInteger(), nullable=True),
        sa.Column("type_code", sa.Text(), nullable=False),
        sa.Column("comment", sa.Text(), nullable=True),
        sa.Column("recorded_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("recorded_by", sa.BigInteger(), nullable=True),
        sa.Column("resolved_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("resolved_by", sa.BigInteger(), nullable=True),
        sa.Column("resolution", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "num_nonnulls(resolved_at, resolution) in (0, 2)", name=op.f("ck_deviation_resolved_with_words")
        ),
        sa.ForeignKeyConstraint(
            ["processing_event_id"], ["processing_event.id"], name=op.f("fk_deviation_processing_event_id")
        ),
        sa.ForeignKeyConstraint(["recorded_by"], ["app_user.id"], name=op.f("fk_deviation_recorded_by")),
        sa.ForeignKeyConstraint(["resolved_by"], ["app_user.id"], name=op.f("fk_deviation_resolved_by")),
        sa.ForeignKeyConstraint(["specimen_id"], ["specimen.id"], name=op.f("fk_deviation_specimen_id")),
        sa.ForeignKeyConstraint(["type_code"], ["deviation_type.code"], name=op.f("fk_deviation_type_code")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deviation")),
    )
    op.create_index(op.f("ix_deviation_specimen_id"), "deviation", ["specimen_id"], unique=False)
    op.create_index(
        "uq_deviation_open",
        "deviation",
        ["specimen_id", "type_code"],
        unique=True,
        postgresql_where=sa.text("resolved_at is null"),
    )
    op.create_table(
        "disposal_tube",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("disposal_id", sa.BigInteger(), nullable=False),
        sa.Column("study_id", sa.BigInteger(), nullable=False),
        sa.Column("specimen_id", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.Text(), server_default="listed", nullable=False),
        sa.Column("method", sa.Text(), nullable=True),
        sa.Column("was_at", sa.Text(), nullable=True),
        sa.Column("first_by", sa.BigInteger(), nullable=True),
        sa.Column("first_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("second_by", sa.BigInteger(), nullable=True),
        sa.Column("second_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("struck_reason", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "(status = 'struck') = (struck_reason is not null)", name=op.f("ck_disposal_tube_struck_has_a_reason")
        ),
        sa.CheckConstraint(
            "(status in ('confirmed', 'disposed')) = (method is not null)",
            name=op.f("ck_disposal_tube_disposed_has_a_method"),
        ),
        sa.CheckConstraint(
            "(status in ('disposed', 'not_found')) = (second_by is not null)",
            name=op.f("ck_disposal_tube_second_confirms"),
        ),
        sa.CheckConstraint(
            "(status in ('listed', 'struck')) or first_by is not null", name=op.f("ck_disposal_tube_first_confirms")
        ),
        sa.CheckConstraint(
            "method in ('autoclaved', 'incinerated', 'chemical', 'returned_to_origin')",
            name=op.f("ck_disposal_tube_method"),
        ),
        sa.CheckConstraint(
            "status in ('listed', 'confirmed', 'missed', 'disposed', 'not_found', 'struck')",
            name=op.f("ck_disposal_tube_status"),
        ),
        sa.CheckConstraint("first_by <> second_by", name=op.f("ck_disposal_tube_two_people")),
        sa.CheckConstraint("num_nonnulls(first_by, first_at) in (0, 2)", name=op.f("ck_disposal_tube_first_whole")),
        sa.CheckConstraint("num_nonnulls(second_by, second_at) in (0, 2)", name=op.f("ck_disposal_tube_second_whole")),
        sa.ForeignKeyConstraint(
            ["disposal_id", "study_id"], ["disposal.id", "disposal.study_id"], name="fk_disposal_tube_disposal"
        ),
        sa.ForeignKeyConstraint(["first_by"], ["app_user.id"], name=op.f("fk_disposal_tube_first_by")),
        sa.ForeignKeyConstraint(["second_by"], ["app_user.id"], name=op.f("fk_disposal_tube_second_by")),
        sa.ForeignKeyConstraint(
            ["specimen_id", "study_id"], ["specimen.id", "specimen.study_id"], name="fk_disposal_tube_specimen"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_disposal_tube")),
        sa.UniqueConstraint("disposal_id", "specimen_id", name="uq_disposal_tube_once"),
    )
    op.create_index(
        "uq_disposal_tube_open",
        "disposal_tube",
        ["specimen_id"],
        unique=True,
        postgresql_where=sa.text("status in ('listed', 'confirmed', 'missed')"),
    )
    op.create_table(
        "identifier",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("namespace", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), server_default="active", nullable=False),
        sa.Column("registered_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("participant_id", sa.BigInteger(), nullable=True),
        sa.Column("specimen_id", sa.BigInteger(), nullable=True),
        sa.Column("container_id", sa.BigInteger(), nullable=True),
        sa.Column("shipment_id", sa.BigInteger(), nullable=True),
        sa.Column("package_id", sa.BigInteger(), nullable=True),
        sa.Column("plate_id", sa.BigInteger(), nullable=True),
        sa.Column("pick_list_id", sa.BigInteger(), nullable=True),
        sa.Column("kit_id", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "namespace <> 'house' or biobank_house_id_is_valid(value)", name=op.f("ck_identifier_house_check_character")
        ),
        sa.CheckConstraint("status in ('active', 'superseded', 'void', 'damaged')", name=op.f("ck_identifier_status")),
        sa.CheckConstraint(
            "num_nonnulls(participant_id, specimen_id, container_id, shipment_id, package_id, plate_id, pick_list_id, kit_id) = 1",
            name=op.f("ck_identifier_exactly_one_thing"),
        ),
        sa.ForeignKeyConstraint(["container_id"], ["container.id"], name=op.f("fk_identifier_container_id")),
        sa.ForeignKeyConstraint(["kit_id"], ["kit.id"], name=op.f("fk_identifier_kit_id")),
        sa.ForeignKeyConstraint(["namespace"], ["namespace.code"], name=op.f("fk_identifier_namespace")),
        sa.ForeignKeyConstraint(["package_id"], ["package.id"], name=op.f("fk_identifier_package_id")),
        sa.ForeignKeyConstraint(["participant_id"], ["participant.id"], name=op.f("fk_identifier_participant_id")),
        sa.ForeignKeyConstraint(["pick_list_id"], ["pick_list.id"], name=op.f("fk_identifier_pick_list_id")),
        sa.ForeignKeyConstraint(["plate_id"], ["plate.id"], name=op.f("fk_identifier_plate_id")),
        sa.ForeignKeyConstraint(["shipment_id"], ["shipment.id"], name=op.f("fk_identifier_shipment_id")),
        sa.ForeignKeyConstraint(["specimen_id"], ["specimen.id"], name=op.f("fk_identifier_specimen_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_identifier")),
        sa.UniqueConstraint("namespace", "value", name="uq_identifier_namespace_value"),
    )
    op.create_index(
        "ix_identifier_beginning",
        "identifier",
        ["value", "id"],
        unique=False,
        postgresql_ops={"value": "text_pattern_ops"},
    )
    op.create_index(
        "ix_identifier_container_id",
        "identifier",
        ["container_id"],
        unique=False,
        postgresql_where=sa.text("container_id is not null"),
    )
    op.create_index(
        "ix_identifier_kit_id", "identifier", ["kit_id"], unique=False, postgresql_where=sa.text("kit_id is not null")
    )
    op.create_index(
        "ix_identifier_package_id",
        "identifier",
        ["package_id"],
        unique=False,
        postgresql_where=sa.text("package_id is not null"),
    )
    op.create_index(
        "ix_identifier_participant_id",
        "identifier",
        ["participant_id"],
        unique=False,
        postgresql_where=sa.text("participant_id is not null"),
    )
    op.create_index(
        "ix_identifier_pick_list_id",
        "identifier",
        ["pick_list_id"],
        unique=False,
        postgresql_where=sa.text("pick_list_id is not null"),
    )
    op.create_index(
        "ix_identifier_plate_id",
        "identifier",
        ["plate_id"],
        unique=False,
        postgresql_where=sa.text("plate_id is not null"),
    )
    op.create_index(
        "ix_identifier_shipment_id",
        "identifier",
        ["shipment_id"],
        unique=False,
        postgresql_where=sa.text("shipment_id is not null"),
    )
    op.create_index(
        "ix_identifier_specimen_id",
        "identifier",
        ["specimen_id"],
        unique=False,
        postgresql_where=sa.text("specimen_id is not null"),
    )
    op.create_index(
        "uq_identifier_label",
        "identifier",
        ["specimen_id"],
        unique=True,
        postgresql_where=sa.text("namespace = 'house' and status = 'active' and specimen_id is not null"),
    )
    op.create_table(
        "identity_doubt",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("specimen_id", sa.BigInteger(), nullable=False),
        sa.Column("first_id", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("found_by", sa.BigInteger(), nullable=False),
        sa.Column("found_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("settled_by", sa.BigInteger(), nullable=True),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("words", sa.Text(), nullable=True),
        sa.Column("signature_id", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("outcome in ('as_labelled', 'unknown')", name=op.f("ck_identity_doubt_outcome")),
        sa.CheckConstraint(
            "num_nonnulls(settled_by, settled_at, outcome, words, signature_id) in (0, 5)",
            name=op.f("ck_identity_doubt_settled_whole"),
        ),
        sa.ForeignKeyConstraint(["first_id"], ["specimen.id"], name=op.f("fk_identity_doubt_first_id")),
        sa.ForeignKeyConstraint(["found_by"], ["app_user.id"], name=op.f("fk_identity_doubt_found_by")),
        sa.ForeignKeyConstraint(["settled_by"], ["app_user.id"], name=op.f("fk_identity_doubt_settled_by")),
        sa.ForeignKeyConstraint(["signature_id"], ["signature.id"], name=op.f("fk_identity_doubt_signature_id")),
        sa.ForeignKeyConstraint(["specimen_id"], ["specimen.id"], name=op.f("fk_identity_doubt_specimen_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_identity_doubt")),
        sa.UniqueConstraint("signature_id", name=op.f("uq_identity_doubt_signature_id")),
    )
    op.create_index(op.f("ix_identity_doubt_specimen_id"), "identity_doubt", ["specimen_id"], unique=False)
    op.create_index(
        "uq_identity_doubt_open",
        "identity_doubt",
        ["specimen_id"],
        unique=True,
        postgresql_where=sa.text("settled_at is null"),
    )
    op.create_table(
        "package_item",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("package_id", sa.BigInteger(), nullable=False),
        sa.Column("shipment_id", sa.BigInteger(), nullable=False),
        sa.Column("study_id", sa.BigInteger(), nullable=False),
        sa.Column("specimen_id", sa.BigInteger(), nullable=False),
        sa.Column("is_open", sa.Boolean(), server_default="true", nullable=False),
        sa.Column("status", sa.Text(), server_default="packed", nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("packed_by", sa.BigInteger(), nullable=False),
        sa.Column("packed_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("received_by", sa.BigInteger(), nullable=True),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("resolution", sa.Text(), nullable=True),
        sa.Column("resolved_by", sa.BigInteger(), nullable=True),
        sa.Column("resolved_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(status in ('packed', 'unpacked')) = (received_at is null)",
            name=op.f("ck_package_item_received_has_a_time"),
        ),
        sa.CheckConstraint(
            "resolution in ('found', 'accepted_as_is', 'quarantined', 'written_off', 'returned')",
            name=op.f("ck_package_item_resolution"),
        ),
        sa.CheckConstraint(
            "status in ('packed', 'unpacked', 'received', 'damaged', 'thawed', 'missing', 'extra')",
            name=op.f("ck_package_item_status"),
        ),
        sa.CheckConstraint(
            "num_nonnulls(resolution, resolved_by, resolved_at) in (0, 3)", name=op.f("ck_package_item_resolved_whole")
        ),
        sa.ForeignKeyConstraint(
            ["package_id", "shipment_id"], ["package.id", "package.shipment_id"], name="fk_package_item_package"
        ),
        sa.ForeignKeyConstraint(["packed_by"], ["app_user.id"], name=op.f("fk_package_item_packed_by")),
        sa.ForeignKeyConstraint(["received_by"], ["app_user.id"], name=op.f("fk_package_item_received_by")),
        sa.ForeignKeyConstraint(["resolved_by"], ["app_user.id"], name=op.f("fk_package_item_resolved_by")),
        sa.ForeignKeyConstraint(
            ["shipment_id", "study_id"], ["shipment.id", "shipment.study_id"], name="fk_package_item_shipment"
        ),
        sa.ForeignKeyConstraint(["specimen_id"], ["specimen.id"], name="fk_package_item_specimen"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_package_item")),
        sa.UniqueConstraint("shipment_id", "specimen_id", name="uq_package_item_once_a_shipment"),
    )
    op.create_index("ix_package_item_package", "package_item", ["package_id"], unique=False)
    op.create_index(
        "uq_package_item_open", "package_item", ["specimen_id"], unique=True, postgresql_where=sa.text("is_open")
    )
    op.create_table(
        "pick_list_line",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("pick_list_id", sa.BigInteger(), nullable=False),
        sa.Column("study_id", sa.BigInteger(), nullable=False),
        sa.Column("specimen_id", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.Text(), server_default="to_pick", nullable=False),
        sa.Column("is_open", sa.Boolean(), server_default="true", nullable=False),
        sa.Column("substitute_of", sa.BigInteger(), nullable=True),
        sa.Column("from_container_id", sa.BigInteger(), nullable=True),
        sa.Column("from_row", sa.Integer(), nullable=True),
        sa.Column("from_col", sa.Integer(), nullable=True),
        sa.Column("settled_by", sa.BigInteger(), nullable=True),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "(status = 'to_pick') = (settled_at is null)", name=op.f("ck_pick_list_line_settled_has_a_time")
        ),
        sa.CheckConstraint(
            "status in ('to_pick', 'picked', 'not_found', 'short', 'substituted', 'skipped', 'withdrawn')",
            name=op.f("ck_pick_list_line_status"),
        ),
        sa.CheckConstraint(
            "num_nonnulls(from_container_id, from_row, from_col) in (0, 3)",
            name=op.f("ck_pick_list_line_from_is_whole"),
        ),
        sa.ForeignKeyConstraint(
            ["from_container_id"], ["container.id"], name=op.f("fk_pick_list_line_from_container_id")
        ),
        sa.ForeignKeyConstraint(
            ["pick_list_id", "study_id"], ["pick_list.id", "pick_list.study_id"], name="fk_pick_list_line_list"
        ),
        sa.ForeignKeyConstraint(["settled_by"], ["app_user.id"], name=op.f("fk_pick_list_line_settled_by")),
        sa.ForeignKeyConstraint(
            ["specimen_id", "study_id"], ["specimen.id", "specimen.study_id"], name="fk_pick_list_line_specimen"
        ),
        sa.ForeignKeyConstraint(["substitute_of"], ["pick_list_line.id"], name=op.f("fk_pick_list_line_substitute_of")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pick_list_line")),
        sa.UniqueConstraint("pick_list_id", "specimen_id", name="uq_pick_list_line_once"),
    )
    op.create_index("ix_pick_list_line_specimen", "pick_list_line", ["specimen_id"], unique=False)
    op.create_index(
        "uq_pick_list_line_open", "pick_list_line", ["specimen_id"], unique=True, postgresql_where=sa.text("is_open")
    )
    op.create_table(
        "processing_input",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("processing_event_id", sa.BigInteger(), nullable=False),
        sa.Column("specimen_id", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["processing_event_id"], ["processing_event.id"], name=op.f("fk_processing_input_processing_event_id")
        ),
        sa.ForeignKeyConstraint(["specimen_id"], ["specimen.id"], name=op.f("fk_processing_input_specimen_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_processing_input")),
        sa.UniqueConstraint("processing_event_id", "specimen_id", name="uq_processing_input_once"),
    )
    op.create_index(op.f("ix_processing_input_specimen_id"), "processing_input", ["specimen_id"], unique=False)
    op.create_table(
        "qc_measurement",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("specimen_id", sa.BigInteger(), nullable=False),
        sa.Column("quantity", sa.Text(), nullable=False),
        sa.Column("value", sa.Numeric(), nullable=False),
        sa.Column("raw_text", sa.Text(), nullable=False),
        sa.Column("unit", sa.Text(), nullable=True),
        sa.Column("measured_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("processing_event_id", sa.BigInteger(), nullable=True),
        sa.Column("equipment_id", sa.BigInteger(), nullable=True),
        sa.Column("recorded_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("recorded_by", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["equipment_id"], ["equipment.id"], name=op.f("fk_qc_measurement_equipment_id")),
        sa.ForeignKeyConstraint(
            ["processing_event_id"], ["processing_event.id"], name=op.f("fk_qc_measurement_processing_event_id")
        ),
        sa.ForeignKeyConstraint(["quantity"], ["qc_quantity.code"], name=op.f("fk_qc_measurement_quantity")),
        sa.ForeignKeyConstraint(["recorded_by"], ["app_user.id"], name=op.f("fk_qc_measurement_recorded_by")),
        sa.ForeignKeyConstraint(["specimen_id"], ["specimen.id"], name=op.f("fk_qc_measurement_specimen_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_qc_measurement")),
    )
    op.create_index(
        "ix_qc_measurement_specimen", "qc_measurement", ["specimen_id", "quantity", "measured_at"], unique=False
    )
    op.create_table(
        "quantity_ledger",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("specimen_id", sa.BigInteger(), nullable=False),
        sa.Column("delta", sa.Numeric(), nullable=False),
        sa.Column("unit", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("basis", sa.Text(), nullable=False),
        sa.Column("processing_event_id", sa.BigInteger(), nullable=True),
        sa.Column("recorded_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("recorded_by", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("basis in ('measured', 'nominal')", name=op.f("ck_quantity_ledger_basis")),
        sa.CheckConstraint(
            "reason in ('initial', 'aliquoted', 'assay', 'spill', 'correction', 'evaporation', 'exhausted', 'measured')",
            name=op.f("ck_quantity_ledger_reason"),
        ),
        sa.CheckConstraint("delta <> 0", name=op.f("ck_quantity_ledger_delta_not_zero")),
        sa.ForeignKeyConstraint(
            ["processing_event_id"], ["processing_event.id"], name=op.f("fk_quantity_ledger_processing_event_id")
        ),
        sa.ForeignKeyConstraint(["recorded_by"], ["app_user.id"], name=op.f("fk_quantity_ledger_recorded_by")),
        sa.ForeignKeyConstraint(["specimen_id"], ["specimen.id"], name=op.f("fk_quantity_ledger_specimen_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_quantity_ledger")),
    )
    op.create_index(op.f("ix_quantity_ledger_specimen_id"), "quantity_ledger", ["specimen_id"], unique=False)
    op.create_table(
        "rack_scan_decision",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("rack_scan_id", sa.BigInteger(), nullable=False),
        sa.Column("specimen_id", sa.BigInteger(), nullable=False),
        sa.Column("decision", sa.Text(), nullable=False),
        sa.Column("decided_by", sa.BigInteger(), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "decision in ('unread', 'taken_out', 'missing')", name=op.f("ck_rack_scan_decision_decision")
        ),
        sa.ForeignKeyConstraint(["decided_by"], ["app_user.id"], name=op.f("fk_rack_scan_decision_decided_by")),
        sa.ForeignKeyConstraint(["rack_scan_id"], ["rack_scan.id"], name=op.f("fk_rack_scan_decision_rack_scan_id")),
        sa.ForeignKeyConstraint(["specimen_id"], ["specimen.id"], name=op.f("fk_rack_scan_decision_specimen_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rack_scan_decision")),
        sa.UniqueConstraint("rack_scan_id", "specimen_id", name="uq_rack_scan_decision_tube"),
    )
    op.create_table(
        "range_label",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("range_id", sa.BigInteger(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("applied_site_id", sa.BigInteger(), nullable=True),
        sa.Column("applied_by", sa.BigInteger(), nullable=True),
        sa.Column("applied_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("specimen_id", sa.BigInteger(), nullable=True),
        sa.Column("voided_by", sa.BigInteger(), nullable=True),
        sa.Column("voided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("void_reason", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "code ~ '^T' and biobank_house_id_is_valid(code)", name=op.f("ck_range_label_code_is_a_tube_id")
        ),
        sa.CheckConstraint("applied_at is null or voided_at is null", name=op.f("ck_range_label_applied_or_voided")),
        sa.CheckConstraint(
            "num_nonnulls(applied_site_id, applied_by, applied_at) in (0, 3)", name=op.f("ck_range_label_applied_whole")
        ),
        sa.CheckConstraint(
            "num_nonnulls(voided_by, voided_at, void_reason) in (0, 3)", name=op.f("ck_range_label_voided_whole")
        ),
        sa.CheckConstraint(
            "specimen_id is null or applied_at is not null", name=op.f("ck_range_label_tube_where_applied")
        ),
        sa.ForeignKeyConstraint(["applied_by"], ["app_user.id"], name=op.f("fk_range_label_applied_by")),
        sa.ForeignKeyConstraint(
            ["range_id", "applied_site_id"], ["label_range.id", "label_range.site_id"], name="fk_range_label_issued_to"
        ),
        sa.ForeignKeyConstraint(["range_id"], ["label_range.id"], name=op.f("fk_range_label_range_id")),
        sa.ForeignKeyConstraint(["specimen_id"], ["specimen.id"], name=op.f("fk_range_label_specimen_id")),
        sa.ForeignKeyConstraint(["voided_by"], ["app_user.id"], name=op.f("fk_range_label_voided_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_range_label")),
        sa.UniqueConstraint("code", name=op.f("uq_range_label_code")),
        sa.UniqueConstraint("range_id", "position", name="uq_range_label_position"),
    )
    op.create_index(
        "ix_range_label_specimen",
        "range_label",
        ["specimen_id"],
        unique=False,
        postgresql_where=sa.text("specimen_id is not null"),
    )
    op.create_index(
        "ix_range_label_unused",
        "range_label",
        ["range_id"],
        unique=False,
        postgresql_where=sa.text("applied_at is null and voided_at is null"),
    )
    op.create_table(
        "reservation",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("specimen_id", sa.BigInteger(), nullable=False),
        sa.Column("study_id", sa.BigInteger(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("reserved_by", sa.BigInteger(), nullable=False),
        sa.Column("reserved_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_by", sa.BigInteger(), nullable=True),
        sa.Column("ending", sa.Text(), nullable=True),
        sa.Column("ending_note", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "ending in ('released', 'fulfilled', 'expired', 'withdrawn', 'tube_gone')",
            name=op.f("ck_reservation_ending"),
        ),
        sa.CheckConstraint("char_length(purpose) between 1 and 200", name=op.f("ck_reservation_purpose_length")),
        sa.CheckConstraint("expires_at > reserved_at", name=op.f("ck_reservation_expires_after_it_began")),
        sa.CheckConstraint("num_nonnulls(ended_at, ending) in (0, 2)", name=op.f("ck_reservation_ended_whole")),
        sa.ForeignKeyConstraint(["ended_by"], ["app_user.id"], name=op.f("fk_reservation_ended_by")),
        sa.ForeignKeyConstraint(["reserved_by"], ["app_user.id"], name=op.f("fk_reservation_reserved_by")),
        sa.ForeignKeyConstraint(
            ["specimen_id", "study_id"], ["specimen.id", "specimen.study_id"], name="fk_reservation_specimen"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reservation")),
    )
    op.create_index(
        "ix_reservation_open_until",
        "reservation",
        ["study_id", "expires_at"],
        unique=False,
        postgresql_where=sa.text("ended_at is null"),
    )
    op.create_index("ix_reservation_specimen", "reservation", ["specimen_id"], unique=False)
    op.create_index(
        "uq_reservation_open", "reservation", ["specimen_id"], unique=True, postgresql_where=sa.text("ended_at is null")
    )
    op.create_table(
        "spin_tube",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("spin_id", sa.BigInteger(), nullable=False),
        sa.Column("specimen_id", sa.BigInteger(), nullable=False),
        sa.Column("is_running", sa.Boolean(), server_default="true", nullable=False),
        sa.ForeignKeyConstraint(["specimen_id"], ["specimen.id"], name=op.f("fk_spin_tube_specimen_id")),
        sa.ForeignKeyConstraint(["spin_id"], ["spin.id"], name=op.f("fk_spin_tube_spin_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_spin_tube")),
        sa.UniqueConstraint("spin_id", "specimen_id", name="uq_spin_tube_once"),
    )
    op.create_index(
        "uq_spin_tube_running", "spin_tube", ["specimen_id"], unique=True, postgresql_where=sa.text("is_running")
    )
    op.create_table(
        "sprec",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("specimen_id", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("computed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("superseded_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("superseded_because", sa.Text(), nullable=True),
        sa.CheckConstraint("code ~ '^[A-Z0-9]{3}-[A-Z0-9]{3}(-[A-Z]){5}$'", name=op.f("ck_sprec_code")),
        sa.CheckConstraint(
            "num_nonnulls(superseded_at, superseded_because) in (0, 2)", name=op.f("ck_sprec_superseded_with_words")
        ),
        sa.ForeignKeyConstraint(["specimen_id"], ["specimen.id"], name=op.f("fk_sprec_specimen_id")),
        sa.ForeignKeyConstraint(["version"], ["sprec_version.code"], name=op.f("fk_sprec_version")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sprec")),
    )
    op.create_index("ix_sprec_specimen", "sprec", ["specimen_id", "computed_at"], unique=False)
    op.create_index(
        "uq_sprec_current", "sprec", ["specimen_id"], unique=True, postgresql_where=sa.text("superseded_at is null")
    )
    op.create_table(
        "sprec_due",
        sa.Column("specimen_id", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["specimen_id"], ["specimen.id"], name=op.f("fk_sprec_due_specimen_id")),
        sa.PrimaryKeyConstraint("specimen_id", name=op.f("pk_sprec_due")),
    )
    op.create_index("ix_sprec_due_since", "sprec_due", ["since", "specimen_id"], unique=False)
    op.create_table(
        "tube_outcome",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("visit_id", sa.BigInteger(), nullable=False),
        sa.Column("planned_tube_id", sa.BigInteger(), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("specimen_id", sa.BigInteger(), nullable=True),
        sa.Column("reason_code", sa.Text(), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_by", sa.BigInteger(), nullable=False),
        sa.Column("superseded_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "num_nonnulls(specimen_id, reason_code) = 1", name=op.f("ck_tube_outcome_collected_or_a_reason")
        ),
        sa.CheckConstraint("ordinal between 1 and 50", name=op.f("ck_tube_outcome_ordinal")),
        sa.ForeignKeyConstraint(["planned_tube_id"], ["planned_tube.id"], name=op.f("fk_tube_outcome_planned_tube_id")),
        sa.ForeignKeyConstraint(
            ["reason_code"], ["not_collected_reason.code"], name=op.f("fk_tube_outcome_reason_code")
        ),
        sa.ForeignKeyConstraint(["recorded_by"], ["app_user.id"], name=op.f("fk_tube_outcome_recorded_by")),
        sa.ForeignKeyConstraint(["specimen_id"], ["specimen.id"], name=op.f("fk_tube_outcome_specimen_id")),
        sa.ForeignKeyConstraint(["visit_id"], ["visit.id"], name=op.f("fk_tube_outcome_visit_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tube_outcome")),
    )
    op.create_index(
        "uq_tube_outcome_current",
        "tube_outcome",
        ["visit_id", "planned_tube_id", "ordinal"],
        unique=True,
        postgresql_where=sa.text("superseded_at is null"),
    )
    op.create_index(
        "uq_tube_outcome_specimen",
        "tube_outcome",
        ["specimen_id"],
        unique=True,
        postgresql_where=sa.text("superseded_at is null"),
    )
    op.create_table(
        "vendor_code",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("delivery_id", sa.BigInteger(), nullable=False),
        sa.Column("study_id", sa.BigInteger(), nullable=False),
        sa.Column("namespace", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("specimen_id", sa.BigInteger(), nullable=True),
        sa.Column("applied_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("char_length(value) between 1 and 64", name=op.f("ck_vendor_code_value_length")),
        sa.CheckConstraint(
            "num_nonnulls(specimen_id, applied_at) in (0, 2)", name=op.f("ck_vendor_code_applied_whole")
        ),
        sa.ForeignKeyConstraint(
            ["delivery_id", "study_id", "namespace"],
            ["vendor_code_delivery.id", "vendor_code_delivery.study_id", "vendor_code_delivery.namespace"],
            name="fk_vendor_code_delivery",
        ),
        sa.ForeignKeyConstraint(["specimen_id"], ["specimen.id"], name=op.f("fk_vendor_code_specimen_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_vendor_code")),
        sa.UniqueConstraint("namespace", "value", name="uq_vendor_code_value"),
    )
    op.create_index(
        "ix_vendor_code_specimen",
        "vendor_code",
        ["specimen_id"],
        unique=False,
        postgresql_where=sa.text("specimen_id is not null"),
    )
    op.create_index(
        "ix_vendor_code_unused",
        "vendor_code",
        ["delivery_id"],
        unique=False,
        postgresql_where=sa.text("specimen_id is null"),
    )
    op.create_table(
        "well",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("plate_id", sa.BigInteger(), nullable=False),
        sa.Column("row", sa.Integer(), nullable=False),
        sa.Column("col", sa.Integer(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("specimen_id", sa.BigInteger(), nullable=True),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("name_in_file", sa.Text(), nullable=True),
        sa.Column("dilution", sa.Numeric(), server_default="1", nullable=False),
        sa.Column("freeze_thaw_count", sa.Integer(), nullable=True),
        sa.Column("unfit", sa.Text(), nullable=True),
        sa.Column("override_reason", sa.Text(), nullable=True),
        sa.Column("overridden_by", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "(role = 'unknown') = (specimen_id is not null)", name=op.f("ck_well_unknown_names_its_tube")
        ),
        sa.CheckConstraint("role in ('unknown', 'standard', 'control', 'blank', 'empty')", name=op.f("ck_well_role")),
        sa.CheckConstraint('"row" >= 0 and col >= 0', name=op.f("ck_well_counts_from_zero")),
        sa.CheckConstraint("dilution > 0", name=op.f("ck_well_dilution_positive")),
        sa.CheckConstraint(
            "num_nonnulls(unfit, override_reason, overridden_by) in (0, 3)",
            name=op.f("ck_well_unfit_needs_an_override"),
        ),
        sa.ForeignKeyConstraint(["overridden_by"], ["app_user.id"], name=op.f("fk_well_overridden_by")),
        sa.ForeignKeyConstraint(["plate_id"], ["plate.id"], name=op.f("fk_well_plate_id")),
        sa.ForeignKeyConstraint(["specimen_id"], ["specimen.id"], name=op.f("fk_well_specimen_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_well")),
        sa.UniqueConstraint("id", "specimen_id", name="uq_well_specimen"),
        sa.UniqueConstraint("plate_id", "row", "col", name="uq_well_position"),
    )
    op.create_index(op.f("ix_well_specimen_id"), "well", ["specimen_id"], unique=False)
    op.create_table(
        "withdrawal_tube",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("case_id", sa.BigInteger(), nullable=False),
        sa.Column("specimen_id", sa.BigInteger(), nullable=False),
        sa.Column("plan", sa.Text(), nullable=False),
        sa.Column("taken_out_of", sa.Text(), nullable=True),
        sa.Column("disposal_id", sa.BigInteger(), nullable=True),
        sa.Column("notice_id", sa.BigInteger(), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "outcome in ('destroyed', 'used_up', 'sent_back', 'kept')", name=op.f("ck_withdrawal_tube_outcome")
        ),
        sa.CheckConstraint("plan in ('hold', 'dispose')", name=op.f("ck_withdrawal_tube_plan")),
        sa.CheckConstraint(
            "outcome is null or notice_id is not null", name=op.f("ck_withdrawal_tube_outcome_of_a_notice")
        ),
        sa.ForeignKeyConstraint(["case_id"], ["withdrawal_case.id"], name=op.f("fk_withdrawal_tube_case_id")),
        sa.ForeignKeyConstraint(["disposal_id"], ["disposal.id"], name=op.f("fk_withdrawal_tube_disposal_id")),
        sa.ForeignKeyConstraint(
            ["notice_id", "case_id"], ["partner_notice.id", "partner_notice.case_id"], name="fk_withdrawal_tube_notice"
        ),
        sa.ForeignKeyConstraint(["specimen_id"], ["specimen.id"], name=op.f("fk_withdrawal_tube_specimen_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_withdrawal_tube")),
        sa.UniqueConstraint("case_id", "specimen_id", name="uq_withdrawal_tube_once"),
    )
    op.create_index(op.f("ix_withdrawal_tube_specimen_id"), "withdrawal_tube", ["specimen_id"], unique=False)
    op.create_table(
        "control_reading",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("well_id", sa.BigInteger(), nullable=False),
        sa.Column("analyte_id", sa.BigInteger(), nullable=False),
        sa.Column("quantity", sa.Text(), nullable=False),
        sa.Column("value", sa.Numeric(), nullable=True),
        sa.Column("comparator", sa.Text(), nullable=True),
        sa.Column("unit", sa.Text(), nullable=True),
        sa.Column("raw_text", sa.Text(), nullable=False),
        sa.Column("flag", sa.Text(), nullable=True),
        sa.CheckConstraint("comparator in ('<', '<=', '>', '>=')", name=op.f("ck_control_reading_comparator")),
        sa.CheckConstraint(
            "flag in ('below_range', 'above_range', 'not_reported', 'not_a_number', 'too_few_beads', 'masked')",
            name=op.f("ck_control_reading_flag"),
        ),
        sa.CheckConstraint("value is not null or flag is not null", name=op.f("ck_control_reading_value_or_flag")),
        sa.ForeignKeyConstraint(["analyte_id"], ["analyte.id"], name=op.f("fk_control_reading_analyte_id")),
        sa.ForeignKeyConstraint(["well_id"], ["well.id"], name=op.f("fk_control_reading_well_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_control_reading")),
        sa.UniqueConstraint("well_id", "analyte_id", "quantity", name="uq_control_reading_once"),
    )
    op.create_table(
        "label_print",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("identifier_id", sa.BigInteger(), nullable=False),
        sa.Column("copy_no", sa.Integer(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("template", sa.Text(), nullable=False),
        sa.Column("template_version", sa.Integer(), nullable=False),
        sa.Column("stock", sa.Text(), nullable=False),
        sa.Column("printed_by", sa.BigInteger(), nullable=False),
        sa.Column("printed_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("verified_by", sa.BigInteger(), nullable=True),
        sa.Column("verified_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("(copy_no = 1) = (reason = 'first')", name=op.f("ck_label_print_reprint_has_a_reason")),
        sa.CheckConstraint(
            "reason in ('first', 'reprint_damaged', 'reprint_lost', 'reprint_not_printed')",
            name=op.f("ck_label_print_reason"),
        ),
        sa.CheckConstraint("(verified_by is null) = (verified_at is null)", name=op.f("ck_label_print_verified_whole")),
        sa.CheckConstraint("copy_no >= 1", name=op.f("ck_label_print_copy_counts_from_one")),
        sa.ForeignKeyConstraint(["identifier_id"], ["identifier.id"], name=op.f("fk_label_print_identifier_id")),
        sa.ForeignKeyConstraint(["printed_by"], ["app_user.id"], name=op.f("fk_label_print_printed_by")),
        sa.ForeignKeyConstraint(
            ["template", "template_version"],
            ["label_template_version.template", "label_template_version.number"],
            name="fk_label_print_template_version",
        ),
        sa.ForeignKeyConstraint(["verified_by"], ["app_user.id"], name=op.f("fk_label_print_verified_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_label_print")),
        sa.UniqueConstraint("identifier_id", "copy_no", name="uq_label_print_copy"),
    )
    op.create_index(
        "ix_label_print_unverified",
        "label_print",
        ["printed_by", "id"],
        unique=False,
        postgresql_where=sa.text("verified_at is null"),
    )
    op.create_table(
        "result",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("study_id", sa.BigInteger(), nullable=False),
        sa.Column("run_id", sa.BigInteger(), nullable=False),
        sa.Column("well_id", sa.BigInteger(), nullable=False),
        sa.Column("specimen_id", sa.BigInteger(), nullable=False),
        sa.Column("participant_id", sa.BigInteger(), nullable=True),
        sa.Column("analyte_id", sa.BigInteger(), nullable=False),
        sa.Column("quantity", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["analyte_id"], ["analyte.id"], name=op.f("fk_result_analyte_id")),
        sa.ForeignKeyConstraint(["run_id", "study_id"], ["assay_run.id", "assay_run.study_id"], name="fk_result_run"),
        sa.ForeignKeyConstraint(
            ["specimen_id", "participant_id"],
            ["specimen.id", "specimen.participant_id"],
            name="fk_result_specimen_participant",
        ),
        sa.ForeignKeyConstraint(
            ["well_id", "specimen_id"], ["well.id", "well.specimen_id"], name="fk_result_well_specimen"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_result")),
        sa.UniqueConstraint("well_id", "analyte_id", "quantity", name="uq_result_once"),
    )
    op.create_index("ix_result_participant", "result", ["participant_id", "analyte_id"], unique=False)
    op.create_index("ix_result_run", "result", ["run_id"], unique=False)
    op.create_table(
        "tube_search",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("specimen_id", sa.BigInteger(), nullable=False),
        sa.Column("pick_list_line_id", sa.BigInteger(), nullable=True),
        sa.Column("container_id", sa.BigInteger(), nullable=True),
        sa.Column("row", sa.Integer(), nullable=True),
        sa.Column("col", sa.Integer(), nullable=True),
        sa.Column("there_instead", sa.BigInteger(), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("opened_by", sa.BigInteger(), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("closed_by", sa.BigInteger(), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.CheckConstraint("outcome in ('found', 'given_up')", name=op.f("ck_tube_search_outcome")),
        sa.CheckConstraint("num_nonnulls(closed_at, outcome) in (0, 2)", name=op.f("ck_tube_search_closed_whole")),
        sa.ForeignKeyConstraint(["closed_by"], ["app_user.id"], name=op.f("fk_tube_search_closed_by")),
        sa.ForeignKeyConstraint(["container_id"], ["container.id"], name=op.f("fk_tube_search_container_id")),
        sa.ForeignKeyConstraint(["opened_by"], ["app_user.id"], name=op.f("fk_tube_search_opened_by")),
        sa.ForeignKeyConstraint(
            ["pick_list_line_id"], ["pick_list_line.id"], name=op.f("fk_tube_search_pick_list_line_id")
        ),
        sa.ForeignKeyConstraint(["specimen_id"], ["specimen.id"], name=op.f("fk_tube_search_specimen_id")),
        sa.ForeignKeyConstraint(["there_instead"], ["specimen.id"], name=op.f("fk_tube_search_there_instead")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tube_search")),
    )
    op.create_index(op.f("ix_tube_search_specimen_id"), "tube_search", ["specimen_id"], unique=False)
    op.create_index(
        "uq_tube_search_open",
        "tube_search",
        ["specimen_id"],
        unique=True,
        postgresql_where=sa.text("closed_at is null"),
    )
    op.create_table(
        "print_job_label",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("job_id", sa.BigInteger(), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("template", sa.Text(), nullable=False),
        sa.Column("tokens", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("copy_no", sa.Integer(), nullable=False),
        sa.Column("study_id", sa.BigInteger(), nullable=True),
        sa.Column("label_print_id", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("ordinal >= 1 and copy_no >= 1", name=op.f("ck_print_job_label_counts_from_one")),
        sa.ForeignKeyConstraint(["job_id"], ["print_job.id"], name=op.f("fk_print_job_label_job_id")),
        sa.ForeignKeyConstraint(["label_print_id"], ["label_print.id"], name=op.f("fk_print_job_label_label_print_id")),
        sa.ForeignKeyConstraint(["study_id"], ["study.id"], name=op.f("fk_print_job_label_study_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_print_job_label")),
        sa.UniqueConstraint("job_id", "ordinal", name="uq_print_job_label_place"),
        sa.UniqueConstraint("label_print_id", name=op.f("uq_print_job_label_label_print_id")),
    )
    op.create_table(
        "result_version",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("result_id", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.Integer(), server_default="1", nullable=False),
        sa.Column("status", sa.Text(), server_default="preliminary", nullable=False),
        sa.Column("value", sa.Numeric(), nullable=True),
        sa.Column("comparator", sa.Text(), nullable=True),
        sa.Column("limit_kind", sa.Text(), nullable=True),
        sa.Column("unit", sa.Text(), nullable=True),
        sa.Column("raw_text", sa.Text(), nullable=False),
        sa.Column("flag", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("is_current", sa.Boolean(), server_default="true", nullable=False),
        sa.Column("released_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(ended_at is not null) = (status in ('superseded', 'corrected', 'withdrawn'))",
            name=op.f("ck_result_version_ended_at_a_time"),
        ),
        sa.CheckConstraint("comparator in ('<', '<=', '>', '>=')", name=op.f("ck_result_version_comparator")),
        sa.CheckConstraint(
            "flag in ('below_range', 'above_range', 'not_reported', 'not_a_number', 'too_few_beads', 'masked')",
            name=op.f("ck_result_version_flag"),
        ),
        sa.CheckConstraint(
            "limit_kind in ('LLOD', 'LLOQ', 'ULOQ', 'ladder_top')", name=op.f("ck_result_version_limit_kind")
        ),
        sa.CheckConstraint(
            "status <> 'released' or released_at is not null", name=op.f("ck_result_version_released_at_a_time")
        ),
        sa.CheckConstraint(
            "status in ('preliminary', 'verified', 'released', 'superseded', 'corrected', 'withdrawn', 'cancelled')",
            name=op.f("ck_result_version_status"),
        ),
        sa.CheckConstraint(
            "status not in ('superseded', 'corrected', 'withdrawn') or reason is not null",
            name=op.f("ck_result_version_change_has_a_reason"),
        ),
        sa.CheckConstraint(
            "(comparator is null) = (limit_kind is null)", name=op.f("ck_result_version_limit_has_its_kind")
        ),
        sa.CheckConstraint("value is not null or flag is not null", name=op.f("ck_result_version_value_or_flag")),
        sa.ForeignKeyConstraint(["result_id"], ["result.id"], name=op.f("fk_result_version_result_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_result_version")),
        sa.UniqueConstraint("result_id", "number", name="uq_result_version_number"),
    )
    op.create_index(
        "uq_result_version_current",
        "result_version",
        ["result_id"],
        unique=True,
        postgresql_where=sa.text("is_current"),
    )
    for script in (
        "audit",
        "register",
        "protocol",
        "equipment",
        "specimen",
        "custody",
        "storage",
        "live",
        "labelling",
        "rackscan",
        "delivery",
        "picking",
        "printing",
        "deviations",
        "consent",
        "results",
        "preanalytics",
        "label_templates",
        "label_stocks",
        "codes",
        "sprec",
        "label_template_rows",
        "grants",
    ):
        run_sql(script)
