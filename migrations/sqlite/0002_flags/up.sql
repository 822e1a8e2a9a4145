-- Why: a flag has two levels (ADR 5): what it is, shared by all environments, and how it behaves in each of them.

CREATE TABLE flags (
    tenant_id   TEXT NOT NULL REFERENCES tenants (id),
    id          TEXT NOT NULL,
    key         TEXT NOT NULL,                              -- unique among the living flags of the tenant
    name        TEXT NOT NULL,                              -- for people
    description TEXT NOT NULL,                              -- for people
    kind        TEXT NOT NULL,                              -- boolean, string, number or json: the type of the values
    variants    TEXT NOT NULL CHECK (json_valid(variants)), -- object: variant key -> value
    tags        TEXT NOT NULL CHECK (json_valid(tags)),     -- list of texts
    owner       TEXT,                                       -- for people
    metadata    TEXT NOT NULL CHECK (json_valid(metadata)), -- flat object of scalars
    search_text TEXT NOT NULL,                              -- key, name, description in lower case; what `q` looks through
    created_at  INTEGER NOT NULL,                           -- ms
    deleted_at  INTEGER,                                    -- ms; null while it lives. Deleted flags stay for their history
    PRIMARY KEY (tenant_id, id)
) STRICT;

CREATE UNIQUE INDEX flags_living ON flags (tenant_id, key) WHERE deleted_at IS NULL;

CREATE TABLE flag_configs (
    tenant_id      TEXT NOT NULL,
    flag_id        TEXT NOT NULL,
    environment_id TEXT NOT NULL,
    state          TEXT NOT NULL,                           -- on or off
    weights        TEXT NOT NULL CHECK (json_valid(weights)), -- list of {variant, weight}: every variant once, in bucketing order
    off_variant    TEXT NOT NULL,                           -- what everyone gets while it is off
    rules          TEXT NOT NULL CHECK (json_valid(rules)), -- list of {id, description, when, rollout}, tried in order
    salt           TEXT,                                    -- replaces the key in bucketing
    version        INTEGER NOT NULL CHECK (version >= 1),   -- +1 with every change of what this environment shows
    updated_at     INTEGER NOT NULL,                        -- ms; when the version became what it is
    PRIMARY KEY (tenant_id, flag_id, environment_id),
    FOREIGN KEY (tenant_id, flag_id) REFERENCES flags (tenant_id, id),
    FOREIGN KEY (tenant_id, environment_id) REFERENCES environments (tenant_id, id)
) STRICT;
