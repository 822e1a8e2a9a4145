-- Why: a segment names users once for many flags. It belongs to the tenant, not to an environment.

CREATE TABLE segments (
    tenant_id   text COLLATE "C" NOT NULL REFERENCES tenants (id),
    id          text COLLATE "C" NOT NULL,
    key         text COLLATE "C" NOT NULL,                  -- unique among the living segments of the tenant
    name        text NOT NULL,                              -- for people
    description text NOT NULL,                              -- for people
    criteria    jsonb NOT NULL,                             -- a condition
    included    jsonb NOT NULL,                             -- list of user ids that belong to it whatever the criteria say
    excluded    jsonb NOT NULL,                             -- list of user ids that never belong to it
    search_text text NOT NULL,                              -- key, name, description in lower case; what `q` looks through
    version     bigint NOT NULL CHECK (version >= 1),       -- +1 with every change
    created_at  bigint NOT NULL,                            -- ms
    updated_at  bigint NOT NULL,                            -- ms
    deleted_at  bigint,                                     -- ms; null while it lives
    PRIMARY KEY (tenant_id, id)
);

CREATE UNIQUE INDEX segments_living ON segments (tenant_id, key) WHERE deleted_at IS NULL;
