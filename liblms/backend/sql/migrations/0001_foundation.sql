-- oldest binary: 0.1.0

CREATE TABLE search_tokens (
  kind TEXT NOT NULL,
  token TEXT NOT NULL,
  record TEXT NOT NULL,
  weight INTEGER NOT NULL,
  PRIMARY KEY (kind, token, record)
);
CREATE INDEX search_tokens_by_record ON search_tokens (kind, record);

CREATE TABLE users (
  id TEXT NOT NULL PRIMARY KEY,
  email TEXT NOT NULL,
  email_key TEXT NOT NULL UNIQUE,
  full_name TEXT NOT NULL,
  role TEXT NOT NULL,
  bio TEXT NOT NULL,
  language TEXT NOT NULL,
  timezone TEXT NOT NULL,
  is_active BOOLEAN NOT NULL,
  password_hash TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL
);
CREATE INDEX users_role_created_at ON users (role, created_at);
CREATE INDEX users_created_at ON users (created_at);

CREATE TABLE sessions (
  id TEXT NOT NULL PRIMARY KEY,
  user_id TEXT NOT NULL REFERENCES users (id),
  refresh_jti TEXT NOT NULL,
  device TEXT NOT NULL,
  address TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  last_seen_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  ended_at BIGINT
);
CREATE INDEX sessions_user_id_created_at ON sessions (user_id, created_at);
CREATE INDEX sessions_expires_at ON sessions (expires_at);

CREATE TABLE revoked_tokens (
  jti TEXT NOT NULL PRIMARY KEY,
  expires_at BIGINT NOT NULL
);
CREATE INDEX revoked_tokens_expires_at ON revoked_tokens (expires_at);

CREATE TABLE courses (
  id TEXT NOT NULL PRIMARY KEY,
  slug TEXT NOT NULL UNIQUE,
  title TEXT NOT NULL,
  summary TEXT NOT NULL,
  description TEXT NOT NULL,
  category TEXT NOT NULL,
  level TEXT NOT NULL,
  language TEXT NOT NULL,
  price_cents BIGINT NOT NULL,
  currency TEXT NOT NULL,
  tags TEXT NOT NULL,
  prerequisites TEXT NOT NULL,
  capacity BIGINT,
  instructor_id TEXT REFERENCES users (id),
  status TEXT NOT NULL,
  lesson_count BIGINT NOT NULL,
  enrolled_count BIGINT NOT NULL,
  version BIGINT NOT NULL,
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL,
  published_at BIGINT
);
CREATE INDEX courses_status_published_at ON courses (status, published_at DESC, id);
CREATE INDEX courses_instructor_id_created_at ON courses (instructor_id, created_at);

CREATE TABLE sections (
  id TEXT NOT NULL PRIMARY KEY,
  course_id TEXT NOT NULL REFERENCES courses (id),
  title TEXT NOT NULL,
  position BIGINT NOT NULL
);
CREATE INDEX sections_course_id_position ON sections (course_id, position, id);

CREATE TABLE lessons (
  id TEXT NOT NULL PRIMARY KEY,
  course_id TEXT NOT NULL REFERENCES courses (id),
  section_id TEXT REFERENCES sections (id),
  title TEXT NOT NULL,
  kind TEXT NOT NULL,
  content TEXT NOT NULL,
  url TEXT,
  duration_minutes BIGINT NOT NULL,
  preview BOOLEAN NOT NULL,
  position BIGINT NOT NULL,
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL
);
CREATE INDEX lessons_course_id_position ON lessons (course_id, position, id);
CREATE INDEX lessons_section_id ON lessons (section_id);

CREATE TABLE enrollments (
  id TEXT NOT NULL PRIMARY KEY,
  student_id TEXT NOT NULL REFERENCES users (id),
  course_id TEXT NOT NULL REFERENCES courses (id),
  status TEXT NOT NULL,
  completed_lessons BIGINT NOT NULL,
  enrolled_at BIGINT NOT NULL,
  completed_at BIGINT,
  expires_at BIGINT,
  last_activity_at BIGINT NOT NULL,
  UNIQUE (student_id, course_id)
);
CREATE INDEX enrollments_course_id_status_enrolled_at ON enrollments (course_id, status, enrolled_at);
CREATE INDEX enrollments_course_id_enrolled_at ON enrollments (course_id, enrolled_at);
CREATE INDEX enrollments_student_id_enrolled_at ON enrollments (student_id, enrolled_at);
CREATE INDEX enrollments_status_expires_at ON enrollments (status, expires_at);

CREATE TABLE lesson_progress (
  id TEXT NOT NULL PRIMARY KEY,
  enrollment_id TEXT NOT NULL REFERENCES enrollments (id),
  lesson_id TEXT NOT NULL REFERENCES lessons (id),
  progress_percent BIGINT NOT NULL,
  position_seconds BIGINT NOT NULL,
  time_spent_seconds BIGINT NOT NULL,
  completed BOOLEAN NOT NULL,
  updated_at BIGINT NOT NULL,
  completed_at BIGINT,
  UNIQUE (enrollment_id, lesson_id)
);
CREATE INDEX lesson_progress_lesson_id ON lesson_progress (lesson_id);

