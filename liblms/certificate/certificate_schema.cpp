#include <lms/certificate.hpp>

#include "certificate/certificate_count.hpp"

namespace lms {

const Schema& Certificate::schema() {
  static const Schema schema =
      define<Certificate>("Certificate", "Says that a student completed a course.")
          .table("certificates")
          .key("id", &Certificate::id)
          .field("number", &Certificate::number,
                 {.doc = "Counted within the year.", .access = Access::read_only, .example = "2026-000001"})
          .field("code", &Certificate::code,
                 {.doc = "What strangers verify it by, at `/certificates/verify/{code}`.", .access = Access::read_only})
          .field("student_id", &Certificate::student_id, {.access = Access::read_only, .references = "users"})
          .field("course_id", &Certificate::course_id, {.access = Access::read_only, .references = "courses"})
          .field("enrollment_id", &Certificate::enrollment_id,
                 {.access = Access::read_only, .references = "enrollments"})
          .field("student_name", &Certificate::student_name,
                 {.doc = "As it was when issued.", .access = Access::read_only})
          .field("course_title", &Certificate::course_title,
                 {.doc = "As it was when issued.", .access = Access::read_only})
          .field("issued_at", &Certificate::issued_at, {.access = Access::read_only})
          .field("revoked_at", &Certificate::revoked_at, {.access = Access::read_only})
          .field("revoke_reason", &Certificate::revoke_reason, {.access = Access::read_only})
          .unique({"number"})
          .unique({"code"})
          .unique({"enrollment_id"})
          .index({"student_id", "issued_at"})
          .index({"course_id", "issued_at"})
          .index({"issued_at"});
  return schema;
}

const Schema& CertificateCount::schema() {
  static const Schema schema = define<CertificateCount>("CertificateCount", "How many certificates a year has.")
                                   .table("certificate_counts")
                                   .key("year", &CertificateCount::year)
                                   .field("issued", &CertificateCount::issued);
  return schema;
}

const Schema& CertificateFilter::schema() {
  static const Schema schema = define<CertificateFilter>("CertificateFilter", "Which certificates.")
                                   .flatten(&CertificateFilter::page)
                                   .field("course_id", &CertificateFilter::course_id, {.doc = "Of this course."})
                                   .field("student_id", &CertificateFilter::student_id, {.doc = "Of this student."});
  return schema;
}

const Schema& CertificateRevocation::schema() {
  static const Schema schema =
      define<CertificateRevocation>("CertificateRevocation", "Why a certificate is no longer good.")
          .field("reason", &CertificateRevocation::reason,
                 {.doc = "For the student and the school; strangers are not told.",
                  .required = true,
                  .min_length = 1,
                  .max_length = 1'000,
                  .example = "Issued in error."});
  return schema;
}

const Schema& CertificateVerification::schema() {
  static const Schema schema =
      define<CertificateVerification>("CertificateVerification", "What a certificate is worth.")
          .field("valid", &CertificateVerification::valid, {.doc = "False once it was revoked.", .example = true})
          .field("number", &CertificateVerification::number, {.example = "2026-000001"})
          .field("student_name", &CertificateVerification::student_name, {.example = "Amina Okafor"})
          .field("course_title", &CertificateVerification::course_title, {.example = "SQL from zero"})
          .field("issued_at", &CertificateVerification::issued_at)
          .field("revoked_at", &CertificateVerification::revoked_at);
  return schema;
}

const Schema& CertificateEvent::schema() {
  static const Schema schema =
      define<CertificateEvent>("CertificateEvent", "The certificate an event is about.")
          .field("certificate_id", &CertificateEvent::certificate_id)
          .field("number", &CertificateEvent::number)
          .field("student_id", &CertificateEvent::student_id)
          .field("student_email", &CertificateEvent::student_email, {.format = Format::email, .personal = true})
          .field("student_name", &CertificateEvent::student_name, {.personal = true})
          .field("course_id", &CertificateEvent::course_id)
          .field("course_title", &CertificateEvent::course_title)
          .field("issued_at", &CertificateEvent::issued_at)
          .field("verification_url", &CertificateEvent::verification_url, {.doc = "Where anybody can verify it."})
          .field("revoked_at", &CertificateEvent::revoked_at)
          .field("revoke_reason", &CertificateEvent::revoke_reason, {.personal = true});
  return schema;
}

namespace events {
const EventType certificate_issued{"certificate.issued", "A student got a certificate for a completed course.",
                                   &CertificateEvent::schema};
const EventType certificate_revoked{"certificate.revoked", "A certificate was declared no longer good.",
                                    &CertificateEvent::schema};
}  // namespace events

namespace audited {
const AuditAction certificate_revoked{"certificate.revoked", "A certificate was declared no longer good."};
}  // namespace audited

}  // namespace lms
