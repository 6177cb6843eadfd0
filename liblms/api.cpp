#include "api.hpp"

#include <lms/lms.hpp>

#include "admin/audit_routes.hpp"
#include "admin/cache_routes.hpp"
#include "admin/mail_routes.hpp"
#include "admin/rate_limit_routes.hpp"
#include "admin/routes.hpp"
#include "audit/audit_head.hpp"
#include "auth/access_token_routes.hpp"
#include "auth/account_records.hpp"
#include "auth/accounts_routes.hpp"
#include "auth/blacklist.hpp"
#include "auth/key_routes.hpp"
#include "auth/login_failures.hpp"
#include "auth/mfa_routes.hpp"
#include "auth/personal_data_routes.hpp"
#include "auth/routes.hpp"
#include "auth/second_factor.hpp"
#include "certificate/certificate_count.hpp"
#include "certificate/personal_data.hpp"
#include "certificate/routes.hpp"
#include "course/personal_data.hpp"
#include "course/routes.hpp"
#include "enrollment/personal_data.hpp"
#include "enrollment/routes.hpp"
#include "event/event_head.hpp"
#include "http/idempotency.hpp"
#include "package/routes.hpp"
#include "quiz/paper.hpp"
#include "quiz/personal_data.hpp"
#include "quiz/routes.hpp"
#include "user/routes.hpp"

namespace lms {

void add_routes(Router& router, Lms& school) {
  router.describe_tag("auth", "Who somebody is: registration, login, second factor, sessions.");
  router.describe_tag("users", "The school's people and their roles.");
  router.describe_tag("personal-data", "Everything held about a person: handing it out, and erasing it.");
  router.describe_tag("courses", "Courses, from draft to archive, with their sections.");
  router.describe_tag("lessons", "What courses are made of.");
  router.describe_tag("enrollments", "Students in courses, and how far they are.");
  router.describe_tag("quizzes", "Quizzes and their questions, for those who teach.");
  router.describe_tag("attempts", "A student's tries at a quiz.");
  router.describe_tag("certificates", "Proof that a course was completed, open to verification by anybody.");
  router.describe_tag("events", "What happened in the school, in order.");
  router.describe_tag("admin", "What those who run the school look after.");
  add_account_routes(router, school.accounts(), school.auth());
  add_auth_routes(router, school.auth());
  add_mfa_routes(router, school.mfa(), school.auth());
  add_access_token_routes(router, school.access_tokens());
  add_key_routes(router, school.auth().tokens());
  add_user_routes(router, school.users(), school.user_imports());
  add_personal_data_routes(router, school.personal_data());
  add_course_routes(router, school.courses(), school.settings());
  add_package_routes(router, school.packages());
  add_enrollment_routes(router, school.enrollments(), school.settings());
  add_quiz_routes(router, school.quizzes());
  add_certificate_routes(router, school.certificates());
  add_admin_routes(router, school.jobs(), school.events());
  add_audit_routes(router, school.audit());
  add_mail_routes(router, school.mails(), school.users());
  add_rate_limit_routes(router, school.rate_limits());
  add_cache_routes(router, school.kept_answers());
}

void add_personal_data(PersonalData& data, Lms& school) {
  add_personal_courses(data);
  add_personal_enrollments(data);
  add_personal_attempts(data);
  add_personal_certificates(data, school.certificates());
}

std::vector<const EventType*> event_types() {
  using namespace events;
  return {
      &user_registered,        &user_updated,       &user_role_changed,    &user_deactivated,     &user_reactivated,
      &user_deleted,           &user_erased,        &user_logged_in,       &user_logged_out,      &user_session_ended,
      &user_password_changed,  &user_locked,        &user_unlocked,        &user_email_verified,  &user_email_changed,
      &user_mfa_enabled,       &user_mfa_disabled,  &access_token_created, &access_token_revoked, &course_created,
      &course_updated,         &course_published,   &course_unpublished,   &course_archived,      &course_deleted,
      &enrollment_created,     &enrollment_updated, &enrollment_completed, &enrollment_dropped,   &enrollment_expired,
      &lesson_completed,       &quiz_created,       &quiz_updated,         &quiz_deleted,         &quiz_attempt_started,
      &quiz_attempt_submitted, &certificate_issued, &certificate_revoked};
}

std::vector<const AuditAction*> audit_actions() {
  using namespace audited;
  return {&user_created,
          &user_updated,
          &user_role_changed,
          &user_deactivated,
          &user_reactivated,
          &user_deleted,
          &user_imported,
          &user_exported,
          &user_erased,
          &signed_in,
          &password_refused,
          &token_reused,
          &signed_out_everywhere,
          &sessions_ended,
          &password_changed,
          &sign_in_locked,
          &sign_in_unlocked,
          &password_reset,
          &email_change_requested,
          &email_change_cancelled,
          &email_changed,
          &email_corrected,
          &invitation_sent,
          &mfa_enabled,
          &mfa_disabled,
          &mfa_removed,
          &recovery_codes_renewed,
          &code_refused,
          &access_token_created,
          &access_token_revoked,
          &course_owner_changed,
          &course_archived,
          &course_deleted,
          &lesson_deleted,
          &enrollment_granted,
          &enrollment_updated,
          &enrollment_dropped,
          &quiz_pass_mark_changed,
          &quiz_deleted,
          &certificate_revoked,
          &job_retried,
          &job_cancelled};
}

std::vector<const Schema*> stored_schemas() {
  return {&User::schema(),          &Session::schema(),      &RevokedToken::schema(),
          &LoginFailures::schema(), &AccountLink::schema(),  &AccountMail::schema(),
          &SecondFactor::schema(),  &RecoveryCode::schema(), &SignInChallenge::schema(),
          &AccessToken::schema(),   &Course::schema(),       &Section::schema(),
          &Lesson::schema(),        &Enrollment::schema(),   &LessonProgress::schema(),
          &Quiz::schema(),          &Question::schema(),     &QuizPaper::schema(),
          &Attempt::schema(),       &Certificate::schema(),  &CertificateCount::schema(),
          &Event::schema(),         &EventHead::schema(),    &Job::schema(),
          &AuditEntry::schema(),    &AuditHead::schema(),    &IdempotentAnswer::schema()};
}

}  // namespace lms
