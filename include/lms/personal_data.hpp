#pragma once

#include <array>
#include <cstddef>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <lms/audit.hpp>
#include <lms/auth.hpp>
#include <lms/event.hpp>
#include <lms/export.hpp>
#include <lms/http.hpp>
#include <lms/job.hpp>
#include <lms/principal.hpp>
#include <lms/query.hpp>
#include <lms/repository.hpp>
#include <lms/schema.hpp>
#include <lms/spi/clock.hpp>
#include <lms/spi/storage.hpp>
#include <lms/user.hpp>

namespace lms {

/// What becomes of a person's certificates when they are erased.
enum class CertificateFate {
  revoke,  ///< they lose the name and are no longer good
  keep     ///< they stay as they are, with the name: a proof that the person may still want to show
};
constexpr auto names_of(CertificateFate) {
  return std::array<std::string_view, 2>{"revoke", "keep"};
}

struct LMS_API ErasureRequest {
  CertificateFate certificates = CertificateFate::revoke;

  static const Schema& schema();
};

struct LMS_API OwnErasureRequest {
  Confirmation confirmation;
  CertificateFate certificates = CertificateFate::revoke;

  static const Schema& schema();
};

/// Says that a person was erased. What features hold of them goes by a job.
struct LMS_API Erasure {
  UserId user_id;
  Time erased_at;
  CertificateFate certificates = CertificateFate::revoke;
  Time since;  ///< when the account was made: nothing about the person is older

  static const Schema& schema();
};

struct LMS_API ErasureEvent {
  UserId user_id;

  static const Schema& schema();
};

namespace events {
extern LMS_API const EventType user_erased;
}
namespace audited {
extern LMS_API const AuditAction user_exported, user_erased;
}

/// What the school holds about a person: handing it to them, and erasing it. Every feature says by hooks what it holds,
/// so this knows none of them. Thread-safe, but for the hooks, which are set up before the first call.
///
/// The export is one JSON document:
///
///     {"format": "lms-person", "version": 1, "exported_at": …, "account": {…},
///      "sessions": [{…}, …], "enrollments": [{…}, …], …}
///
/// with a list for each part that was added. No secret stands in it, and nothing that is another person's own.
class LMS_API PersonalData {
 public:
  /// Some of a list, and the place after it; an empty one ends the list.
  struct Page {
    Array items;
    std::string next;
  };
  /// Reads the next of a list after that place, at first "". Short: it is one transaction.
  using ExportPart = std::function<Page(UnitOfWork&, const User&, const std::string& after)>;
  /// Erases the next of what there is after that place and returns the place to go on from, "" at the end. Short: it is
  /// one transaction. It may be done again from the start at any time, and then changes nothing.
  using ErasePart = std::function<std::string(UnitOfWork&, const Erasure&, const std::string& after)>;

  /// Adds the parts that this room and those below know of: sessions, access tokens, second factor, mails, jobs,
  /// events, audit log.
  PersonalData(Storage& storage, Clock& clock, Events& events, Audit& audit, Users& users, Auth& auth, Jobs& jobs);

  /// Parts are exported in the order they were added, under their name.
  void on_export(std::string name, ExportPart part) { exported_.emplace_back(std::move(name), std::move(part)); }
  void on_erasure(ErasePart part) { erased_.push_back(std::move(part)); }

  /// The document, made as it is read: a little at a time, each from a read of its own. It is read before this object
  /// goes. That it was asked for is audited.
  /// @throws Error not_found; forbidden unless `who` is that user or may `manage_users`. Reading: Error unavailable.
  std::unique_ptr<http::BodySource> export_person(const Principal& who, UserId id);

  /// Erases a person, for good: name, addresses, biography and password leave the account, its sessions and second
  /// factor are gone, and it stays deactivated as "Erased user". A job then goes through the rest: what they wrote in
  /// quizzes, the names and addresses in the event log and in jobs, and their certificates, as the request says.
  /// Enrolments, progress and scores stay, without the name. Emits `user.erased`. For one who was erased before, the
  /// job is done again, with what this request says of certificates.
  /// @throws Error not_found; forbidden without `manage_users`; conflict `last_admin`, and `own_account` for oneself.
  Erasure erase(const Principal& who, UserId id, const ErasureRequest& request = {});
  /// Erases `who`. @throws Error as Auth::confirm; conflict `last_admin`.
  Erasure erase_self(const Principal& who, const OwnErasureRequest& request, const ClientInfo& client = {});
  /// Does the job's work now; for programs that run no jobs. In many short transactions, so it can be interrupted at
  /// any time and begun again. @throws Error unavailable `stopped` once `stop` asks for it.
  void finish(const Erasure& erasure, std::stop_token stop = {});

 private:
  class Document;

  Erasure begin(const Principal& who, UserId id, CertificateFate certificates, const User* confirmed = nullptr);
  void add_own_parts();

  Storage& storage_;
  Clock& clock_;
  Events& events_;
  Audit& audit_;
  Users& users_;
  Auth& auth_;
  Jobs& jobs_;
  std::vector<std::pair<std::string, ExportPart>> exported_;
  std::vector<ErasePart> erased_;
};

/// The next records by their key for which the condition holds, each as `show` makes an object of it.
template <HasSchema T, class Show>
PersonalData::Page export_records(UnitOfWork& uow, Condition where, const std::string& after, Show&& show) {
  constexpr std::size_t at_once = 100;
  const std::string& key = T::schema().key().name;
  if (!after.empty()) where = all_of({std::move(where), greater(key, after)});
  const auto found = Repository<T>(uow).select({.where = std::move(where), .limit = at_once});
  PersonalData::Page page;
  for (const T& record : found) page.items.emplace_back(show(record));
  if (found.size() == at_once) page.next = T::schema().key().get(&found.back()).as_string();
  return page;
}

}  // namespace lms
