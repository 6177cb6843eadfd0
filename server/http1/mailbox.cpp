#include "http1/mailbox.hpp"

#include <sys/eventfd.h>

#include <cerrno>
#include <system_error>
#include <utility>

namespace lms::http1 {

Mailbox::Mailbox() : bell_(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
  if (!bell_) throw std::system_error(errno, std::generic_category(), "Cannot make an eventfd");
}

void Mailbox::post(Message message) {
  bool first = false;
  {
    const std::lock_guard lock(mutex_);
    first = messages_.empty();
    messages_.push_back(std::move(message));
  }
  if (first) eventfd_write(bell_.get(), 1);
}

std::vector<Message> Mailbox::collect() {
  eventfd_t rings = 0;
  eventfd_read(bell_.get(), &rings);
  const std::lock_guard lock(mutex_);
  return std::exchange(messages_, {});
}

}  // namespace lms::http1
