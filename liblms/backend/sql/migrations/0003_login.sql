-- oldest binary: 0.1.0

CREATE TABLE login_failures (
  login TEXT NOT NULL PRIMARY KEY,
  tries TEXT NOT NULL,
  locked_until BIGINT,
  last_attempt_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL
);
CREATE INDEX login_failures_expires_at ON login_failures (expires_at);

ALTER TABLE sessions ADD COLUMN previous_jti TEXT;
ALTER TABLE sessions ADD COLUMN refresh_expires_at BIGINT NOT NULL DEFAULT 0;
UPDATE sessions SET refresh_expires_at = expires_at;
