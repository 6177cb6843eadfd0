#pragma once

#include <optional>

#include <lms/auth.hpp>
#include <lms/mail.hpp>
#include <lms/spi/storage.hpp>
#include <lms/user.hpp>

/// What mails about an account have in common.
namespace lms {

MailContent mail_to(const User& user);

/// Whom the mail with that payload is to; none if that is nobody, or nobody who gets mails.
std::optional<User> reader_of(UnitOfWork& uow, const Value& payload);

/// The payload of a notice: whom it is to, and when and from what device happened what it tells.
Object account_notice(const User& user, Time at, const ClientInfo& client);
/// The notice, with the values `time` and `device`; none if there is nobody to read it.
std::optional<MailContent> compose_notice(Storage& storage, const Value& payload);

}  // namespace lms
