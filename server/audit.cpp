#include <cstdint>
#include <cstdio>
#include <limits>
#include <memory>
#include <optional>
#include <string>

#include "commands.hpp"
#include "failure.hpp"
#include "setup.hpp"

namespace lms::server {

namespace {

std::unique_ptr<Lms> open_existing_school(const CommonOptions& common) {
  const Settings settings = read_settings(common).settings;
  require_database(settings);
  return open_school(settings);
}

std::optional<Time> time_of(const std::optional<std::string>& text, const char* option) {
  if (!text) return std::nullopt;
  const auto time = parse_iso8601(*text);
  if (!time)
    throw Failure(ExitCode::usage,
                  std::string(option) + " must be a time such as 2026-11-21T08:30:00Z, not \"" + *text + "\"");
  return time;
}

}  // namespace

void verify_audit(const CommonOptions& common, const AuditVerifyOptions& options) {
  if (options.expect && !AuditPoint::parse(*options.expect))
    throw Failure(ExitCode::usage, "--expect must be a position and a hash as this command prints them, 17:3f0c…");
  const auto school = open_existing_school(common);
  const AuditReport report = school->audit().verify(Principal::system(), {options.expect});
  if (!report.intact)
    throw Failure(ExitCode::failure, "The audit log is broken: " + report.first_break->message + ". Before that, " +
                                         std::to_string(report.rows) + " rows are as they were written.");
  std::printf("%s\n", report.head().text().c_str());
  say("All " + std::to_string(report.rows) + " rows of the audit log are as they were written.");
}

void list_audit(const CommonOptions& common, const AuditListOptions& options) {
  AuditFilter filter;
  filter.action = options.action;
  filter.actor = options.actor;
  filter.subject = options.subject;
  filter.address = options.address;
  filter.since = time_of(options.since, "--since");
  filter.until = time_of(options.until, "--until");
  if (options.refused) filter.outcome = AuditOutcome::refused;
  const auto school = open_existing_school(common);
  std::int64_t left = options.limit.value_or(std::numeric_limits<std::int64_t>::max());
  school->audit().visit(Principal::system(), filter, [&](const AuditEntry& entry) {
    std::printf("%s\n", to_json(to_wire(entry)).c_str());
    return --left > 0;
  });
}

}  // namespace lms::server
