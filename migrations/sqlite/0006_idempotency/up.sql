-- Why: a request that a client sends again, because it never saw the answer, must not be done again. One row for each key that
-- came with a write, kept for a day: what the request was, as a digest, and what it was answered. The row of a request that changed
-- something is written in the transaction of that change.
--
-- No reference to tenants: a request that changed nothing does not bring its tenant into being.

CREATE TABLE idempotency (
    tenant_id      TEXT NOT NULL,
    key_digest     TEXT NOT NULL,          -- SHA-256 in hex of who asked and of the key that came with the request
    request_digest TEXT NOT NULL,          -- SHA-256 in hex of method, path, query, headers that matter, body
    created_at     INTEGER NOT NULL,       -- ms; a day later the row means nothing
    status         INTEGER NOT NULL,       -- of the answer, as in HTTP
    etag           TEXT,                   -- header of the answer
    location       TEXT,                   -- header of the answer
    revision       INTEGER,                -- that the tenant had after it, where the request came as far as that
    body           TEXT,                   -- of the answer, as it was sent; null if it had none or is in the log
    logged_at      INTEGER,                -- revision whose audit entry has the body as `after`: a body too large to be kept twice
    warnings       TEXT,                   -- JSON; what a body from the log was sent with
    PRIMARY KEY (tenant_id, key_digest)
) STRICT;

CREATE INDEX idempotency_by_time ON idempotency (created_at);
