-- Why: back to a tenant without flags. Their history in the audit log, if there is one, stays.

DROP TABLE flag_configs;
DROP TABLE flags;
