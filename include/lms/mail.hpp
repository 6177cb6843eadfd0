#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <lms/export.hpp>
#include <lms/job.hpp>
#include <lms/spi/clock.hpp>
#include <lms/spi/mailer.hpp>
#include <lms/spi/storage.hpp>
#include <lms/time.hpp>
#include <lms/value.hpp>

/// Mails: what they say stands in templates, and they go out through the job queue.
namespace lms {

class Principal;
class MailTemplates;

/// A template as a file would hold it, named as the file would be: `badge_awarded.txt`, `badge_awarded.de.txt`.
/// docs/mail.md says what stands in one.
struct MailTemplate {
  std::string_view file;
  std::string_view source;
};

/// One kind of mail, and the placeholders of its templates, to which `school` and `name` (the recipient's) come by
/// themselves. A kind is a constant: it and what it points to outlive the school.
struct MailKind {
  std::string_view name;                      ///< of its templates, and of its jobs: `mail.` and this
  std::vector<std::string_view> values = {};  ///< each of its mails has all of them; an empty one is not known
  std::vector<MailTemplate> templates = {};   ///< of a host's own kind; those below have theirs built in
};

/// The kinds that a school has templates for, in English, Spanish and German.
namespace mail_kind {
extern LMS_API const MailKind verify_email,  ///< `link`, `lifetime`
    account_exists,                          ///< to the owner of an account whose address somebody wants to use
    password_reset,                          ///< `link`, `lifetime`
    password_changed,                        ///< `time`, `device`
    email_change_verify,                     ///< to the new address: `address` (the new one), `link`, `lifetime`
    email_change_requested,                  ///< to the old address: `address` (the new one), `time`, `device`
    email_changed,                           ///< to the old address: `address` (the new one), `time`, `device`
    login_code,                              ///< `code`, `lifetime`
    account_locked,                          ///< `time`, `lifetime` (of the lock), `codes` if codes were wrong
    mfa_enabled,                             ///< `time`, `device`
    mfa_disabled,                            ///< `time`, `device`
    recovery_codes_renewed,                  ///< `time`, `device`
    access_token_created,                    ///< `token` (its name), `time`, `device`
    invitation,  ///< to somebody for whom an account was made: `address` to sign in with, `link`, `lifetime`
    test;        ///< `time`
/// All of the above.
LMS_API const std::vector<const MailKind*>& all();
}  // namespace mail_kind

/// What a placeholder stands for: a text of one line; a duration, written `30 minutes` in the mail's language; a time,
/// written in that language for the recipient's time zone.
using MailValue = std::variant<std::string, std::chrono::minutes, Time>;

/// A mail before it is written.
struct MailContent {
  std::string to;  ///< address
  std::string name = {};
  std::string language = "en";   ///< that the recipient prefers; another is taken where there is no template in it
  std::string timezone = "UTC";  ///< IANA name
  std::map<std::string, MailValue, std::less<>> values = {};
};

struct MailOptions {
  std::string school = "LMS";  ///< its name, as mails say it
  std::string templates_dir;   ///< a folder whose files take the place of templates; empty: none
};

struct MailSendOptions {
  std::optional<Time> not_before = {};         ///< none: at once
  std::optional<std::string> unique_key = {};  ///< at most one mail with it waits at a time
  std::int64_t priority = 0;                   ///< higher goes first
};

/// Writes mails and sends them, in the background and at least once. Thread-safe, but for `declare`.
class LMS_API Mails {
 public:
  /// Makes the content of a mail when it is about to be sent, and again at each attempt: links and codes are made then,
  /// so none is stored in the queue and each lives its whole life from there on. None: the mail is no longer wanted.
  /// Runs outside of any transaction; may use the storage.
  using Compose = std::function<std::optional<MailContent>(const Value& payload)>;

  /// @throws Error invalid with every fault of the templates in `options.templates_dir`, or if it cannot be read.
  Mails(Storage& storage, const Clock& clock, Jobs& jobs, Mailer& mailer, MailOptions options);
  ~Mails();

  /// Says how mails of a kind are made. Call before jobs are done.
  /// @throws Error invalid with every fault of the kind's own templates; internal if it is declared already.
  void declare(const MailKind& kind, Compose compose);

  /// Adds a mail to the caller's transaction: it goes out once that is committed. The payload is what `compose` gets;
  /// admins see it, so it says whom and what the mail is about (ids), and holds no secret. While the mail server cannot
  /// be reached the mail is tried again, at first after a minute, then more rarely, in the end once an hour, for three
  /// days. A mail that is refused for good is dead at once, and its job says why.
  /// Returns none if a mail with the same unique key waits. @throws Error internal if the kind is not declared.
  std::optional<JobId> send(UnitOfWork& uow, const MailKind& kind, Value payload, const MailSendOptions& options = {});

  /// The mail as it would be sent, but for its id.
  /// @throws Error internal if the content lacks a value of the kind or has one that the kind does not know.
  Mail write(const MailKind& kind, const MailContent& content) const;

  /// Sends a mail of the kind `test` through the queue, so that an admin sees that mails arrive; the job tells how it
  /// went. @throws Error forbidden `admin_required`; invalid if `to` is no address.
  Job send_test(const Principal& who, const std::string& to, const std::string& name = {},
                const std::string& language = "en", const std::string& timezone = "UTC");

  /// Files of the folder that are no template of any kind declared so far, nor of those built in: misspelt, as a rule.
  std::vector<std::string> stray_templates() const;

 private:
  Value deliver(const MailKind& kind, const Compose& compose, const Job& job) const;

  Storage& storage_;
  const Clock& clock_;
  Jobs& jobs_;
  Mailer& mailer_;
  std::string school_;
  std::unique_ptr<MailTemplates> templates_;
  std::map<std::string_view, const MailKind*> declared_;
};

}  // namespace lms
