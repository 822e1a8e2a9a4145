-- Why: back to a tenant without segments.

DROP TABLE segments;
