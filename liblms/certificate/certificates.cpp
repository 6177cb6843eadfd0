#include <lms/certificate.hpp>

#include <cstdio>
#include <utility>

#include <lms/repository.hpp>
#include <lms/user.hpp>

#include "certificate/certificate_count.hpp"

namespace lms {

namespace {

constexpr std::size_t code_bytes = 16;

std::int64_t year_of(Time time) {
  const std::chrono::year_month_day date(std::chrono::floor<std::chrono::days>(time));
  return static_cast<int>(date.year());
}

bool may_see(const Principal& who, const Certificate& certificate, const Course& course) {
  return who.is_admin() || who.is(certificate.student_id) || owns_course(who, course);
}

Error unknown_certificate() {
  return not_found("certificate_not_found", "Certificate not found.");
}

}  // namespace

Certificates::Certificates(Storage& storage, Clock& clock, Random& random, Events& events, Audit& audit,
                           Enrollments& enrollments, std::string api_url)
    : storage_(storage), clock_(clock), random_(random), events_(events), audit_(audit), api_url_(std::move(api_url)) {
  enrollments.on_completion([this](UnitOfWork& uow, const Enrollment& enrollment, const Course& course) {
    return issue(uow, enrollment, course);
  });
}

std::string Certificates::verification_url(const Certificate& certificate) const {
  return api_url_ + "/certificates/verify/" + certificate.code;
}

std::string Certificates::next_number(UnitOfWork& uow, Time now) const {
  Repository<CertificateCount> counts(uow);
  const std::int64_t year = year_of(now);
  const auto increment = [&] { return counts.update_where(equal("year", year), {add("issued", 1)}); };
  auto counted = increment();
  if (counted.empty()) {
    counts.insert_if_absent({.year = year, .issued = 0});
    counted = increment();
  }
  char number[64];
  std::snprintf(number, sizeof number, "%04lld-%06lld", static_cast<long long>(year),
                static_cast<long long>(counted.at(0).issued));
  return number;
}

std::string Certificates::issue(UnitOfWork& uow, const Enrollment& enrollment, const Course& course) {
  Repository<Certificate> certificates(uow);
  if (const auto issued = certificates.first(equal("enrollment_id", enrollment.id))) return verification_url(*issued);

  const Time now = clock_.now();
  Certificate certificate;
  certificate.id = CertificateId(random_.uuid(now));
  certificate.number = next_number(uow, now);
  certificate.code = random_.token(code_bytes);
  certificate.student_id = enrollment.student_id;
  certificate.course_id = course.id;
  certificate.enrollment_id = enrollment.id;
  certificate.student_name = Repository<User>(uow).get(enrollment.student_id).full_name;
  certificate.course_title = course.title;
  certificate.issued_at = now;
  certificates.insert(certificate);
  announce(uow, Principal::system(), events::certificate_issued, certificate);
  return verification_url(certificate);
}

void Certificates::announce(UnitOfWork& uow, const Principal& who, const EventType& type,
                            const Certificate& certificate) {
  events_.emit(uow, type, who,
               CertificateEvent{.certificate_id = certificate.id,
                                .number = certificate.number,
                                .student_id = certificate.student_id,
                                .student_email = Repository<User>(uow).get(certificate.student_id).email,
                                .student_name = certificate.student_name,
                                .course_id = certificate.course_id,
                                .course_title = certificate.course_title,
                                .issued_at = certificate.issued_at,
                                .verification_url = verification_url(certificate),
                                .revoked_at = certificate.revoked_at,
                                .revoke_reason = certificate.revoke_reason});
}

std::string Certificates::erase_holder(UnitOfWork& uow, UserId student, const std::string& after) {
  constexpr std::size_t at_once = 50;
  constexpr std::string_view reason = "Its holder was erased.";
  Condition where = equal("student_id", student);
  if (!after.empty()) where = all_of({std::move(where), greater("id", after)});
  Repository<Certificate> certificates(uow);
  auto found = certificates.select({.where = std::move(where), .limit = at_once});
  for (Certificate& certificate : found) {
    if (certificate.student_name == User::erased_name && certificate.revoke_reason == reason) continue;
    const bool was_good = !certificate.revoked_at;
    certificate.student_name = User::erased_name;
    certificate.revoke_reason = reason;
    if (was_good) certificate.revoked_at = clock_.now();
    certificates.update(certificate);
    if (was_good) announce(uow, Principal::system(), events::certificate_revoked, certificate);
  }
  return found.size() == at_once ? found.back().id.text() : std::string();
}

Page<Certificate> Certificates::list(const Principal& who, const CertificateFilter& filter) {
  require_user(who);
  return storage_.read([&](UnitOfWork& uow) {
    std::vector<Condition> conditions;
    const auto course = filter.course_id ? Repository<Course>(uow).find(*filter.course_id) : std::nullopt;
    const bool sees_all = who.is_admin() || (course && owns_course(who, *course));
    if (!sees_all) conditions.push_back(equal("student_id", who.user()));
    if (filter.course_id) conditions.push_back(equal("course_id", *filter.course_id));
    if (filter.student_id) conditions.push_back(equal("student_id", *filter.student_id));
    return select_page<Certificate>(uow, all_of(std::move(conditions)), {descending("issued_at")}, filter.page);
  });
}

Certificate Certificates::get(const Principal& who, CertificateId id) {
  require_user(who);
  return storage_.read([&](UnitOfWork& uow) {
    Certificate certificate = Repository<Certificate>(uow).get(id);
    if (!may_see(who, certificate, Repository<Course>(uow).get(certificate.course_id))) throw unknown_certificate();
    return certificate;
  });
}

CertificateVerification Certificates::verify(std::string_view code) {
  return storage_.read([&](UnitOfWork& uow) {
    const auto certificate = Repository<Certificate>(uow).first(equal("code", code));
    if (!certificate) throw unknown_certificate();
    return CertificateVerification{.valid = !certificate->revoked_at,
                                   .number = certificate->number,
                                   .student_name = certificate->student_name,
                                   .course_title = certificate->course_title,
                                   .issued_at = certificate->issued_at,
                                   .revoked_at = certificate->revoked_at};
  });
}

Certificate Certificates::revoke(const Principal& who, CertificateId id, const CertificateRevocation& given) {
  require_user(who);
  const CertificateRevocation revocation = validated(given);
  return storage_.write([&](UnitOfWork& uow) {
    Repository<Certificate> certificates(uow);
    Certificate certificate = certificates.get(id);
    const Course course = Repository<Course>(uow).get(certificate.course_id);
    if (!may_see(who, certificate, course)) throw unknown_certificate();
    require_course_owner(who, course);
    if (certificate.revoked_at) throw conflict("certificate_revoked", "The certificate was revoked already.");
    certificate.revoked_at = clock_.now();
    certificate.revoke_reason = revocation.reason;
    certificates.update(certificate);
    announce(uow, who, events::certificate_revoked, certificate);
    audit_.record(uow, who, audited::certificate_revoked, id,
                  {{"number", certificate.number},
                   {"student_id", certificate.student_id.text()},
                   {"course_id", certificate.course_id.text()}});
    return certificate;
  });
}

}  // namespace lms
