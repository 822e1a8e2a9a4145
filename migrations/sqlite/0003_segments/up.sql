-- Why: a segment names users once for many flags. It belongs to the tenant, not to an environment.

CREATE TABLE segments (
    tenant_id   TEXT NOT NULL REFERENCES tenants (id),
    id          TEXT NOT NULL,
    key         TEXT NOT NULL,                              -- unique among the living segments of the tenant
    name        TEXT NOT NULL,                              -- for people
    description TEXT NOT NULL,                              -- for people
    criteria    TEXT NOT NULL CHECK (json_valid(criteria)), -- a condition
    included    TEXT NOT NULL CHECK (json_valid(included)), -- list of user ids that belong to it whatever the criteria say
    excluded    TEXT NOT NULL CHECK (json_valid(excluded)), -- list of user ids that never belong to it
    search_text TEXT NOT NULL,                              -- key, name, description in lower case; what `q` looks through
    version     INTEGER NOT NULL CHECK (version >= 1),      -- +1 with every change
    created_at  INTEGER NOT NULL,                           -- ms
    updated_at  INTEGER NOT NULL,                           -- ms
    deleted_at  INTEGER,                                    -- ms; null while it lives
    PRIMARY KEY (tenant_id, id)
) STRICT;

CREATE UNIQUE INDEX segments_living ON segments (tenant_id, key) WHERE deleted_at IS NULL;
