#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <lms/spi/storage.hpp>

#include "backend/sql/connection.hpp"
#include "base/embedded.hpp"

/// Forward-only migrations. A file is named `0001_what_it_does.sql`; its first line, `-- oldest binary: 1.2.3`, names
/// the oldest release that still runs on the structure it leaves. Once released it is never changed.
namespace lms::sql {

struct Migration {
  std::int64_t version;
  std::string name;
  std::string_view script;
  std::int64_t oldest_binary;
  std::string checksum;
};

/// `1.2.3` → 1002003. @throws Error internal for another form.
std::int64_t version_number(std::string_view version);
/// That of this library.
std::int64_t own_version();

/// In the order of their versions.
std::vector<Migration> read_migrations(std::span<const EmbeddedFile> files);
/// Those of this library.
const std::vector<Migration>& own_migrations();

/// Applies what is missing, each in a transaction of its own. What a newer release has applied stays, if it allows us.
/// @throws Error internal: `schema_too_new` if it does not, `migration_changed` if an applied one differs from ours.
void migrate(Connection& connection, std::span<const Migration> migrations, std::int64_t binary);

/// Ours, and those that a newer release has applied, with whether `binary` can run on them. Reads only.
MigrationStatus migration_status(Connection& connection, std::span<const Migration> migrations, std::int64_t binary);

}  // namespace lms::sql
