-- oldest binary: 0.1.0

ALTER TABLE users ADD COLUMN erased_at BIGINT;
