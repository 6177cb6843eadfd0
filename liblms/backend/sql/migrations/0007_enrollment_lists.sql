-- oldest binary: 0.1.0

-- Lists of enrolments in just their order, so that nothing is left to sort.
DROP INDEX enrollments_course_id_enrolled_at;
CREATE INDEX enrollments_course_id_enrolled_at ON enrollments (course_id, enrolled_at DESC, id);
DROP INDEX enrollments_course_id_status_enrolled_at;
CREATE INDEX enrollments_course_id_status_enrolled_at ON enrollments (course_id, status, enrolled_at DESC, id);
DROP INDEX enrollments_student_id_enrolled_at;
CREATE INDEX enrollments_student_id_enrolled_at ON enrollments (student_id, enrolled_at DESC, id);

-- What never ends need not be found by when it ends: most enrolments, many attempts.
DROP INDEX enrollments_status_expires_at;
CREATE INDEX enrollments_status_expires_at ON enrollments (status, expires_at) WHERE expires_at IS NOT NULL;
DROP INDEX attempts_status_due_at;
CREATE INDEX attempts_status_due_at ON attempts (status, due_at) WHERE due_at IS NOT NULL;
