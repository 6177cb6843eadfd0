#include <lms/audit.hpp>

#include <algorithm>
#include <charconv>

#include <lms/principal.hpp>
#include <lms/repository.hpp>
#include <lms/spi/log_sink.hpp>

#include "audit/audit_head.hpp"
#include "base/crypto.hpp"
#include "base/encoding.hpp"
#include "base/nearest.hpp"
#include "base/utf8.hpp"

namespace lms {

namespace {

constexpr std::size_t longest_address = 64;  // bytes
constexpr std::size_t visited_at_once = 500;

std::string actor_of(const Principal& who) {
  if (who.maybe_user()) return who.maybe_user()->text();
  return std::string(who.is_system() ? AuditEntry::school : AuditEntry::nobody);
}

/// Whoever has it may add the next row; all others wait.
AuditHead locked_head(Repository<AuditHead>& heads) {
  const Query head{.where = equal("id", AuditHead().id), .lock = Lock::update};
  auto found = heads.select(head);
  if (found.empty()) {
    heads.insert_if_absent(AuditHead());
    found = heads.select(head);
  }
  return found.at(0);
}

Value sorted(const Value& value) {
  if (value.is_array()) {
    Array elements;
    for (const Value& element : value.as_array()) elements.push_back(sorted(element));
    return elements;
  }
  if (!value.is_object()) return value;
  std::vector<Object::Member> members;
  for (const auto& [name, member] : value.as_object()) members.emplace_back(name, sorted(member));
  std::sort(members.begin(), members.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  Object object;
  for (auto& [name, member] : members) object.append(std::move(name), std::move(member));
  return object;
}

void check_action(const std::string& wanted, const std::vector<const AuditAction*>& actions) {
  constexpr std::size_t longest_shown = 100;  // bytes
  const bool is_prefix = wanted.ends_with('.');
  std::vector<std::string> names;
  for (const AuditAction* action : actions) {
    if (is_prefix ? action->name.starts_with(wanted) : action->name == wanted) return;
    names.emplace_back(action->name);
  }
  const auto meant = nearest(wanted, names);
  throw invalid({"query", "action"},
                "there is no action " + std::string(is_prefix ? "that begins with " : "") +
                    std::string(cut_utf8(wanted, longest_shown)) +
                    (meant ? "; did you mean " + *meant + "?" : "; docs/audit.md lists those there are"),
                "value_error.audit_action");
}

}  // namespace

std::string audit_text(const AuditEntry& entry) {
  // Written out, for a field that the struct gets one day must not change what old rows are hashed with.
  return to_json(sorted(Object{{"position", entry.position},
                               {"time", to_iso8601(entry.time)},
                               {"action", entry.action},
                               {"outcome", name_of(entry.outcome)},
                               {"actor", entry.actor},
                               {"subject", entry.subject},
                               {"address", entry.address},
                               {"session", entry.session ? Value(entry.session->text()) : Value()},
                               {"details", entry.details},
                               {"previous_hash", entry.previous_hash}}));
}

std::string AuditPoint::text() const {
  return std::to_string(position) + ':' + hash;
}

std::optional<AuditPoint> AuditPoint::parse(std::string_view text) {
  AuditPoint point;
  const char* const end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, point.position);
  if (error != std::errc() || point.position < 0 || rest == end || *rest != ':') return std::nullopt;
  point.hash.assign(rest + 1, end);
  const auto bytes = from_hex(point.hash);
  if (!bytes || bytes->size() != Sha256Digest().size()) return std::nullopt;
  point.hash = to_hex(as_bytes(*bytes));  // in lower case
  return point;
}

void Audit::record(UnitOfWork& uow, const Principal& who, const AuditAction& action, std::string subject,
                   Object details) {
  Repository<AuditHead> heads(uow);
  AuditHead head = locked_head(heads);
  AuditEntry entry;
  entry.position = head.position + 1;
  entry.time = clock_.now();
  entry.action = action.name;
  entry.outcome = action.outcome;
  entry.actor = actor_of(who);
  entry.subject = std::move(subject);
  entry.address = cut_utf8(who.address(), longest_address);
  entry.session = who.session();
  if (who.access_token()) details.set("access_token_id", who.access_token()->text());
  entry.details = std::move(details);
  entry.previous_hash = head.hash;
  entry.hash = sha256_hex(audit_text(entry));
  Repository<AuditEntry>(uow).insert(entry);
  head.position = entry.position;
  head.hash = entry.hash;
  heads.update(head);
  tell(uow, entry);
}

void Audit::tell(UnitOfWork& uow, const AuditEntry& entry) const {
  const bool refused = entry.outcome == AuditOutcome::refused;
  if (!logger_.wants(refused ? LogLevel::warning : LogLevel::info)) return;
  uow.after_commit([&logger = logger_, refused, entry] {
    const Object fields{{"position", entry.position},
                        {"actor", entry.actor},
                        {"subject", entry.subject},
                        {"address", entry.address.empty() ? Value() : Value(entry.address)},
                        {"session_id", entry.session ? Value(entry.session->text()) : Value()},
                        {"details", entry.details},
                        {"hash", entry.hash}};
    if (refused)
      logger.warning("security", entry.action, fields);
    else
      logger.info("security", entry.action, fields);
  });
}

void Audit::declare(const std::vector<const AuditAction*>& actions) {
  actions_.insert(actions_.end(), actions.begin(), actions.end());
}

Condition Audit::condition(const AuditFilter& filter) const {
  std::vector<Condition> conditions;
  if (filter.action) {
    if (!actions_.empty()) check_action(*filter.action, actions_);
    if (filter.action->ends_with('.')) {
      std::string behind = *filter.action;
      behind.back() = '/';  // the character after the dot
      conditions.push_back(greater_equal("action", *filter.action));
      conditions.push_back(less("action", behind));
    } else {
      conditions.push_back(equal("action", *filter.action));
    }
  }
  if (filter.outcome) conditions.push_back(equal("outcome", *filter.outcome));
  if (filter.actor) conditions.push_back(equal("actor", *filter.actor));
  if (filter.subject) conditions.push_back(equal("subject", *filter.subject));
  if (filter.address) conditions.push_back(equal("address", *filter.address));
  if (filter.since) conditions.push_back(greater_equal("time", *filter.since));
  if (filter.until) conditions.push_back(less("time", *filter.until));
  return all_of(std::move(conditions));
}

Page<AuditEntry> Audit::list(const Principal& who, const AuditFilter& filter) {
  require_admin(who);
  const Condition wanted = condition(filter);
  return storage_.read(
      [&](UnitOfWork& uow) { return select_page<AuditEntry>(uow, wanted, {descending("position")}, filter.page); });
}

void Audit::visit(const Principal& who, const AuditFilter& filter,
                  const std::function<bool(const AuditEntry&)>& visit) {
  require_admin(who);
  const Condition wanted = condition(filter);
  std::vector<Value> after;
  for (;;) {
    const auto entries = storage_.read([&](UnitOfWork& uow) {
      return Repository<AuditEntry>(uow).select(
          {.where = wanted, .order = {descending("position")}, .limit = visited_at_once, .after = after});
    });
    for (const AuditEntry& entry : entries)
      if (!visit(entry)) return;
    if (entries.size() < visited_at_once) return;
    after = {entries.back().position};
  }
}

}  // namespace lms
