#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include <lms/export.hpp>
#include <lms/spi/clock.hpp>
#include <lms/spi/mailer.hpp>

namespace lms {

struct SmtpOptions {
  enum class Security {
    starttls,  ///< begins in plain text and turns to TLS before anything is said; a server that cannot is refused
    tls,       ///< TLS from the first byte
    plain      ///< everything can be read on the way, the password too
  };

  std::string host;          ///< a name or an address
  std::uint16_t port = 587;  ///< 465 is the usual one for `tls`
  Security security = Security::starttls;
  std::string username = {};  ///< empty: no login
  std::string password = {};
  std::string from;          ///< the sender: `noreply@example.org` or `The School <noreply@example.org>`
  std::string ca_file = {};  ///< PEM file of the authorities that may vouch for the server; empty: the system's
  std::chrono::seconds connect_timeout{10};
  std::chrono::seconds timeout{30};  ///< of a whole mail, connecting included
};

/// Hands mails to a mail server, each over a connection of its own. The server's certificate and name are checked.
/// Mails go as text and HTML in one (multipart/alternative). Never raises SIGPIPE and installs no signal handler; a
/// host that uses libcurl as well need not care. Of what a server answers, 4xx is `mail_deferred`, 5xx to the recipient
/// `recipient_refused`, 5xx to the content `mail_refused`; all else that goes wrong is `mail_server_unavailable`, a
/// refused login and a refused sender too, since those are mended in the settings and the mails are not lost until
/// then.
/// @throws Error invalid if the options contradict themselves or `from` is no address.
LMS_API std::shared_ptr<Mailer> open_smtp_mailer(SmtpOptions options, std::shared_ptr<const Clock> clock);

}  // namespace lms
