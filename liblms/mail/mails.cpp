#include <lms/mail.hpp>

#include <algorithm>
#include <utility>

#include <lms/error.hpp>
#include <lms/principal.hpp>
#include <lms/repository.hpp>

#include "base/formats.hpp"
#include "base/localized.hpp"
#include "base/utf8.hpp"
#include "mail/templates.hpp"

namespace lms {

namespace {

/// With the queue's back-off (one minute, doubling to an hour) the last attempt comes after three days.
constexpr std::int64_t attempts_in_three_days = 78;

std::string job_kind(const MailKind& kind) {
  return "mail." + std::string(kind.name);
}

/// What people have typed, made fit for a subject: whatever is no character of a line becomes a blank.
std::string one_line(std::string_view text) {
  std::string line;
  for (std::size_t position = 0; position < text.size();) {
    const std::size_t start = position;
    if (!next_code_point(text, position)) {
      line += "\uFFFD";
      ++position;
      continue;
    }
    const std::string_view character = text.substr(start, position - start);
    line += is_plain_line(character) ? character : " ";
  }
  return line;
}

std::string shown(const MailValue& value, const std::string& language, const std::string& timezone) {
  if (const auto* text = std::get_if<std::string>(&value)) return one_line(*text);
  if (const auto* time = std::get_if<Time>(&value)) return localized(*time, timezone, language);
  return localized(std::get<std::chrono::minutes>(value), language);
}

const std::string& text_of(const Value& payload, std::string_view member) {
  static const std::string nothing;
  const Value& value = payload[member];
  return value.is_string() ? value.as_string() : nothing;
}

}  // namespace

Mails::Mails(Storage& storage, const Clock& clock, Jobs& jobs, Mailer& mailer, MailOptions options)
    : storage_(storage),
      clock_(clock),
      jobs_(jobs),
      mailer_(mailer),
      school_(one_line(options.school)),
      templates_(std::make_unique<MailTemplates>(options.templates_dir)) {
  declare(mail_kind::test, [this](const Value& payload) {
    return MailContent{.to = text_of(payload, "to"),
                       .name = text_of(payload, "name"),
                       .language = text_of(payload, "language"),
                       .timezone = text_of(payload, "timezone"),
                       .values = {{"time", clock_.now()}}};
  });
}

Mails::~Mails() = default;

void Mails::declare(const MailKind& kind, Compose compose) {
  if (!declared_.emplace(kind.name, &kind).second)
    throw internal("mails of the kind " + std::string(kind.name) + " are declared already");
  templates_->add(kind);
  jobs_.handle(job_kind(kind), [this, &kind, compose = std::move(compose)](const Job& job, std::stop_token) {
    return deliver(kind, compose, job);
  });
}

std::optional<JobId> Mails::send(UnitOfWork& uow, const MailKind& kind, Value payload, const MailSendOptions& options) {
  if (!declared_.contains(kind.name))
    throw internal("nobody has said how mails of the kind " + std::string(kind.name) + " are made");
  return jobs_.enqueue(uow, job_kind(kind), std::move(payload),
                       {.run_at = options.not_before,
                        .priority = options.priority,
                        .max_attempts = attempts_in_three_days,
                        .unique_key = options.unique_key});
}

Value Mails::deliver(const MailKind& kind, const Compose& compose, const Job& job) const {
  const std::optional<MailContent> content = compose(job.payload);
  if (!content) return Object{{"sent", false}};
  Mail mail = write(kind, *content);
  mail.id = job.id.text();
  return Object{{"sent", true}, {"reply", mailer_.send(mail)}};
}

Mail Mails::write(const MailKind& kind, const MailContent& content) const {
  const std::string who = "The mail " + std::string(kind.name);
  const std::string found = templates_->language_of(kind, content.language);
  const std::string language = found.empty() ? "en" : found;
  MailTemplates::Values values{{"name", one_line(content.name)}, {"school", school_}};
  for (const std::string_view name : kind.values) {
    const auto value = content.values.find(name);
    if (value == content.values.end()) throw internal(who + " lacks the value " + std::string(name));
    values.emplace(name, shown(value->second, language, content.timezone));
  }
  for (const auto& [name, value] : content.values)
    if (!values.contains(name)) throw internal(who + " knows no value " + name);

  MailText text = templates_->render(kind, found, values);
  return {.id = {},
          .to = content.to,
          .to_name = values.at("name"),
          .subject = std::move(text.subject),
          .text = std::move(text.text),
          .html = std::move(text.html),
          .language = language};
}

Job Mails::send_test(const Principal& who, const std::string& to, const std::string& name, const std::string& language,
                     const std::string& timezone) {
  require_admin(who);
  const auto address = normal_email(to);
  if (!address) throw invalid({"body", "to"}, "must be a mail address", "value_error.email");
  Object payload{{"to", *address}, {"name", name}, {"language", language}, {"timezone", timezone}};
  if (const auto& user = who.maybe_user()) payload.append("user_id", user->text());
  return storage_.write([&](UnitOfWork& uow) {
    const auto id = send(uow, mail_kind::test, payload);
    return Repository<Job>(uow).get(id.value());
  });
}

std::vector<std::string> Mails::stray_templates() const {
  return templates_->strays();
}

}  // namespace lms
