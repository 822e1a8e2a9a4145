-- Why: changes are told to other services by HTTP. A webhook remembers how far in the audit log it has come (its cursor), which server
-- delivers it at the moment (its lease), and, for people, what became of each delivery.

CREATE TABLE webhooks (
    tenant_id           text COLLATE "C" NOT NULL REFERENCES tenants (id),
    id                  text COLLATE "C" NOT NULL,
    url                 text NOT NULL,                          -- where to; may itself be a secret, so it is never logged
    events              jsonb NOT NULL,                         -- list of patterns: *, flag.*, flag.updated
    description         text NOT NULL,                          -- for people
    enabled             bigint NOT NULL CHECK (enabled IN (0, 1)),
    disabled_reason     text,                                   -- gone or failing; null if a person turned it off, or it is on
    secret              text NOT NULL,                          -- base64; signs each delivery
    old_secret          text,                                   -- base64; the one before, which signs beside it
    old_secret_until    bigint,                                 -- ms; and for how long
    version             bigint NOT NULL CHECK (version >= 1),   -- +1 with every change of what stands above
    created_at          bigint NOT NULL,                        -- ms
    updated_at          bigint NOT NULL,                        -- ms
    cursor              bigint NOT NULL,                        -- revision: everything up to here is delivered, parked or not wanted
    attempts            bigint NOT NULL,                        -- failed ones of the event after the cursor
    first_attempt_at    bigint,                                 -- ms; of that event
    next_attempt_at     bigint,                                 -- ms; nothing is sent before; null: at once
    failing_since       bigint,                                 -- ms; the first failure since the last success
    has_parked          bigint NOT NULL CHECK (has_parked IN (0, 1)), -- an event was given up since the last success
    lease_owner         text,                                   -- the server that delivers
    lease_until         bigint NOT NULL,                        -- ms; afterwards another one may
    lease_number        bigint NOT NULL,                        -- +1 with every owner: a server that was too slow writes nothing more
    PRIMARY KEY (tenant_id, id)
);

CREATE TABLE webhook_deliveries (
    tenant_id       text COLLATE "C" NOT NULL,
    webhook_id      text COLLATE "C" NOT NULL,
    revision        bigint NOT NULL,                            -- of the change that it tells of
    event           text NOT NULL,                              -- flag.updated
    state           text NOT NULL,                              -- pending, delivered or parked
    attempts        bigint NOT NULL,
    created_at      bigint NOT NULL,                            -- ms; of the first attempt, or of giving up without one
    last_attempt_at bigint,                                     -- ms
    status          bigint,                                     -- HTTP status of the last attempt, if there was an answer
    error           text,                                       -- why the last attempt failed
    duration_ms     bigint,                                     -- of the last attempt
    next_attempt_at bigint,                                     -- ms; of a pending one
    PRIMARY KEY (tenant_id, webhook_id, revision),
    FOREIGN KEY (tenant_id, webhook_id) REFERENCES webhooks (tenant_id, id) ON DELETE CASCADE
);

CREATE INDEX webhook_deliveries_by_age ON webhook_deliveries (created_at);
CREATE INDEX webhook_deliveries_parked ON webhook_deliveries (tenant_id) WHERE state = 'parked';
