#include "backend/sql/migration.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <map>

#include <lms/error.hpp>

namespace lms::sql::migrations {
std::span<const EmbeddedFile> files();
}

namespace lms::sql {

namespace {

constexpr std::string_view oldest_binary_label = "-- oldest binary: ";

struct Applied {
  std::string name;
  std::string checksum;
  std::int64_t oldest_binary;
};

/// FNV-1a: it is to notice an edit, not an attack.
std::string checksum(std::string_view script) {
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const char c : script) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  std::array<char, 16> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), hash, 16).ptr;
  return {digits.data(), end};
}

Migration read_migration(const EmbeddedFile& file) {
  Migration migration{0, "", file.bytes, 0, checksum(file.bytes)};
  const char* const end = file.name.data() + file.name.size();
  const auto [rest, error] = std::from_chars(file.name.data(), end, migration.version);
  const std::string_view name(rest, static_cast<std::size_t>(end - rest));
  if (error != std::errc() || !name.starts_with('_') || !name.ends_with(".sql") ||
      !file.bytes.starts_with(oldest_binary_label))
    throw internal("the migration " + std::string(file.name) + " is malformed");
  migration.name = name.substr(1, name.size() - 5);
  const std::string_view line = file.bytes.substr(0, file.bytes.find('\n'));
  migration.oldest_binary = version_number(line.substr(oldest_binary_label.size()));
  return migration;
}

std::map<std::int64_t, Applied> applied_migrations(Connection& connection) {
  std::map<std::int64_t, Applied> applied;
  if (!connection.has_table("schema_migrations")) return applied;
  const auto select = connection.prepare("SELECT version, name, checksum, oldest_binary FROM schema_migrations");
  Execution execution(*select);
  while (execution.step())
    applied.emplace(select->integer(0), Applied{select->text(1), select->text(2), select->integer(3)});
  return applied;
}

void check(const std::map<std::int64_t, Applied>& applied, std::span<const Migration> migrations, std::int64_t binary) {
  for (const auto& [version, migration] : applied)
    if (migration.oldest_binary > binary)
      throw Error(ErrorCode::internal, "schema_too_new",
                  "The database was changed by a newer release (migration " + std::to_string(version) + ", " +
                      migration.name + "): run that release.");
  for (const Migration& migration : migrations) {
    const auto found = applied.find(migration.version);
    if (found != applied.end() && found->second.checksum != migration.checksum)
      throw Error(ErrorCode::internal, "migration_changed",
                  "Migration " + std::to_string(migration.version) + ", " + migration.name +
                      ", is not the one that this database was made with, by a build between releases: "
                      "run that one, or make the database anew.");
  }
}

void apply(Connection& connection, const Migration& migration) {
  connection.execute(std::string(migration.script));
  const auto insert = connection.prepare(
      "INSERT INTO schema_migrations (version, name, checksum, oldest_binary, applied_at) VALUES (?, ?, ?, ?, " +
      connection.dialect().now() + ")");
  const Parameter parameters[] = {migration.version, &migration.name, &migration.checksum, migration.oldest_binary};
  Execution(*insert, parameters).finish();
}

/// Within a transaction; false if nothing is missing.
bool apply_next(Connection& connection, std::span<const Migration> migrations, std::int64_t binary) {
  const auto applied = applied_migrations(connection);
  check(applied, migrations, binary);
  const auto next = std::find_if(migrations.begin(), migrations.end(),
                                 [&](const Migration& migration) { return !applied.contains(migration.version); });
  if (next == migrations.end()) return false;
  if (applied.empty())
    connection.execute(
        "CREATE TABLE IF NOT EXISTS schema_migrations (version BIGINT NOT NULL PRIMARY KEY, name TEXT NOT NULL, "
        "checksum TEXT NOT NULL, oldest_binary BIGINT NOT NULL, applied_at BIGINT NOT NULL)");
  apply(connection, *next);
  return true;
}

}  // namespace

std::int64_t version_number(std::string_view version) {
  std::int64_t number = 0;
  const char* at = version.data();
  const char* const end = at + version.size();
  for (int part = 0; part < 3; ++part) {
    std::int64_t value = 0;
    const auto [rest, error] = std::from_chars(at, end, value);
    const bool last = part == 2;
    if (error != std::errc() || value < 0 || value > 999 || (rest == end) != last || (!last && *rest != '.'))
      throw internal("a version is malformed: " + std::string(version));
    number = number * 1000 + value;
    at = last ? rest : rest + 1;
  }
  return number;
}

std::int64_t own_version() {
  return version_number(LMS_VERSION);
}

std::vector<Migration> read_migrations(std::span<const EmbeddedFile> files) {
  std::vector<Migration> read;
  for (const EmbeddedFile& file : files) read.push_back(read_migration(file));
  std::sort(read.begin(), read.end(), [](const Migration& a, const Migration& b) { return a.version < b.version; });
  return read;
}

const std::vector<Migration>& own_migrations() {
  static const std::vector<Migration> own = read_migrations(migrations::files());
  return own;
}

void migrate(Connection& connection, std::span<const Migration> migrations, std::int64_t binary) {
  bool more = true;
  while (more) {
    connection.execute(connection.dialect().begin_migration());
    try {
      more = apply_next(connection, migrations, binary);
      connection.execute("COMMIT");
    } catch (...) {
      connection.rollback();
      throw;
    }
  }
}

MigrationStatus migration_status(Connection& connection, std::span<const Migration> migrations, std::int64_t binary) {
  std::map<std::int64_t, MigrationStatus::Step> steps;
  for (const Migration& migration : migrations)
    steps.emplace(migration.version, MigrationStatus::Step{migration.version, migration.name, false});
  for (const auto& [version, migration] : applied_migrations(connection)) {
    const MigrationStatus::Step alien{.version = version, .name = migration.name, .applied = true, .known = false};
    MigrationStatus::Step& step = steps.try_emplace(version, alien).first->second;
    step.applied = true;
    const auto own = std::find_if(migrations.begin(), migrations.end(),
                                  [v = version](const Migration& each) { return each.version == v; });
    const bool differs = own != migrations.end() && own->checksum != migration.checksum;
    step.usable = migration.oldest_binary <= binary && !differs;
  }
  MigrationStatus status;
  for (auto& [version, step] : steps) status.steps.push_back(std::move(step));
  return status;
}

}  // namespace lms::sql
