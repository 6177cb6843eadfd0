-- oldest binary: 0.1.0

CREATE TABLE idempotent_answers (
  id TEXT NOT NULL PRIMARY KEY,
  fingerprint TEXT NOT NULL,
  claim TEXT NOT NULL,
  state TEXT NOT NULL,
  held_until BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  status BIGINT,
  headers TEXT,
  body TEXT
);
CREATE INDEX idempotent_answers_expires_at ON idempotent_answers (expires_at);
