#include "backend/sqlite/writer.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

#include <lms/error.hpp>

namespace lms::sqlite {

namespace {

using std::chrono::duration_cast;
using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

/// A group takes in those who come while it runs; its first members wait for the last.
constexpr milliseconds longest_group{10};
/// Where one part failed others may, and a group should not be run twice for each of them.
constexpr std::chrono::seconds careful_time{1};

/// Or, if there is no memory for that, the error that says so.
std::exception_ptr error_of(const char* reason, const char* message) noexcept {
  try {
    throw unavailable(reason, message);
  } catch (...) {
    return std::current_exception();
  }
}

/// For what writes past the records that are kept, as migrations do, and may fail when some of it is committed.
class Forgetting {
 public:
  explicit Forgetting(sql::RecordCache& records) noexcept : records_(records) {}
  ~Forgetting() { records_.forget_all(); }
  Forgetting(const Forgetting&) = delete;
  Forgetting& operator=(const Forgetting&) = delete;

 private:
  sql::RecordCache& records_;
};

}  // namespace

Writer::Writer(const SqliteOptions& options) : options_(options), session_(options, SqliteConnection::Use::write) {}

void Writer::run_group(Transaction& first, SteadyTime deadline, const std::function<Transaction*()>& next) noexcept {
  const std::lock_guard lock(mutex_);
  first.error = begin(deadline);
  if (first.error) return;

  const SteadyTime start = steady_clock::now();
  session_.undoes_parts = start < careful_until_;
  Transaction* last = &first;
  for (std::size_t size = 1;; ++size) {
    run(*last);
    if (!connection_.in_transaction() || size == largest_group || steady_clock::now() > start + longest_group) break;
    last->next = next();
    if (last->next == nullptr) break;
    last = last->next;
  }
  session_.undoes_parts = true;

  const bool part_failed = std::exchange(session_.part_failed, false);
  if (part_failed) careful_until_ = steady_clock::now() + careful_time;
  const std::exception_ptr failure = commit();
  if (!failure || (part_failed && run_again(first))) return;
  if (last == &first && !part_failed) {
    if (!first.error) first.error = failure;
    return;
  }
  for (Transaction* member = &first; member != nullptr; member = member->next)
    if (!member->late) run_alone(*member);
}

/// Together once more; false: that failed, too.
bool Writer::run_again(Transaction& first) noexcept {
  if (begin(steady_clock::now() + options_.busy_timeout)) return false;
  for (Transaction* member = &first; member != nullptr && connection_.in_transaction(); member = member->next)
    if (!member->late) run(*member);
  return !commit();
}

void Writer::exclusively(const std::function<void(SqliteSession&)>& use) {
  const std::lock_guard lock(mutex_);
  const Forgetting forgetting(*session_.session.records);
  use(session_);
}

std::exception_ptr Writer::begin(SteadyTime deadline) {
  try {
    const auto left = duration_cast<milliseconds>(deadline - steady_clock::now());
    connection_.set_busy_timeout(std::max(left, milliseconds::zero()));
    if (!has_log_) connection_.use_write_ahead_log();
    has_log_ = true;
    execute("BEGIN IMMEDIATE");
    session_.look_for_changes();
    return nullptr;
  } catch (...) {
    connection_.rollback();
    return std::current_exception();
  }
}

/// Null: it is committed. If not, all of it is undone, and what was kept of its records with it.
std::exception_ptr Writer::commit() {
  std::exception_ptr failure;
  try {
    if (!connection_.in_transaction()) throw unavailable("storage_unavailable", gave_up);
    execute("COMMIT");
  } catch (...) {
    failure = std::current_exception();
    connection_.rollback();
    session_.session.records->forget_all();
  }
  return failure;
}

/// Does the work; returns the error it ends with.
std::exception_ptr Writer::call(Transaction& transaction) {
  const bool writes = transaction.kind != Transaction::Kind::read;
  const auto limit = writes ? options_.max_write : options_.max_read;
  const SteadyTime started = steady_clock::now();
  std::exception_ptr error;
  connection_.set_deadline(started + limit);
  try {
    transaction.work(session_);
  } catch (...) {
    error = std::current_exception();
  }
  connection_.clear_deadline();

  const auto taken = steady_clock::now() - started;
  if (writes && taken > options_.slow_write && options_.on_slow_write)
    options_.on_slow_write(duration_cast<microseconds>(taken));
  transaction.late = taken > limit && transaction.kind != Transaction::Kind::joint;  // its parts have seen to that
  if (!error && !connection_.in_transaction()) error = error_of("storage_unavailable", gave_up);
  if (transaction.late && !error) error = error_of("storage_timeout", "The transaction took too long and was undone.");
  return error;
}

void Writer::run(Transaction& transaction) {
  try {
    if (transaction.kind == Transaction::Kind::joint) {
      transaction.error = call(transaction);
      return;
    }
    Part part(session_);
    transaction.error = call(transaction);
    if (!transaction.error) part.keep();
  } catch (...) {  // the part cannot be made or kept: give up all of it
    transaction.error = std::current_exception();
    connection_.rollback();
  }
}

void Writer::run_alone(Transaction& transaction) {
  transaction.error = begin(steady_clock::now() + options_.busy_timeout);
  if (transaction.error) return;
  transaction.error = call(transaction);
  const bool keeps = !transaction.error || transaction.kind == Transaction::Kind::joint;  // its parts were undone
  if (keeps && connection_.in_transaction()) {
    if (const std::exception_ptr failure = commit()) transaction.error = failure;
  }
  connection_.rollback();
  if (transaction.error) session_.session.records->forget_all();
}

}  // namespace lms::sqlite
