-- Why: who changed what, from what, to what. One row for each revision, written in the transaction of its change, so the
-- rows of a tenant are in commit order and without gaps: history, rollback, event streams and replicas all read them.

CREATE TABLE audit (
    tenant_id   text COLLATE "C" NOT NULL REFERENCES tenants (id),
    revision    bigint NOT NULL CHECK (revision >= 1),      -- the tenant's revision that this change made
    ts          bigint NOT NULL,                            -- ms; the writer's clock, so not always rising
    actor       text NOT NULL,                              -- who: a token's subject or a key's name
    action      text NOT NULL,                              -- created, updated or deleted
    entity      text NOT NULL,                              -- flag, segment or environment
    entity_key  text COLLATE "C" NOT NULL,
    entity_id   text COLLATE "C" NOT NULL,                  -- tells a flag from a later one with the same key
    environment text COLLATE "C",                           -- key of the environment that before and after show; null for segments
    version     bigint,                                     -- the entity's version in after, where it has one
    before      jsonb,                                      -- as the API showed it; null if created
    after       jsonb,                                      -- as the API shows it; null if deleted
    elsewhere   jsonb,                                      -- object: key of another environment that the change touched -> {before, after}
    request_id  text,                                       -- of the request that asked for it
    PRIMARY KEY (tenant_id, revision)
);

CREATE INDEX audit_by_time ON audit (tenant_id, ts);
CREATE INDEX audit_by_entity ON audit (tenant_id, entity, entity_key, revision);
