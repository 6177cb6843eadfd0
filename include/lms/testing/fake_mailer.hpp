#pragma once

#include <cstddef>
#include <deque>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <lms/error.hpp>
#include <lms/spi/mailer.hpp>

namespace lms::testing {

/// Keeps the mails that it is given, and refuses them when told to. Thread-safe.
class FakeMailer final : public Mailer {
 public:
  std::string send(const Mail& mail) override {
    require_sendable(mail);
    const std::lock_guard lock(mutex_);
    ++attempts_;
    if (refusal_) throw Error(*refusal_);
    mails_.push_back(mail);
    return "kept";
  }

  /// From now on every mail is answered by this error, as by a server that is down:
  /// `mailer.refuse(unavailable("mail_server_unavailable", "Down."))`.
  void refuse(Error error) {
    const std::lock_guard lock(mutex_);
    refusal_ = std::move(error);
  }
  /// The end of that.
  void accept() {
    const std::lock_guard lock(mutex_);
    refusal_.reset();
  }

  /// Those sent and not taken, oldest first.
  std::vector<Mail> mails() const {
    const std::lock_guard lock(mutex_);
    return {mails_.begin(), mails_.end()};
  }
  /// The oldest, which is then no longer kept; none if there is none.
  std::optional<Mail> take() {
    const std::lock_guard lock(mutex_);
    if (mails_.empty()) return std::nullopt;
    Mail mail = std::move(mails_.front());
    mails_.pop_front();
    return mail;
  }
  /// How often a mail was handed over, refused ones included.
  std::size_t attempts() const {
    const std::lock_guard lock(mutex_);
    return attempts_;
  }

 private:
  mutable std::mutex mutex_;
  std::deque<Mail> mails_;
  std::optional<Error> refusal_;
  std::size_t attempts_ = 0;
};

}  // namespace lms::testing
