#pragma once

#include <optional>

#include <lms/auth.hpp>
#include <lms/mail.hpp>
#include <lms/user.hpp>

#include "auth/device_text.hpp"

/// What mails about an account have in common.
namespace lms {

inline MailContent mail_to(const User& user) {
  return {.to = user.email, .name = user.full_name, .language = user.language, .timezone = user.timezone};
}

/// What a notice about an account is made of when it is sent.
inline Object account_notice(const User& user, Time at, const ClientInfo& client) {
  return {{"user_id", user.id.text()}, {"time", to_iso8601(at)}, {"device", device_text(client.device)}};
}
inline std::optional<Time> time_of_notice(const Value& payload) {
  return payload["time"].is_string() ? parse_iso8601(payload["time"].as_string()) : std::nullopt;
}

}  // namespace lms
