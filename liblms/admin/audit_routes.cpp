#include "admin/audit_routes.hpp"

namespace lms {

namespace {

std::string list_of(const std::vector<const AuditAction*>& actions) {
  std::string list;
  for (const AuditAction* action : actions)
    list += "\n- `" + std::string(action->name) + "`: " + std::string(action->meaning);
  return list;
}

}  // namespace

void add_audit_routes(Router& router, Audit& audit) {
  using enum http::Method;
  const RouteError admin_required{ErrorCode::forbidden, "admin_required", "Only an admin may do this."};

  router.add({.method = get,
              .path = "/admin/audit",
              .operation = "listAudit",
              .tag = "admin",
              .summary = "Who did what, newest first",
              .description = "The audit log. What is recorded:\n" + list_of(audit.actions()),
              .query = &AuditFilter::schema(),
              .output_mode = Output::page,
              .output = &AuditEntry::schema(),
              .errors = {admin_required},
              .handler = [&](Call& call) { return ok(audit.list(call.who(), call.query<AuditFilter>())); }});

  router.add({.method = get,
              .path = "/admin/audit/verify",
              .operation = "verifyAudit",
              .tag = "admin",
              .summary = "Check every row of the audit log",
              .description = "Whether each row is as it was written, and follows the one before. To find out whether "
                             "somebody has written the whole log anew, keep the `position` and `hash` of an answer "
                             "elsewhere, and `expect` them later.",
              .weight = Weight::wait,
              .query = &AuditCheck::schema(),
              .output = &AuditReport::schema(),
              .errors = {admin_required},
              .handler = [&](Call& call) { return ok(audit.verify(call.who(), call.query<AuditCheck>())); }});
}

}  // namespace lms
