#include <array>
#include <chrono>
#include <cstdio>
#include <string>
#include <string_view>

#include <lms/backends/sqlite.hpp>

#include "commands.hpp"
#include "failure.hpp"
#include "setup.hpp"

namespace lms::server {

namespace {

using namespace std::chrono_literals;
using std::chrono::steady_clock;

/// The file that the school is kept in.
std::string database_file(const CommonOptions& common) {
  const DatabaseUrl url = parse_database_url(read_settings(common).settings.database_url);
  if (url.kind == DatabaseUrl::Kind::postgres)
    throw Failure(ExitCode::usage, "A PostgreSQL database is backed up with pg_dump and restored with pg_restore.");
  if (url.path.empty())
    throw Failure(ExitCode::usage,
                  "A school in memory has no file to copy; name a database, for example --database sqlite:///lms.db");
  return url.path;
}

void require_file(const CopyOptions& options) {
  if (options.file == "-")
    throw Failure(ExitCode::usage, "A backup is a file, no stream: it is verified before it takes its name.");
}

/// Tells how a copy gets on, once it takes long enough to wonder.
class CopyProgress {
 public:
  void operator()(std::string_view step, double done) {
    if (steady_clock::now() < next_) return;
    next_ = steady_clock::now() + 2s;
    say("  " + std::string(step) + ": " + std::to_string(static_cast<int>(100 * done)) + " %");
  }

 private:
  steady_clock::time_point next_ = steady_clock::now() + 2s;
};

std::string size_text(std::int64_t bytes) {
  constexpr std::array units{"KiB", "MiB", "GiB", "TiB"};
  double size = static_cast<double>(bytes) / 1024;
  std::size_t unit = 0;
  for (; size >= 1024 && unit + 1 < units.size(); ++unit) size /= 1024;
  std::array<char, 32> text{};
  const int length = std::snprintf(text.data(), text.size(), "%.1f %s", size, units[unit]);
  return {text.data(), static_cast<std::size_t>(length)};
}

std::string described(const SqliteCopy& copy) {
  std::int64_t records = 0;
  for (const SqliteCopy::Table& table : copy.tables) records += table.rows;
  return std::to_string(copy.tables.size()) + " tables, " + std::to_string(records) + " records, " +
         size_text(copy.bytes) + ", verified";
}

Failure failure_of(const Error& error) {
  const std::string& reason = error.reason();
  if (reason == "file_exists") return {ExitCode::cannot_create, std::string(error.what()) + " --force overwrites it."};
  if (reason == "file_in_use" || reason == "file_unwritable") return {ExitCode::cannot_create, error.what()};
  if (reason == "file_missing") return {ExitCode::no_input, error.what()};
  if (reason == "not_a_backup") return {ExitCode::bad_input, error.what()};
  return {ExitCode::unavailable, error.what()};
}

}  // namespace

void back_up(const CommonOptions& common, const CopyOptions& options) {
  require_file(options);
  const std::string database = database_file(common);
  require_database(database);
  try {
    const SqliteCopy copy = backup_sqlite(database, options.file, {options.force, CopyProgress()});
    std::printf("%s is backed up in %s: %s.\n", database.c_str(), options.file.c_str(), described(copy).c_str());
  } catch (const Error& error) {
    throw failure_of(error);
  }
}

void restore(const CommonOptions& common, const CopyOptions& options) {
  require_file(options);
  const std::string database = database_file(common);
  try {
    const SqliteCopy copy = restore_sqlite(options.file, database, {options.force, CopyProgress()});
    std::printf("%s is restored from %s: %s.\n", database.c_str(), options.file.c_str(), described(copy).c_str());
  } catch (const Error& error) {
    throw failure_of(error);
  }
}

}  // namespace lms::server
