#include <lms/audit.hpp>

#include <utility>

#include <lms/principal.hpp>
#include <lms/repository.hpp>

#include "audit/audit_head.hpp"
#include "base/crypto.hpp"

namespace lms {

namespace {

constexpr std::size_t verified_at_once = 1'000;

/// A part of the log with the head, both of one state.
struct Part {
  std::vector<AuditEntry> entries;
  std::optional<AuditHead> head;
};

Part read_part(Storage& storage, const std::optional<AuditPoint>& last, std::size_t limit) {
  return storage.read([&](UnitOfWork& uow) {
    return Part{Repository<AuditEntry>(uow).select({.where = last ? greater("position", last->position) : everything(),
                                                    .order = {ascending("position")},
                                                    .limit = limit}),
                Repository<AuditHead>(uow).find(AuditHead().id)};
  });
}

std::string row(std::int64_t position) {
  return "row " + std::to_string(position);
}

/// A time that no calendar shows would be hashed as another.
bool is_hashed(const AuditEntry& entry) {
  return entry.hash == sha256_hex(audit_text(entry)) && parse_iso8601(to_iso8601(entry.time)) == entry.time;
}

AuditBreak unexpected(std::int64_t position) {
  return {position, AuditFault::expected, row(position) + " is not the one that was expected"};
}

/// What is wrong with a row, given the one before.
std::optional<AuditBreak> break_at(const AuditEntry& entry, const AuditPoint& before,
                                   const std::optional<AuditPoint>& expected) {
  const std::int64_t place = before.position + 1;
  if (entry.position > place)
    return AuditBreak{place, AuditFault::gap,
                      row(place) + " is missing; the next there is has " + std::to_string(entry.position)};
  if (entry.position < place)
    return AuditBreak{entry.position, AuditFault::gap, row(entry.position) + " stands where no row was written"};
  if (entry.previous_hash != before.hash)
    return AuditBreak{place, AuditFault::link,
                      row(place) + " does not hold the hash of the row before: one of the two was changed"};
  if (!is_hashed(entry))
    return AuditBreak{place, AuditFault::content, row(place) + " was changed: its hash is not that of what it says"};
  if (expected && expected->position == place && expected->hash != entry.hash) return unexpected(place);
  return std::nullopt;
}

/// What is wrong with where the log ends.
std::optional<AuditBreak> break_at_end(const AuditPoint& last, const std::optional<AuditHead>& head,
                                       const std::optional<AuditPoint>& expected) {
  const AuditHead end = head.value_or(AuditHead());
  if (end.position > last.position)
    return AuditBreak{last.position + 1, AuditFault::head,
                      row(last.position + 1) + " and all behind it were cut off: the log's head says that there were " +
                          std::to_string(end.position)};
  if (end.position < last.position)
    return AuditBreak{end.position + 1, AuditFault::head,
                      row(end.position + 1) +
                          " was not written by the school: the log's head says that there were no more than " +
                          std::to_string(end.position)};
  if (end.hash != last.hash)
    return AuditBreak{last.position, AuditFault::head,
                      row(last.position) + " was changed: the log's head knows it with another hash"};
  const bool is_cut_off = expected && expected->position > last.position;
  const bool is_before_all = expected && expected->position == 0 && expected->hash != AuditPoint().hash;
  if (is_cut_off || is_before_all) return unexpected(expected->position);
  return std::nullopt;
}

}  // namespace

AuditReport Audit::verify(const Principal& who, const AuditCheck& check) {
  require_admin(who);
  const auto expected = check.expect ? AuditPoint::parse(*check.expect) : std::nullopt;
  if (check.expect && !expected)
    throw invalid({"query", "expect"}, "must be a position and a hash of 64 hex digits, such as 17:3f0c…",
                  "value_error.audit_point");

  AuditReport report;
  const auto broken = [&](AuditBreak found) {
    report.intact = false;
    report.first_break = std::move(found);
    return report;
  };
  std::size_t limit = verified_at_once;
  for (;;) {
    Part part;
    try {
      part = read_part(storage_, report.rows > 0 ? std::optional(report.head()) : std::nullopt, limit);
    } catch (const Error& error) {
      // Somebody has written there what no row can hold. Which one it is shows when they are read one by one.
      if (error.code() != ErrorCode::internal) throw;
      const std::int64_t place = report.position + 1;
      if (limit == 1) return broken({place, AuditFault::content, row(place) + " was changed: it cannot be read"});
      limit = 1;
      continue;
    }
    for (const AuditEntry& entry : part.entries) {
      if (auto found = break_at(entry, report.head(), expected)) return broken(*std::move(found));
      report.rows += 1;
      report.position = entry.position;
      report.hash = entry.hash;
    }
    if (part.entries.size() == limit) continue;
    if (auto found = break_at_end(report.head(), part.head, expected)) return broken(*std::move(found));
    return report;
  }
}

}  // namespace lms
