#pragma once

#include <string>

#include <lms/export.hpp>

namespace lms {

/// One mail to one person. All of it is UTF-8.
struct Mail {
  /// Letters, digits, `-`, `_` and `.`; no other mail has it. It stands in the Message-ID, so a mail that went out
  /// twice is known to be one.
  std::string id;
  std::string to;             ///< an address in ASCII, such as `ada@example.org`
  std::string to_name = {};   ///< one line; may be empty
  std::string subject;        ///< one line
  std::string text;           ///< lines end in `\n`
  std::string html = {};      ///< a whole page that says the same; empty: there is only the text
  std::string language = {};  ///< of what it says, `en` or `pt-BR`; may be empty
};

/// Hands mails over to whoever delivers them. Thread-safe; may wait for as long as its options say.
class LMS_API Mailer {
 public:
  virtual ~Mailer();
  /// Returns once the mail is in other hands, with what they said about it, for the record.
  /// @throws Error unavailable if it may work at another time: `mail_server_unavailable`, or `mail_deferred` for this
  ///   mail alone; invalid if this mail will never go: `recipient_refused`, `mail_refused`, or that of
  ///   `require_sendable`. The message names the cause, and no secret.
  virtual std::string send(const Mail& mail) = 0;
};

/// What a mailer asks first: that the mail has all it needs, and that nothing in it could end a header and begin
/// another.
/// @throws Error invalid `mail_malformed`, naming what is wrong.
LMS_API void require_sendable(const Mail& mail);

}  // namespace lms
