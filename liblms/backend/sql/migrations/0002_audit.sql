-- oldest binary: 0.1.0

-- Who did what. Rows are only ever added; each holds the hash of the one before.
CREATE TABLE audit_log (
  position BIGINT NOT NULL PRIMARY KEY,
  time BIGINT NOT NULL,
  action TEXT NOT NULL,
  outcome TEXT NOT NULL,
  actor TEXT NOT NULL,
  subject TEXT NOT NULL,
  address TEXT NOT NULL,
  session TEXT,
  details TEXT,
  previous_hash TEXT NOT NULL,
  hash TEXT NOT NULL
);
CREATE INDEX audit_log_action_position ON audit_log (action, position);
CREATE INDEX audit_log_actor_position ON audit_log (actor, position);
CREATE INDEX audit_log_subject_position ON audit_log (subject, position);
CREATE INDEX audit_log_address_position ON audit_log (address, position);
CREATE INDEX audit_log_time ON audit_log (time);

-- Where it ends.
CREATE TABLE audit_head (
  id TEXT NOT NULL PRIMARY KEY,
  position BIGINT NOT NULL,
  hash TEXT NOT NULL
);
