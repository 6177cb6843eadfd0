#include <cstdio>

#include "commands.hpp"
#include "failure.hpp"
#include "setup.hpp"

namespace lms::server {

namespace {

const char* state_of(const MigrationStatus::Step& step) {
  if (!step.applied) return "pending";
  if (!step.usable && step.known) return "applied as another build has it, this binary cannot run on it";
  if (!step.usable) return "applied, newer than this binary, which cannot run on it";
  return step.known ? "applied" : "applied, newer than this binary, which can still run on it";
}

void print(const MigrationStatus& status) {
  for (const auto& step : status.steps)
    std::printf("%04lld %-30s %s\n", static_cast<long long>(step.version), step.name.c_str(), state_of(step));
}

/// Fails as `serve` would.
void require_usable(const MigrationStatus& status) {
  for (const auto& step : status.steps)
    if (!step.usable)
      throw Failure(ExitCode::unavailable, std::string("The database was changed by ") +
                                               (step.known ? "another build" : "a newer release") + " (migration " +
                                               std::to_string(step.version) + ", " + step.name + "): run that " +
                                               (step.known ? "build." : "release."));
}

}  // namespace

void migrate(const CommonOptions& common, const MigrateOptions& options) {
  const Settings settings = read_settings(common).settings;
  if (options.status) require_database(settings);
  const Backends backends = open_backends(settings, Purpose::command);
  if (!options.status) backends.storage->migrate();
  const MigrationStatus status = backends.storage->migration_status();
  print(status);
  require_usable(status);
}

}  // namespace lms::server
