"""The schema's history: Alembic revisions in `versions/`, functions and triggers as files in `sql/`."""
