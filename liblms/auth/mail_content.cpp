#include "auth/mail_content.hpp"

#include <lms/repository.hpp>

#include "auth/device_text.hpp"

namespace lms {

MailContent mail_to(const User& user) {
  return {.to = user.email, .name = user.full_name, .language = user.language, .timezone = user.timezone};
}

std::optional<User> reader_of(UnitOfWork& uow, const Value& payload) {
  const auto id = payload["user_id"].is_string() ? UserId::parse(payload["user_id"].as_string()) : std::nullopt;
  auto user = id ? Repository<User>(uow).find(*id) : std::nullopt;
  if (!user || !user->is_active || user->service_account) return std::nullopt;
  return user;
}

Object account_notice(const User& user, Time at, const ClientInfo& client) {
  return {{"user_id", user.id.text()}, {"time", to_iso8601(at)}, {"device", device_text(client.device)}};
}

std::optional<MailContent> compose_notice(Storage& storage, const Value& payload) {
  const auto user = storage.read([&](UnitOfWork& uow) { return reader_of(uow, payload); });
  if (!user) return std::nullopt;
  MailContent content = mail_to(*user);
  content.values = {{"time", parse_iso8601(payload["time"].as_string()).value()},
                    {"device", payload["device"].as_string()}};
  return content;
}

}  // namespace lms
