#include "mail/log_mailer.hpp"

namespace lms {

namespace {

/// On one line, with every link free on both sides.
std::string flowed(std::string_view text) {
  std::string line;
  for (const char c : text) {
    const bool is_break = c == '\n' || c == '\r' || c == '\t';
    if (!is_break)
      line += c;
    else if (!line.empty() && line.back() != ' ')
      line += ' ';
  }
  while (line.ends_with(' ')) line.pop_back();
  return line;
}

}  // namespace

std::string LogMailer::send(const Mail& mail) {
  require_sendable(mail);
  if (shows_ == Shows::text)
    logger_.info("app", "a mail, only logged: SMTP_HOST is not set",
                 {{"to", mail.to}, {"subject", mail.subject}, {"text", flowed(mail.text)}});
  else
    logger_.warning("app", "a mail was not sent: SMTP_HOST is not set", {{"to", mail.to}, {"subject", mail.subject}});
  return "only logged: SMTP_HOST is not set";
}

}  // namespace lms
