-- Why: back to an empty database.

DROP TABLE environments;
DROP TABLE tenants;
