#include <lms/personal_data.hpp>

#include <algorithm>
#include <cstring>

#include <lms/access_token.hpp>

#include "auth/account_records.hpp"
#include "auth/login_failures.hpp"
#include "auth/second_factor.hpp"
#include "base/crypto.hpp"

namespace lms {

namespace {

constexpr std::string_view erasing = "erase_person";
constexpr std::int64_t attempts_in_three_days = 78;
/// Calls that had read the name before it went have ended by then.
constexpr std::chrono::seconds settling{10};
constexpr std::size_t looked_through_at_once = 200;

Value payload_of(const Erasure& erasure) {
  return Codec<Erasure>::store(erasure);
}

/// Events by the person or about them. It takes a look at all there are since the account was made.
PersonalData::Page export_events(UnitOfWork& uow, const User& user, const std::string& after) {
  const EventId from = after.empty() ? Events::before(user.created_at) : EventId::parse(after).value_or(EventId());
  const auto found = Repository<Event>(uow).select({.where = greater("id", from), .limit = looked_through_at_once});
  PersonalData::Page page;
  for (const Event& event : found)
    if (event.actor == user.id || Events::names(event, user.id))
      page.items.emplace_back(Object{{"time", to_iso8601(event.timestamp)},
                                     {"type", event.type},
                                     {"by_you", event.actor == user.id},
                                     {"data", event.data}});
  if (found.size() == looked_through_at_once) page.next = found.back().id.text();
  return page;
}

/// What the person did, and what was done to them; who did that, and from where, is not the person's own.
PersonalData::Page export_audit(UnitOfWork& uow, const User& user, const std::string& after) {
  constexpr std::size_t at_once = 100;
  const std::int64_t from = after.empty() ? 0 : std::stoll(after);
  const std::string id = user.id.text();
  const auto found = Repository<AuditEntry>(uow).select(
      {.where = all_of({greater("position", from), any_of({equal("actor", id), equal("subject", id)})}),
       .limit = at_once});
  PersonalData::Page page;
  for (const AuditEntry& entry : found) {
    Object row{{"time", to_iso8601(entry.time)},
               {"action", entry.action},
               {"outcome", name_of(entry.outcome)},
               {"subject", entry.subject},
               {"details", entry.details}};
    row.append("by_you", entry.actor == id);
    if (entry.actor == id) row.append("address", entry.address);
    page.items.emplace_back(std::move(row));
  }
  if (found.size() == at_once) page.next = std::to_string(found.back().position);
  return page;
}

/// Mails that are on their way are called off, and what those to the person have said is taken out of them.
std::string erase_jobs(UnitOfWork& uow, const Erasure& erasure, Time now, const std::string& after) {
  Repository<Job> jobs(uow);
  const Condition where = after.empty() ? everything() : greater("id", after);
  auto found = jobs.select({.where = where, .limit = looked_through_at_once});
  const Value id(erasure.user_id.text());
  for (Job& job : found) {
    if (!job.kind.starts_with("mail.") || job.payload["user_id"] != id) continue;
    const Value bare = Object{{"user_id", id}};
    const bool is_open = job.status != JobStatus::succeeded && job.status != JobStatus::cancelled;
    if (job.payload == bare && !job.error && job.result.is_null() && !is_open) continue;
    job.payload = bare;
    job.error.reset();
    job.result = Value();
    if (is_open) {
      job.status = JobStatus::cancelled;
      job.active_key.reset();
      job.finished_at = now;
    }
    jobs.update(job);
  }
  return found.size() == looked_through_at_once ? found.back().id.text() : std::string();
}

}  // namespace

PersonalData::PersonalData(Storage& storage, Clock& clock, Events& events, Audit& audit, Users& users, Auth& auth,
                           Jobs& jobs)
    : storage_(storage), clock_(clock), events_(events), audit_(audit), users_(users), auth_(auth), jobs_(jobs) {
  add_own_parts();
  jobs_.handle(std::string(erasing), [this](const Job& job, std::stop_token stop) -> Value {
    finish(Codec<Erasure>::load(Value(job.payload)), stop);
    return {};
  });
}

void PersonalData::add_own_parts() {
  on_export("sessions", [](UnitOfWork& uow, const User& user, const std::string& after) {
    return export_records<Session>(uow, equal("user_id", user.id), after,
                                   [](const Session& session) { return to_wire(session); });
  });
  on_export("access_tokens", [](UnitOfWork& uow, const User& user, const std::string& after) {
    return export_records<AccessToken>(uow, equal("user_id", user.id), after,
                                       [](const AccessToken& token) { return to_wire(token); });
  });
  on_export("second_factor", [](UnitOfWork& uow, const User& user, const std::string&) {
    Page page;
    const Condition enabled = all_of({equal("user_id", user.id), none_of({is_null("enabled_at")})});
    const auto factors = Repository<SecondFactor>(uow).select({.where = enabled, .fields = {"enabled_at"}});
    if (factors.empty()) return page;
    const auto codes = Repository<RecoveryCode>(uow).count(equal("user_id", user.id));
    page.items.emplace_back(Object{{"kind", "totp"},
                                   {"enabled_at", to_iso8601(factors.front().enabled_at.value())},
                                   {"recovery_codes_left", static_cast<std::int64_t>(codes)}});
    return page;
  });
  on_export("mailed_links", [](UnitOfWork& uow, const User& user, const std::string& after) {
    return export_records<AccountLink>(uow, equal("user_id", user.id), after, [](const AccountLink& link) {
      return Object{{"kind", link.kind}, {"expires_at", to_iso8601(link.expires_at)}};
    });
  });
  on_export("events", export_events);
  on_export("audit_log", export_audit);

  on_erasure([this](UnitOfWork& uow, const Erasure& erasure, const std::string& after) {
    return erase_jobs(uow, erasure, clock_.now(), after);
  });
  on_erasure([this](UnitOfWork& uow, const Erasure& erasure, const std::string& after) {
    const std::string email = "erased-" + erasure.user_id.text() + '@' + std::string(User::erased_domain);
    const EventId from = after.empty() ? Events::before(erasure.since) : EventId::parse(after).value_or(EventId());
    const auto next = events_.erase_person(uow, erasure.user_id, email, User::erased_name, from);
    return next ? next->text() : std::string();
  });
}

// --- export ---

/// Begins with the account; then comes each part, page by page.
class PersonalData::Document final : public http::BodySource {
 public:
  Document(PersonalData& data, User user) : data_(data), user_(std::move(user)) {
    text_ = R"({"format":"lms-person","version":1,"exported_at":)";
    append_json_text(text_, to_iso8601(data_.clock_.now()));
    text_ += R"(,"account":)";
    Codec<User>::show(text_, user_);
  }

