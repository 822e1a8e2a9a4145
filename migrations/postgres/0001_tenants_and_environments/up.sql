-- Why: every row belongs to one tenant, and every change of a tenant is counted by locking and raising one number.
-- Environments come first because flags are configured per environment.
--
-- In all tables: `text COLLATE "C"` orders and compares by bytes, as SQLite does, so that pages and page tokens are the
-- same on both databases. Times are milliseconds since 1970-01-01T00:00:00Z. Ids are UUIDs of version 7.

CREATE TABLE tenants (
    id       text COLLATE "C" PRIMARY KEY,                  -- chosen by the client (X-Tenant-ID)
    revision bigint NOT NULL CHECK (revision >= 0)          -- committed changes so far; the row lock of a change
);

CREATE TABLE environments (
    tenant_id   text COLLATE "C" NOT NULL REFERENCES tenants (id),
    id          text COLLATE "C" NOT NULL,
    key         text COLLATE "C" NOT NULL,                  -- the name in URLs and headers
    name        text NOT NULL,                              -- for people
    description text NOT NULL,                              -- for people
    created_at  bigint NOT NULL,                            -- ms
    updated_at  bigint NOT NULL,                            -- ms
    deleted_at  bigint,                                     -- ms; null while it lives
    -- The tenant is part of every key that other tables refer to: no row can point into another tenant.
    PRIMARY KEY (tenant_id, id)
);

CREATE UNIQUE INDEX environments_living ON environments (tenant_id, key) WHERE deleted_at IS NULL;
