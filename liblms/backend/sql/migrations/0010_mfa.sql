-- oldest binary: 0.1.0

CREATE TABLE second_factors (
  user_id TEXT NOT NULL PRIMARY KEY REFERENCES users (id),
  secret TEXT,
  pending_secret TEXT,
  pending_until BIGINT,
  mails_codes BOOLEAN NOT NULL,
  used_step BIGINT NOT NULL,
  enabled_at BIGINT
);

CREATE TABLE recovery_codes (
  digest TEXT NOT NULL PRIMARY KEY,
  user_id TEXT NOT NULL REFERENCES users (id)
);
CREATE INDEX recovery_codes_user_id ON recovery_codes (user_id);

CREATE TABLE sign_in_challenges (
  jti TEXT NOT NULL PRIMARY KEY,
  user_id TEXT NOT NULL REFERENCES users (id),
  password_digest TEXT NOT NULL,
  mails BIGINT NOT NULL,
  mailed_at BIGINT,
  mailed_code TEXT,
  mailed_code_expires_at BIGINT,
  expires_at BIGINT NOT NULL
);
CREATE INDEX sign_in_challenges_user_id ON sign_in_challenges (user_id);
CREATE INDEX sign_in_challenges_expires_at ON sign_in_challenges (expires_at);
