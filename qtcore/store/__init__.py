"""The database: tables, one unit of work, set-based reads, migrations."""
