-- Why: who changed what, from what, to what. One row for each revision, written in the transaction of its change, so the
-- rows of a tenant are in commit order and without gaps: history, rollback, event streams and replicas all read them.

CREATE TABLE audit (
    tenant_id   TEXT NOT NULL REFERENCES tenants (id),
    revision    INTEGER NOT NULL CHECK (revision >= 1),     -- the tenant's revision that this change made
    ts          INTEGER NOT NULL,                           -- ms; the writer's clock, so not always rising
    actor       TEXT NOT NULL,                              -- who: a token's subject or a key's name
    action      TEXT NOT NULL,                              -- created, updated or deleted
    entity      TEXT NOT NULL,                              -- flag, segment or environment
    entity_key  TEXT NOT NULL,
    entity_id   TEXT NOT NULL,                              -- tells a flag from a later one with the same key
    environment TEXT,                                       -- key of the environment that before and after show; null for segments
    version     INTEGER,                                    -- the entity's version in after, where it has one
    before      TEXT CHECK (json_valid(before)),            -- as the API showed it; null if created
    after       TEXT CHECK (json_valid(after)),             -- as the API shows it; null if deleted
    elsewhere   TEXT CHECK (json_valid(elsewhere)),         -- object: key of another environment that the change touched -> {before, after}
    request_id  TEXT,                                       -- of the request that asked for it
    PRIMARY KEY (tenant_id, revision)
) STRICT;

CREATE INDEX audit_by_time ON audit (tenant_id, ts);
CREATE INDEX audit_by_entity ON audit (tenant_id, entity, entity_key, revision);
