#pragma once

#include <optional>
#include <string>
#include <string_view>

#include <lms/audit.hpp>
#include <lms/course.hpp>
#include <lms/enrollment.hpp>
#include <lms/event.hpp>
#include <lms/export.hpp>
#include <lms/page.hpp>
#include <lms/principal.hpp>
#include <lms/schema.hpp>
#include <lms/spi/clock.hpp>
#include <lms/spi/random.hpp>
#include <lms/spi/storage.hpp>

namespace lms {

/// Says that a student completed a course, with the names both had then.
struct LMS_API Certificate {
  CertificateId id;
  std::string number;  ///< `2026-000001`: counted within the year, unbroken
  std::string code;    ///< what strangers verify it by; cannot be guessed
  UserId student_id;
  CourseId course_id;
  EnrollmentId enrollment_id;
  std::string student_name;
  std::string course_title;
  Time issued_at;
  std::optional<Time> revoked_at;
  std::optional<std::string> revoke_reason;

  static const Schema& schema();
};

struct LMS_API CertificateFilter {
  PageRequest page;
  std::optional<CourseId> course_id = {};
  std::optional<UserId> student_id = {};

  static const Schema& schema();
};

struct LMS_API CertificateRevocation {
  std::string reason;

  static const Schema& schema();
};

/// What a stranger who holds the code is told.
struct LMS_API CertificateVerification {
  bool valid = false;
  std::string number;
  std::string student_name;
  std::string course_title;
  Time issued_at;
  std::optional<Time> revoked_at;

  static const Schema& schema();
};

/// The data of `certificate.…` events.
struct LMS_API CertificateEvent {
  CertificateId certificate_id;
  std::string number;
  UserId student_id;
  std::string student_email;
  std::string student_name;
  CourseId course_id;
  std::string course_title;
  Time issued_at;
  std::string verification_url;
  std::optional<Time> revoked_at;
  std::optional<std::string> revoke_reason;

  static const Schema& schema();
};

namespace events {
extern LMS_API const EventType certificate_issued, certificate_revoked;
}

namespace audited {
extern LMS_API const AuditAction certificate_revoked;
}

/// Certificates of completed courses. Thread-safe; each call is one transaction: if it throws, nothing changed. A
/// revocation is audited.
class LMS_API Certificates {
 public:
  /// From now on, completed courses are certified. `api_url` is where the API begins: `https://school.example/api/v1`.
  Certificates(Storage& storage, Clock& clock, Random& random, Events& events, Audit& audit, Enrollments& enrollments,
               std::string api_url);

  /// Certifies a completed enrolment, in the transaction that completes it; returns the URL to verify it at. A
  /// certificate that was issued before stays as it is. Emits `certificate.issued`.
  std::string issue(UnitOfWork& uow, const Enrollment& enrollment, const Course& course);

  /// Newest first. Students see their own; instructors also those of their courses, when they name the course; admins
  /// all.
  Page<Certificate> list(const Principal& who, const CertificateFilter& filter);
  /// @throws Error not_found unless it is `who`'s own, or of a course of theirs, or they are an admin.
  Certificate get(const Principal& who, CertificateId id);
  /// For anybody who holds the code, revoked ones included. @throws Error not_found
  CertificateVerification verify(std::string_view code);
  /// Emits `certificate.revoked`.
  /// @throws Error invalid; not_found as get; forbidden unless `who` owns the course or is an admin; conflict
  /// `certificate_revoked`.
  Certificate revoke(const Principal& who, CertificateId id, const CertificateRevocation& revocation);

  std::string verification_url(const Certificate& certificate) const;

  /// Takes the name off the next certificates of a student after that place and revokes them, for their erasure;
  /// returns the place to go on from, "" at the end. Emits `certificate.revoked` for those that were good.
  std::string erase_holder(UnitOfWork& uow, UserId student, const std::string& after);

 private:
  std::string next_number(UnitOfWork& uow, Time now) const;
  void announce(UnitOfWork& uow, const Principal& who, const EventType& type, const Certificate& certificate);

  Storage& storage_;
  Clock& clock_;
  Random& random_;
  Events& events_;
  Audit& audit_;
  std::string api_url_;
};

}  // namespace lms