  std::size_t read(std::span<char> buffer) override {
    while (sent_ == text_.size()) {
      if (is_whole_) return 0;
      text_.clear();
      sent_ = 0;
      write_more();
    }
    const std::size_t count = std::min(buffer.size(), text_.size() - sent_);
    std::memcpy(buffer.data(), text_.data() + sent_, count);
    sent_ += count;
    return count;
  }

 private:
  void write_more() {
    if (part_ == data_.exported_.size()) {
      text_ += "}\n";
      is_whole_ = true;
      return;
    }
    const std::string& name = data_.exported_[part_].first;
    const ExportPart& part = data_.exported_[part_].second;
    if (!is_begun_) {
      text_ += ',';
      append_json_text(text_, name);
      text_ += ":[";
      is_begun_ = is_first_ = true;
    }
    const Page page = data_.storage_.read([&](UnitOfWork& uow) { return part(uow, user_, after_); });
    for (const Value& item : page.items) {
      if (!std::exchange(is_first_, false)) text_ += ',';
      append_json(text_, item);
    }
    after_ = page.next;
    if (!after_.empty()) return;
    text_ += ']';
    is_begun_ = false;
    ++part_;
  }

  PersonalData& data_;
  User user_;
  std::string text_;
  std::size_t sent_ = 0;
  std::size_t part_ = 0;
  std::string after_;
  bool is_begun_ = false;
  bool is_first_ = false;
  bool is_whole_ = false;
};

std::unique_ptr<http::BodySource> PersonalData::export_person(const Principal& who, UserId id) {
  require_user(who);
  if (!who.is(id)) require(who, Permission::manage_users);
  User user = storage_.write([&](UnitOfWork& uow) {
    User found = Repository<User>(uow).get(id);
    if (!who.is(id)) Users::require_may_manage(who, found.role);
    audit_.record(uow, who, audited::user_exported, id);
    return found;
  });
  return std::make_unique<Document>(*this, std::move(user));
}

// --- erasure ---

Erasure PersonalData::begin(const Principal& who, UserId id, CertificateFate certificates, const User* confirmed) {
  return storage_.write([&](UnitOfWork& uow) {
    if (confirmed != nullptr) auth_.still_confirmed(uow, who, *confirmed);
    User user = Repository<User>(uow).get(id);
    if (!who.is(id)) Users::require_may_manage(who, user.role);
    const bool is_first = !user.erased_at;
    if (is_first) {
      Repository<LoginFailures>(uow).remove_where(equal("login", LoginFailures::digest_of(user.email)));
      for (const std::string& address : {user.email, user.pending_email.value_or(user.email)})
        Repository<AccountMail>(uow).remove_where(equal("recipient", sha256_hex(email_key(address))));
      users_.erase(uow, user);
      events_.emit(uow, events::user_erased, who, ErasureEvent{id});
    }
    const Erasure erasure{id, *user.erased_at, certificates, user.created_at};
    jobs_.enqueue(uow, std::string(erasing), payload_of(erasure),
                  {.run_at = clock_.now() + settling, .max_attempts = attempts_in_three_days});
    audit_.record(uow, who, audited::user_erased, id, {{"certificates", name_of(certificates)}});
    return erasure;
  });
}

Erasure PersonalData::erase(const Principal& who, UserId id, const ErasureRequest& request) {
  require(who, Permission::manage_users);
  if (who.is(id)) throw conflict("own_account", "To erase your own account takes your password: POST /users/me/erase.");
  return begin(who, id, request.certificates);
}

Erasure PersonalData::erase_self(const Principal& who, const OwnErasureRequest& request, const ClientInfo& client) {
  const User confirmed = auth_.confirm(who, request.confirmation, client);
  return begin(who, who.user(), request.certificates, &confirmed);
}

void PersonalData::finish(const Erasure& erasure, std::stop_token stop) {
  for (const ErasePart& part : erased_) {
    std::string after;
    do {
      if (stop.stop_requested()) throw unavailable("stopped", "The school is being stopped.");
      after = storage_.write([&](UnitOfWork& uow) { return part(uow, erasure, after); });
    } while (!after.empty());
  }
}

}  // namespace lms
