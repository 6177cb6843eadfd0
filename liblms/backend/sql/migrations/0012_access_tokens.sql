-- oldest binary: 0.1.0

ALTER TABLE users ADD COLUMN service_account BOOLEAN NOT NULL DEFAULT FALSE;

CREATE TABLE access_tokens (
  id TEXT NOT NULL PRIMARY KEY,
  user_id TEXT NOT NULL REFERENCES users (id),
  name TEXT NOT NULL,
  digest TEXT NOT NULL UNIQUE,
  beginning TEXT NOT NULL,
  scopes TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  last_used_at BIGINT,
  last_used_address TEXT
);
CREATE INDEX access_tokens_user_id_created_at ON access_tokens (user_id, created_at);
CREATE INDEX access_tokens_expires_at ON access_tokens (expires_at);
