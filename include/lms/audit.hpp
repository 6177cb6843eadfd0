#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <lms/export.hpp>
#include <lms/page.hpp>
#include <lms/schema.hpp>
#include <lms/spi/clock.hpp>
#include <lms/spi/storage.hpp>

/// The audit log says who did what, when and from where, of that which a school may be asked about later. Its rows are
/// only ever added, and each holds the hash of the one before, so that a change of one shows. docs/audit.md says what
/// that proves, and what not.
namespace lms {

class Logger;
class Principal;

enum class AuditOutcome {
  done,
  refused  ///< somebody tried, in vain
};
constexpr auto names_of(AuditOutcome) {
  return std::array<std::string_view, 2>{"done", "refused"};
}

/// One kind of thing that is recorded.
struct AuditAction {
  std::string_view name;     ///< `user.role_changed`
  std::string_view meaning;  ///< one sentence, for people
  AuditOutcome outcome = AuditOutcome::done;
};

/// A row of the audit log.
struct LMS_API AuditEntry {
  static constexpr std::string_view school = "school";  ///< the actor of jobs, commands and start-up
  static constexpr std::string_view nobody = "nobody";  ///< the actor of a call without a token

  std::int64_t position = 0;  ///< 1, 2, 3 … without gaps
  Time time;
  std::string action;
  AuditOutcome outcome{};
  std::string actor;    ///< a user's id, `school` or `nobody`
  std::string subject;  ///< the id of what it was done to
  std::string address;  ///< of the client; empty if there was none
  std::optional<SessionId> session;
  Value details;              ///< an object: what changed
  std::string previous_hash;  ///< the hash of the row before; of the first: 64 zeros
  std::string hash;           ///< SHA-256 of `audit_text`, 64 hex digits

  static const Schema& schema();
};

/// What a row's hash is the hash of: the JSON object that the API shows, without `hash`, with sorted members and no
/// blanks.
LMS_API std::string audit_text(const AuditEntry& entry);

/// A row as it can be kept elsewhere, to see later that it is still there: `17:3f0c…`. Position 0 with 64 zeros is the
/// place before the first row.
struct LMS_API AuditPoint {
  std::int64_t position = 0;
  std::string hash = std::string(64, '0');

  std::string text() const;
  static std::optional<AuditPoint> parse(std::string_view text);

  bool operator==(const AuditPoint&) const = default;
};

/// Which rows. What is left out does not matter.
struct LMS_API AuditFilter {
  PageRequest page;
  std::optional<std::string> action = {};  ///< `user.role_changed`; all that begin so if it ends with a dot: `user.`
  std::optional<AuditOutcome> outcome = {};
  std::optional<std::string> actor = {};  ///< as AuditEntry::actor
  std::optional<std::string> subject = {};
  std::optional<std::string> address = {};
  std::optional<Time> since = {};  ///< at that time or later
  std::optional<Time> until = {};  ///< before that time

  static const Schema& schema();
};

struct LMS_API AuditCheck {
  std::optional<std::string> expect = {};  ///< an AuditPoint

  static const Schema& schema();
};

/// What can be wrong with a log.
enum class AuditFault {
  gap,      ///< the row is missing, or one stands where none was
  link,     ///< the row does not hold the hash of the one before
  content,  ///< the row does not say what it was hashed with
  head,     ///< the log ends elsewhere than where its head says: rows were cut off at its end, or put there
  expected  ///< the row is not the one that was expected
};
constexpr auto names_of(AuditFault) {
  return std::array<std::string_view, 5>{"gap", "link", "content", "head", "expected"};
}

struct LMS_API AuditBreak {
  std::int64_t position = 0;
  AuditFault fault{};
  std::string message;  ///< for people

  static const Schema& schema();
};

/// What `Audit::verify` found.
struct LMS_API AuditReport {
  bool intact = true;
  std::int64_t rows = 0;      ///< that were found good, one after another from the first
  std::int64_t position = 0;  ///< of the last of them; 0: there is none
  std::string hash = AuditPoint().hash;
  std::optional<AuditBreak> first_break;

  AuditPoint head() const { return {position, hash}; }

  static const Schema& schema();
};

/// A change for the details of a row: `{"from": "student", "to": "admin"}`.
inline Object from_to(Value from, Value to) {
  return {{"from", std::move(from)}, {"to", std::move(to)}};
}

/// The school's audit log. Thread-safe, but for `declare`.
class LMS_API Audit {
 public:
  Audit(Storage& storage, Clock& clock, const Logger& logger) : storage_(storage), clock_(clock), logger_(logger) {}

  /// Adds a row to the caller's transaction, and a line to the `security` log once that is committed: `info`, or
  /// `warning` for what was refused. `subject` is an id, and `details` say by ids and names of fields what changed;
  /// neither holds a secret, nor what only a person's own record should say, for a row cannot be taken back. Of who
  /// called by an access token they name that as `access_token_id`.
  /// A refusal that is thrown undoes its transaction, so it is recorded in one of its own.
  ///
  /// Transactions that record take turns from here to their end: call it last.
  void record(UnitOfWork& uow, const Principal& who, const AuditAction& action, std::string subject,
              Object details = {});
  template <class Entity>
  void record(UnitOfWork& uow, const Principal& who, const AuditAction& action, Id<Entity> subject,
              Object details = {}) {
    record(uow, who, action, subject.text(), std::move(details));
  }

  /// Says which actions there are, besides those said before; a host adds its own. Set up before the first call.
  void declare(const std::vector<const AuditAction*>& actions);
  const std::vector<const AuditAction*>& actions() const noexcept { return actions_; }

  // For admins. All of these: @throws Error forbidden `admin_required`; invalid for an action that nobody declared,
  // once some are.

  /// Newest first.
  Page<AuditEntry> list(const Principal& who, const AuditFilter& filter);
  /// The same without pages: shows one row after another until there is none left or `visit` returns false. Rows are
  /// read in short transactions, and none is missed or shown twice while others are added.
  void visit(const Principal& who, const AuditFilter& filter, const std::function<bool(const AuditEntry&)>& visit);

  /// Reads the whole log and checks every row, in short transactions and in little memory however
  /// long it is. A row that is expected has to be there as it was when it was the head: that alone shows that somebody
  /// has written the whole log anew.
  /// @throws Error forbidden; invalid unless `expect` is a position and a hash.
  AuditReport verify(const Principal& who, const AuditCheck& check = {});

 private:
  void tell(UnitOfWork& uow, const AuditEntry& entry) const;
  Condition condition(const AuditFilter& filter) const;

  Storage& storage_;
  Clock& clock_;
  const Logger& logger_;
  std::vector<const AuditAction*> actions_;
};

}  // namespace lms
