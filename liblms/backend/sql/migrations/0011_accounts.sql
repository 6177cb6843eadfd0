-- oldest binary: 0.1.0

ALTER TABLE users ADD COLUMN email_verified_at BIGINT;
ALTER TABLE users ADD COLUMN pending_email TEXT;
-- Those who are here already were let in without being asked.
UPDATE users SET email_verified_at = created_at;

CREATE TABLE account_links (
  jti TEXT NOT NULL PRIMARY KEY,
  user_id TEXT NOT NULL REFERENCES users (id),
  kind TEXT NOT NULL,
  proof TEXT NOT NULL,
  expires_at BIGINT NOT NULL
);
CREATE INDEX account_links_user_id ON account_links (user_id);
CREATE INDEX account_links_expires_at ON account_links (expires_at);

CREATE TABLE account_mails (
  id TEXT NOT NULL PRIMARY KEY,
  recipient TEXT NOT NULL,
  kind TEXT NOT NULL,
  sent_at BIGINT NOT NULL
);
CREATE INDEX account_mails_recipient_sent_at ON account_mails (recipient, sent_at);
CREATE INDEX account_mails_sent_at ON account_mails (sent_at);
