-- Why: back to requests that are done as often as they are sent.

DROP TABLE idempotency;
