#include <cstdio>

#include "commands.hpp"
#include "setup.hpp"

namespace lms::server {

namespace {

void print(const MigrationStatus& status) {
  for (const auto& step : status.steps)
    std::printf("%04lld %-30s %s\n", static_cast<long long>(step.version), step.name.c_str(),
                step.applied ? "applied" : "pending");
}

}  // namespace

void migrate(const CommonOptions& common, const MigrateOptions& options) {
  const Settings settings = read_settings(common).settings;
  if (options.status) require_database(settings);
  const Backends backends = open_backends(settings, Purpose::command);
  if (!options.status) backends.storage->migrate();
  print(backends.storage->migration_status());
}

}  // namespace lms::server
