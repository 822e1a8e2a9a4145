-- Why: back to changes that nobody is told of. What the audit log says of webhooks stays.

DROP TABLE webhook_deliveries;
DROP TABLE webhooks;
