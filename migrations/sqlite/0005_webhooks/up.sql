-- Why: changes are told to other services by HTTP. A webhook remembers how far in the audit log it has come (its cursor), which server
-- delivers it at the moment (its lease), and, for people, what became of each delivery.

CREATE TABLE webhooks (
    tenant_id           TEXT NOT NULL REFERENCES tenants (id),
    id                  TEXT NOT NULL,
    url                 TEXT NOT NULL,                          -- where to; may itself be a secret, so it is never logged
    events              TEXT NOT NULL CHECK (json_valid(events)), -- list of patterns: *, flag.*, flag.updated
    description         TEXT NOT NULL,                          -- for people
    enabled             INTEGER NOT NULL CHECK (enabled IN (0, 1)),
    disabled_reason     TEXT,                                   -- gone or failing; null if a person turned it off, or it is on
    secret              TEXT NOT NULL,                          -- base64; signs each delivery
    old_secret          TEXT,                                   -- base64; the one before, which signs beside it
    old_secret_until    INTEGER,                                -- ms; and for how long
    version             INTEGER NOT NULL CHECK (version >= 1),  -- +1 with every change of what stands above
    created_at          INTEGER NOT NULL,                       -- ms
    updated_at          INTEGER NOT NULL,                       -- ms
    cursor              INTEGER NOT NULL,                       -- revision: everything up to here is delivered, parked or not wanted
    attempts            INTEGER NOT NULL,                       -- failed ones of the event after the cursor
    first_attempt_at    INTEGER,                                -- ms; of that event
    next_attempt_at     INTEGER,                                -- ms; nothing is sent before; null: at once
    failing_since       INTEGER,                                -- ms; the first failure since the last success
    has_parked          INTEGER NOT NULL CHECK (has_parked IN (0, 1)), -- an event was given up since the last success
    lease_owner         TEXT,                                   -- the server that delivers
    lease_until         INTEGER NOT NULL,                       -- ms; afterwards another one may
    lease_number        INTEGER NOT NULL,                       -- +1 with every owner: a server that was too slow writes nothing more
    PRIMARY KEY (tenant_id, id)
) STRICT;

CREATE TABLE webhook_deliveries (
    tenant_id       TEXT NOT NULL,
    webhook_id      TEXT NOT NULL,
    revision        INTEGER NOT NULL,                           -- of the change that it tells of
    event           TEXT NOT NULL,                              -- flag.updated
    state           TEXT NOT NULL,                              -- pending, delivered or parked
    attempts        INTEGER NOT NULL,
    created_at      INTEGER NOT NULL,                           -- ms; of the first attempt, or of giving up without one
    last_attempt_at INTEGER,                                    -- ms
    status          INTEGER,                                    -- HTTP status of the last attempt, if there was an answer
    error           TEXT,                                       -- why the last attempt failed
    duration_ms     INTEGER,                                    -- of the last attempt
    next_attempt_at INTEGER,                                    -- ms; of a pending one
    PRIMARY KEY (tenant_id, webhook_id, revision),
    FOREIGN KEY (tenant_id, webhook_id) REFERENCES webhooks (tenant_id, id) ON DELETE CASCADE
) STRICT;

CREATE INDEX webhook_deliveries_by_age ON webhook_deliveries (created_at);
CREATE INDEX webhook_deliveries_parked ON webhook_deliveries (tenant_id) WHERE state = 'parked';
