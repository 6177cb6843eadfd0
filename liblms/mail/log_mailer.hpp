#pragma once

#include <lms/spi/log_sink.hpp>
#include <lms/spi/mailer.hpp>

namespace lms {

/// For schools without a mail server: mails go to the log. Where people are at work, their texts, and with them links
/// and codes, stay out of it, and each mail that they wait for in vain is a warning.
class LogMailer final : public Mailer {
 public:
  enum class Shows { text, subject };

  LogMailer(const Logger& logger, Shows shows) : logger_(logger), shows_(shows) {}

  std::string send(const Mail& mail) override;

 private:
  const Logger& logger_;
  Shows shows_;
};

}  // namespace lms