-- Work to be done later.
CREATE TABLE jobs (
  id TEXT NOT NULL PRIMARY KEY,
  kind TEXT NOT NULL,
  payload TEXT,
  status TEXT NOT NULL,
  priority BIGINT NOT NULL,
  run_at BIGINT NOT NULL,
  attempts BIGINT NOT NULL,
  max_attempts BIGINT NOT NULL,
  unique_key TEXT,
  active_key TEXT UNIQUE,
  worker TEXT,
  heartbeat_at BIGINT,
  error TEXT,
  result TEXT,
  created_at BIGINT NOT NULL,
  finished_at BIGINT
);
CREATE INDEX jobs_status_run_at ON jobs (status, run_at);

-- What happened. `position` is given after the commit, in the order of ids.
CREATE TABLE events (
  id TEXT NOT NULL PRIMARY KEY,
  type TEXT NOT NULL,
  timestamp BIGINT NOT NULL,
  actor TEXT,
  data TEXT,
  position BIGINT UNIQUE
);
CREATE TABLE event_head (
  id TEXT NOT NULL PRIMARY KEY,
  position BIGINT NOT NULL
);
CREATE TABLE quizzes (
  id TEXT NOT NULL PRIMARY KEY,
  course_id TEXT NOT NULL REFERENCES courses (id),
  lesson_id TEXT REFERENCES lessons (id),
  title TEXT NOT NULL,
  description TEXT NOT NULL,
  time_limit_minutes BIGINT NOT NULL,
  max_attempts BIGINT NOT NULL,
  pass_percent BIGINT NOT NULL,
  shuffle_questions BOOLEAN NOT NULL,
  shuffle_options BOOLEAN NOT NULL,
  available_from BIGINT,
  available_until BIGINT,
  reveal TEXT NOT NULL,
  question_count BIGINT NOT NULL,
  paper_id TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL,
  UNIQUE (lesson_id)
);
CREATE INDEX quizzes_course_id ON quizzes (course_id);

CREATE TABLE questions (
  id TEXT NOT NULL PRIMARY KEY,
  quiz_id TEXT NOT NULL REFERENCES quizzes (id),
  kind TEXT NOT NULL,
  text TEXT NOT NULL,
  points DOUBLE PRECISION NOT NULL,
  explanation TEXT NOT NULL,
  position BIGINT NOT NULL,
  options TEXT NOT NULL,
  accepted TEXT NOT NULL,
  answer TEXT,
  tolerance DOUBLE PRECISION NOT NULL
);
CREATE INDEX questions_quiz_id_position ON questions (quiz_id, position, id);

CREATE TABLE quiz_papers (
  id TEXT NOT NULL PRIMARY KEY,
  quiz_id TEXT NOT NULL REFERENCES quizzes (id),
  shuffle_questions BOOLEAN NOT NULL,
  shuffle_options BOOLEAN NOT NULL,
  questions TEXT NOT NULL
);
CREATE INDEX quiz_papers_quiz_id ON quiz_papers (quiz_id);

CREATE TABLE attempts (
  id TEXT NOT NULL PRIMARY KEY,
  quiz_id TEXT NOT NULL REFERENCES quizzes (id),
  student_id TEXT NOT NULL REFERENCES users (id),
  enrollment_id TEXT NOT NULL REFERENCES enrollments (id),
  paper_id TEXT NOT NULL,
  number BIGINT NOT NULL,
  status TEXT NOT NULL,
  started_at BIGINT NOT NULL,
  due_at BIGINT,
  submitted_at BIGINT,
  max_score DOUBLE PRECISION NOT NULL,
  score DOUBLE PRECISION,
  percent DOUBLE PRECISION,
  passed BOOLEAN,
  answers TEXT NOT NULL,
  scores TEXT NOT NULL,
  UNIQUE (student_id, quiz_id, number)
);
CREATE INDEX attempts_quiz_id_started_at ON attempts (quiz_id, started_at);
CREATE INDEX attempts_status_due_at ON attempts (status, due_at);

CREATE TABLE certificates (
  id TEXT NOT NULL PRIMARY KEY,
  number TEXT NOT NULL,
  code TEXT NOT NULL,
  student_id TEXT NOT NULL REFERENCES users (id),
  course_id TEXT NOT NULL REFERENCES courses (id),
  enrollment_id TEXT NOT NULL REFERENCES enrollments (id),
  student_name TEXT NOT NULL,
  course_title TEXT NOT NULL,
  issued_at BIGINT NOT NULL,
  revoked_at BIGINT,
  revoke_reason TEXT,
  UNIQUE (number),
  UNIQUE (code),
  UNIQUE (enrollment_id)
);
CREATE INDEX certificates_student_id_issued_at ON certificates (student_id, issued_at);
CREATE INDEX certificates_course_id_issued_at ON certificates (course_id, issued_at);
CREATE INDEX certificates_issued_at ON certificates (issued_at);

CREATE TABLE certificate_counts (
  year BIGINT NOT NULL PRIMARY KEY,
  issued BIGINT NOT NULL
);
