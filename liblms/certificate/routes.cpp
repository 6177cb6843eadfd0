#include "certificate/routes.hpp"

namespace lms {

void add_certificate_routes(Router& router, Certificates& certificates) {
  using enum http::Method;

  router.add(
      {.method = get,
       .path = "/certificates",
       .operation = "listCertificates",
       .tag = "certificates",
       .summary = "Find certificates, newest first",
       .description = "One's own; those of a course one teaches when `course_id` names it; all for admins.",
       .query = &CertificateFilter::schema(),
       .output_mode = Output::page,
       .output = &Certificate::schema(),
       .handler = [&](Call& call) { return ok(certificates.list(call.who(), call.query<CertificateFilter>())); }});

  router.add({.method = get,
              .path = "/certificates/{id}",
              .operation = "getCertificate",
              .tag = "certificates",
              .summary = "One certificate",
              .output = &Certificate::schema(),
              .handler = [&](Call& call) { return ok(certificates.get(call.who(), call.id<CertificateId>("id"))); }});

  router.add({.method = get,
              .path = "/certificates/verify/{code}",
              .operation = "verifyCertificate",
              .tag = "certificates",
              .summary = "Whether a certificate is good",
              .description = "For anybody who was shown the code.",
              .allow = Anyone{},
              .output = &CertificateVerification::schema(),
              .errors = {{ErrorCode::not_found, "certificate_not_found", "No certificate has this code."}},
              .ignores_token = true,
              .handler = [&](Call& call) { return ok(certificates.verify(call.path("code"))); }});

  router.add({.method = post,
              .path = "/certificates/{id}/revoke",
              .operation = "revokeCertificate",
              .tag = "certificates",
              .summary = "Declare a certificate no longer good",
              .description = "For admins and the owner of the course.",
              .weight = Weight::write,
              .input_mode = Input::create,
              .input = &CertificateRevocation::schema(),
              .output = &Certificate::schema(),
              .errors = {{ErrorCode::forbidden, "permission_denied", "The role may not change courses."},
                         {ErrorCode::forbidden, "not_owner", "The course belongs to somebody else."},
                         {ErrorCode::conflict, "certificate_revoked", "The certificate was revoked already."}},
              .handler = [&](Call& call) {
                return ok(
                    certificates.revoke(call.who(), call.id<CertificateId>("id"), call.body<CertificateRevocation>()));
              }});
}

}  // namespace lms
