-- Why: a flag has two levels (ADR 5): what it is, shared by all environments, and how it behaves in each of them.

CREATE TABLE flags (
    tenant_id   text COLLATE "C" NOT NULL REFERENCES tenants (id),
    id          text COLLATE "C" NOT NULL,
    key         text COLLATE "C" NOT NULL,                  -- unique among the living flags of the tenant
    name        text NOT NULL,                              -- for people
    description text NOT NULL,                              -- for people
    kind        text NOT NULL,                              -- boolean, string, number or json: the type of the values
    variants    jsonb NOT NULL,                             -- object: variant key -> value
    tags        jsonb NOT NULL,                             -- list of texts
    owner       text,                                       -- for people
    metadata    jsonb NOT NULL,                             -- flat object of scalars
    search_text text NOT NULL,                              -- key, name, description in lower case; what `q` looks through
    created_at  bigint NOT NULL,                            -- ms
    deleted_at  bigint,                                     -- ms; null while it lives. Deleted flags stay for their history
    PRIMARY KEY (tenant_id, id)
);

CREATE UNIQUE INDEX flags_living ON flags (tenant_id, key) WHERE deleted_at IS NULL;

CREATE TABLE flag_configs (
    tenant_id      text COLLATE "C" NOT NULL,
    flag_id        text COLLATE "C" NOT NULL,
    environment_id text COLLATE "C" NOT NULL,
    state          text NOT NULL,                           -- on or off
    weights        jsonb NOT NULL,                          -- list of {variant, weight}: every variant once, in bucketing order
    off_variant    text NOT NULL,                           -- what everyone gets while it is off
    rules          jsonb NOT NULL,                          -- list of {id, description, when, rollout}, tried in order
    salt           text,                                    -- replaces the key in bucketing
    version        bigint NOT NULL CHECK (version >= 1),    -- +1 with every change of what this environment shows
    updated_at     bigint NOT NULL,                         -- ms; when the version became what it is
    PRIMARY KEY (tenant_id, flag_id, environment_id),
    FOREIGN KEY (tenant_id, flag_id) REFERENCES flags (tenant_id, id),
    FOREIGN KEY (tenant_id, environment_id) REFERENCES environments (tenant_id, id)
);
