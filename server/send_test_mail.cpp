#include <cstdio>
#include <utility>

#include "commands.hpp"
#include "failure.hpp"
#include "setup.hpp"

namespace lms::server {

void send_test_mail(const CommonOptions& common, const SendTestMailOptions& options) {
  const Settings settings = read_settings(common).settings;
  if (settings.smtp_host.empty())
    throw Failure(ExitCode::bad_settings, "SMTP_HOST is not set, so there is no server to give a mail to.");
  const auto clock = std::make_shared<SystemClock>();
  const auto random = std::make_shared<SystemRandom>();
  const std::shared_ptr<Mailer> mailer = open_mailer(settings, clock);

  Settings of_school = settings;  // one in memory, for what it knows of mails
  of_school.admin_email.clear();
  of_school.admin_password.clear();
  Lms school(std::move(of_school));
  Mail mail = school.mails().write(
      mail_kind::test, {.to = options.to, .language = options.language, .values = {{"time", clock->now()}}});
  mail.id = random->uuid(clock->now()).text();
  std::printf("%s\n", mailer->send(mail).c_str());
}

}  // namespace lms::server
