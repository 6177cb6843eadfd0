#pragma once

#include <string>

#include <lms/id.hpp>
#include <lms/schema.hpp>
#include <lms/time.hpp>
#include <lms/user.hpp>

/// What mails about accounts leave in storage.
namespace lms {

/// A token that was mailed and not used yet.
struct AccountLink {
  std::string jti;
  UserId user_id;
  std::string kind;   ///< of the mail
  std::string proof;  ///< digest of what it is about: another address or another password ends it
  Time expires_at;

  static const Schema& schema();
};

struct AccountMailTag;

/// A mail that anybody asked for with a bare address, so that no mail box is flooded. Strangers' addresses are counted
/// as well, under a digest, so that the work tells nothing.
struct AccountMail {
  Id<AccountMailTag> id;
  std::string recipient;  ///< digest of the address
  std::string kind;
  Time sent_at;

  static const Schema& schema();
};

}  // namespace lms
