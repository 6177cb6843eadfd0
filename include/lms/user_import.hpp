#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <lms/audit.hpp>
#include <lms/event.hpp>
#include <lms/export.hpp>
#include <lms/password.hpp>
#include <lms/principal.hpp>
#include <lms/schema.hpp>
#include <lms/spi/clock.hpp>
#include <lms/spi/storage.hpp>
#include <lms/user.hpp>

namespace lms {

struct LMS_API UserImportOptions {
  bool dry_run = false;  ///< say what would become of every row, change nothing
  bool update = false;   ///< bring profile and role of accounts that exist to what their rows say

  static const Schema& schema();
};

/// What became of a row.
enum class ImportOutcome {
  created,
  updated,
  exists,  ///< there was an account, and it was left as it is
  invalid
};
constexpr auto names_of(ImportOutcome) {
  return std::array<std::string_view, 4>{"created", "updated", "exists", "invalid"};
}

/// One thing that is wrong with a row, as answers about an invalid input show it.
struct LMS_API ImportFault {
  std::vector<Value> loc;  ///< `["body", 7, "email"]`: the line and the column
  std::string msg;
  std::string type;

  static const Schema& schema();
};

struct LMS_API ImportedRow {
  std::int64_t line = 0;  ///< where it begins in the file, from 1
  std::string email;      ///< as it stands there
  ImportOutcome outcome{};
  std::optional<UserId> user_id;  ///< the account; none for what is invalid, or would be created
  std::vector<ImportFault> faults;

  static const Schema& schema();
};

struct LMS_API UserImportReport {
  bool dry_run = false;
  std::int64_t created = 0;
  std::int64_t updated = 0;
  std::int64_t existing = 0;
  std::int64_t invalid = 0;
  bool faults_left_out =
      false;  ///< there were more than `UserImports::max_faults`; the rows say `invalid` all the same
  std::vector<ImportedRow> rows;  ///< in the order of the file

  static const Schema& schema();
};

namespace audited {
extern LMS_API const AuditAction user_imported;
}

/// Makes accounts of a CSV file. Its first row names the columns, in any order: `email`, `full_name`, and if wanted
/// `role`, `language`, `timezone`, `is_active` (true, false, yes, no, 1, 0), and `password` or `password_hash`
/// (Argon2id as a PHC string, or bcrypt). An empty cell is as good as none. A row without either password invites its
/// person.
///
/// Every row is checked as `Users::create` checks an account, and stands for itself: those that are good are imported,
/// whatever the others are. An account that exists is told by its address and never made twice, so the same file can be
/// imported again. Thread-safe. Rows are written in short transactions: if the process ends meanwhile, some are in, and
/// importing the file again does the rest.
class LMS_API UserImports {
 public:
  static constexpr std::size_t max_bytes = 5UL * 1024 * 1024;
  static constexpr std::size_t max_rows = 50'000;
  static constexpr std::size_t max_passwords = 100;  ///< in the clear: to hash one takes tens of milliseconds of a core
  static constexpr std::size_t max_faults = 1'000;   ///< that a report lists

  UserImports(Storage& storage, Clock& clock, Events& events, Audit& audit, Users& users, PasswordHasher& hasher)
      : storage_(storage), clock_(clock), events_(events), audit_(audit), users_(users), hasher_(hasher) {}

  /// Emits `user.registered` for every new account, `user.updated` and `user.role_changed` for what was changed.
  /// @throws Error forbidden without `manage_users`; invalid, and then nothing was changed, for what is no table, has
  ///   columns that are unknown or missing, or is beyond the limits above.
  UserImportReport run(const Principal& who, std::string_view csv, const UserImportOptions& options = {});

 private:
  struct Candidate;
  struct Admins;
  struct Batch;

  Candidate candidate(std::size_t line, std::vector<std::string> fields, const std::vector<std::string>& columns) const;
  void hash_passwords(std::vector<Candidate>& candidates);
  Batch apply(UnitOfWork& uow, const Principal& who, const std::vector<Candidate>& candidates, Admins admins,
              const UserImportOptions& options);
  bool create(UnitOfWork& uow, const Principal& who, const Candidate& candidate);
  bool update(UnitOfWork& uow, const Principal& who, const Candidate& candidate, User user, bool dry_run);

  Storage& storage_;
  Clock& clock_;
  Events& events_;
  Audit& audit_;
  Users& users_;
  PasswordHasher& hasher_;
};

}  // namespace lms
