#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <optional>
#include <string>
#include <system_error>
#include <utility>

#include <sqlite3.h>

#include <SQLiteCpp/Backup.h>
#include <SQLiteCpp/SQLiteCpp.h>

#include <lms/backends/sqlite.hpp>
#include <lms/error.hpp>

#include "backend/sql/migration.hpp"
#include "backend/sqlite/table_digest.hpp"

namespace lms::sqlite {

namespace {

namespace fs = std::filesystem;

constexpr int pages_at_once = 1024;
constexpr int busy_timeout_ms = 5'000;

// --- files ---

class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  ~Descriptor() {
    if (number_ >= 0) close(number_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;

  int number() const noexcept { return number_; }

 private:
  int number_;
};

[[noreturn]] void unwritable(const std::string& file, int error) {
  throw unavailable("file_unwritable", file + " cannot be written: " + std::generic_category().message(error) + ".");
}

/// Makes what was written to a file, or what was renamed in a folder, survive a power cut.
void sync_to_disk(const std::string& path, const std::string& file) {
  const Descriptor descriptor(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (descriptor.number() < 0 || fsync(descriptor.number()) != 0) unwritable(file, errno);
}

std::string folder_of(const std::string& file) {
  const fs::path folder = fs::path(file).parent_path();
  return folder.empty() ? "." : folder.string();
}

/// SQLite would take these for its own work on a file that comes to lie beside them, and such a file for the work on
/// another.
void refuse_leftovers(const std::string& file) {
  for (const char* ending : {"-wal", "-shm", "-journal"}) {
    if (file.ends_with(ending))
      throw conflict("file_in_use", file + " is a name that SQLite uses for itself. Name another file.");
  }
  for (const char* ending : {"-wal", "-journal"}) {
    std::error_code ignored;
    if (const std::string beside = file + ending; fs::exists(beside, ignored))
      throw conflict("file_in_use", beside + " lies there: " + file +
                                        " is in use, or was left in the middle of a write. Name another file, or "
                                        "move both away.");
  }
}

/// Only a plain file is ever replaced, and never unasked.
void refuse_existing(const std::string& file, bool overwrite) {
  std::error_code ignored;
  if (!fs::exists(file, ignored)) return;
  if (fs::is_directory(file, ignored)) unwritable(file, EISDIR);
  if (!fs::is_regular_file(file, ignored))
    throw unavailable("file_unwritable", file + " cannot be written: it is no plain file.");
  if (!overwrite) throw conflict("file_exists", file + " exists already.");
}

/// The file itself where a link to it is named: SQLite keeps its log beside that one, and the link has to stay.
std::string without_links(const std::string& file) {
  std::error_code error;
  if (!fs::is_symlink(file, error)) return file;
  const fs::path target = fs::canonical(file, error);
  return error ? file : target.string();
}

/// A file beside the one that it is to become; gone at the end unless it did.
class Part {
 public:
  explicit Part(std::string file) : file_(std::move(file)), path_(file_ + '.' + std::to_string(getpid()) + ".part") {
    const Descriptor made(open(path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, S_IRUSR | S_IWUSR));
    if (made.number() < 0) unwritable(file_, errno);
  }
  ~Part() {
    for (const char* ending : {"", "-wal", "-shm", "-journal"}) unlink((path_ + ending).c_str());
  }
  Part(const Part&) = delete;
  Part& operator=(const Part&) = delete;

  const std::string& path() const noexcept { return path_; }
  const std::string& file() const noexcept { return file_; }

  /// With the owner and the rights of what it replaces, so that whoever used that can use this.
  void take_its_name() {
    struct stat before {};
    if (stat(file_.c_str(), &before) == 0) {
      const bool given = chown(path_.c_str(), before.st_uid, before.st_gid) == 0;
      if (given) chmod(path_.c_str(), before.st_mode & (S_IRWXU | S_IRWXG | S_IRWXO));
    }
    sync_to_disk(path_, file_);
    if (rename(path_.c_str(), file_.c_str()) != 0) unwritable(file_, errno);
    sync_to_disk(folder_of(file_), file_);
  }

 private:
  const std::string file_;
  const std::string path_;
};

// --- databases ---

bool is_damage(const SQLite::Exception& exception) {
  const int code = exception.getErrorCode() & 0xFF;
  return code == SQLITE_CORRUPT || code == SQLITE_NOTADB;
}

/// What is written is the copy, what is read is the source; that tells whose fault it is.
[[noreturn]] void rethrow(const SQLite::Exception& exception, const std::string& source, const std::string& target) {
  const int extended = exception.getExtendedErrorCode();
  if (exception.getErrorCode() == SQLITE_FULL) unwritable(target, ENOSPC);
  if (extended == SQLITE_IOERR_WRITE || extended == SQLITE_IOERR_TRUNCATE || extended == SQLITE_IOERR_FSYNC)
    unwritable(target, EIO);
  if (is_damage(exception))
    throw Error(ErrorCode::internal, "storage_corrupt",
                source + " is damaged, or is no SQLite database (" + exception.what() + ").");
  throw unavailable("storage_unavailable", source + " cannot be read: " + exception.what() + ".");
}

/// Takes what can be only read, too: a backup is wanted most on a disk that has gone bad.
SQLite::Database open_source(const std::string& path) {
  std::error_code ignored;
  if (!fs::exists(path, ignored)) throw not_found("file_missing", path + " does not exist.");
  if (fs::is_directory(path, ignored)) throw unavailable("storage_unavailable", path + " is a folder. Name a file.");
  try {
    SQLite::Database database(path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, busy_timeout_ms);
    database.exec("PRAGMA query_only = ON");
    database.exec("BEGIN");  // all that follows reads one moment, and nothing makes the copy begin anew
    database.execAndGet("SELECT COUNT(*) FROM sqlite_schema");
    return database;
  } catch (const SQLite::Exception& exception) {
    rethrow(exception, path, path);
  }
}

class Progress {
 public:
  Progress(const SqliteCopyOptions& options, const char* step) : options_(options), step_(step) { at(0, 1); }
  void at(std::size_t done, std::size_t all) const {
    if (options_.on_progress)
      options_.on_progress(step_, all == 0 ? 1.0 : static_cast<double>(done) / static_cast<double>(all));
  }

 private:
  const SqliteCopyOptions& options_;
  const char* step_;
};

void copy_pages(SQLite::Database& source, const Part& part, const SqliteCopyOptions& options) {
  SQLite::Database target(part.path(), SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX);
  target.exec("PRAGMA synchronous = OFF");  // it is synced as a whole, and thrown away if it does not get that far
  target.execAndGet("PRAGMA journal_mode = OFF");
  const Progress progress(options, "copying");
  SQLite::Backup backup(target, source);
  for (int state = SQLITE_OK; state != SQLITE_DONE;) {
    state = backup.executeStep(pages_at_once);
    if (state == SQLITE_BUSY || state == SQLITE_LOCKED)
      throw unavailable("storage_unavailable", "The database is locked by another process. Try again soon.");
    const auto all = static_cast<std::size_t>(backup.getTotalPageCount());
    progress.at(all - static_cast<std::size_t>(backup.getRemainingPageCount()), all);
  }
}

[[noreturn]] void damaged_copy(const std::string& source, const std::string& fault) {
  throw Error(ErrorCode::internal, "storage_corrupt", source + " is damaged, and so would be its copy: " + fault + ".");
}

/// Also makes the copy one file that needs no other beside it.
SqliteCopy verify(SQLite::Database& source, const std::string& source_path, const Part& part,
                  const SqliteCopyOptions& options) {
  const Progress progress(options, "verifying");
  SQLite::Database target(part.path(), SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX);
  target.execAndGet("PRAGMA journal_mode = DELETE");
  const std::string fault = target.execAndGet("PRAGMA integrity_check(1)").getString();
  if (fault != "ok") damaged_copy(source_path, fault);
  const std::vector<std::string> names = table_names(source);
  SqliteCopy copy;
  for (const std::string& name : names) {
    progress.at(copy.tables.size(), names.size());
    copy.tables.push_back(digest(source, name));
    if (digest(target, name).checksum != copy.tables.back().checksum)
      damaged_copy(source_path, "the table " + name + " is not the same");
  }
  progress.at(names.size(), names.size());
  copy.bytes = static_cast<std::int64_t>(fs::file_size(part.path()));
  return copy;
}

SqliteCopy copy_into(const Part& part, SQLite::Database& source, const std::string& source_path,
                     const SqliteCopyOptions& options) {
  try {
    copy_pages(source, part, options);
    return verify(source, source_path, part, options);
  } catch (const SQLite::Exception& exception) {
    rethrow(exception, source_path, part.file());
  }
}

// --- restoring ---

[[noreturn]] void no_backup(const std::string& file, const std::string& cause) {
  throw conflict("not_a_backup", file + " is no backup of a school: " + cause);
}

void require_school(SQLite::Database& backup, const std::string& file) {
  if (!backup.tableExists("schema_migrations")) no_backup(file, "it has no table schema_migrations.");
  SQLite::Statement newer(backup, "SELECT version, name FROM schema_migrations WHERE oldest_binary > ? ORDER BY 1");
  newer.bind(1, sql::own_version());
  if (newer.executeStep())
    throw Error(ErrorCode::internal, "schema_too_new",
                file + " was made by a newer release (migration " + newer.getColumn(0).getString() + ", " +
                    newer.getColumn(1).getString() + "): restore it with that release.");
}

/// Runs what reads a backup and nothing else: what is damaged then is no backup.
template <class Use>
auto reading_backup(const std::string& file, Use&& use) {
  try {
    return use();
  } catch (const SQLite::Exception& exception) {
    no_backup(file, exception.what());
  } catch (const Error& error) {
    if (error.reason() == "storage_corrupt") no_backup(file, error.what());
    throw;
  }
}

SQLite::Database open_backup(const std::string& file) {
  return reading_backup(file, [&] {
    SQLite::Database backup = open_source(file);
    require_school(backup, file);
    return backup;
  });
}

/// A database that is to be replaced: in one file, and nobody else has it open while this lives.
class Replaced {
 public:
  explicit Replaced(const std::string& path) {
    std::error_code ignored;
    if (!fs::exists(path, ignored)) {
      refuse_leftovers(path);
      return;
    }
    try {
      database_.emplace(path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX);
      database_->execAndGet("PRAGMA journal_mode = DELETE");  // refused while another connection is open
      database_->exec("BEGIN EXCLUSIVE");
    } catch (const SQLite::Exception& exception) {
      if (exception.getErrorCode() == SQLITE_BUSY)
        throw unavailable("storage_in_use", path + " is in use. Stop what serves it, then restore.");
      if (is_damage(exception))
        throw Error(ErrorCode::internal, "storage_corrupt",
                    path + " is damaged, or is no SQLite database. Move it away, and any " + path + "-wal and " + path +
                        "-shm with it; then restore.");
      throw unavailable("storage_unavailable", path + " cannot be replaced: " + exception.what() + ".");
    }
  }

 private:
  std::optional<SQLite::Database> database_;
};

void refuse_itself(const std::string& database, const std::string& file) {
  std::error_code ignored;
  if (fs::equivalent(database, file, ignored))
    throw conflict("file_in_use", file + " is the database itself. Name another file.");
}

SqliteCopy back_up(const std::string& database, const std::string& target, const SqliteCopyOptions& options) {
  const std::string file = without_links(target);
  refuse_itself(database, file);
  refuse_existing(file, options.overwrite);
  refuse_leftovers(file);
  SQLite::Database source = open_source(database);
  Part part(file);
  SqliteCopy copy = copy_into(part, source, database, options);
  part.take_its_name();
  return copy;
}

SqliteCopy restore(const std::string& file, const std::string& target, const SqliteCopyOptions& options) {
  const std::string database = without_links(target);
  refuse_itself(database, file);
  refuse_existing(database, options.overwrite);
  SQLite::Database backup = open_backup(file);
  const Replaced replaced(database);
  Part part(database);
  SqliteCopy copy = reading_backup(file, [&] { return copy_into(part, backup, file, options); });
  part.take_its_name();
  return copy;
}

}  // namespace

}  // namespace lms::sqlite

namespace lms {

SqliteCopy backup_sqlite(const std::string& database, const std::string& file, const SqliteCopyOptions& options) {
  return sqlite::back_up(database, file, options);
}

SqliteCopy restore_sqlite(const std::string& file, const std::string& database, const SqliteCopyOptions& options) {
  return sqlite::restore(file, database, options);
}

}  // namespace lms
