-- Why: every row belongs to one tenant, and every change of a tenant is counted by raising one number inside the
-- change's transaction. Environments come first because flags are configured per environment.
--
-- In all tables: STRICT, so that a column holds its type and nothing else, as on PostgreSQL. Text orders and compares by
-- bytes. Times are milliseconds since 1970-01-01T00:00:00Z. Ids are UUIDs of version 7. JSON is kept as text, to be
-- readable in the sqlite3 shell; `json_valid` refuses what PostgreSQL's jsonb would refuse.

CREATE TABLE tenants (
    id       TEXT NOT NULL PRIMARY KEY,                     -- chosen by the client (X-Tenant-ID)
    revision INTEGER NOT NULL CHECK (revision >= 0)         -- committed changes so far
) STRICT;

CREATE TABLE environments (
    tenant_id   TEXT NOT NULL REFERENCES tenants (id),
    id          TEXT NOT NULL,
    key         TEXT NOT NULL,                              -- the name in URLs and headers
    name        TEXT NOT NULL,                              -- for people
    description TEXT NOT NULL,                              -- for people
    created_at  INTEGER NOT NULL,                           -- ms
    updated_at  INTEGER NOT NULL,                           -- ms
    deleted_at  INTEGER,                                    -- ms; null while it lives
    -- The tenant is part of every key that other tables refer to: no row can point into another tenant.
    PRIMARY KEY (tenant_id, id)
) STRICT;

CREATE UNIQUE INDEX environments_living ON environments (tenant_id, key) WHERE deleted_at IS NULL;
