#include "http1/output_queue.hpp"

#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

namespace lms::http1 {

namespace {

constexpr std::size_t joined_up_to = 16UL * 1024;
constexpr std::size_t parts_at_once = 16;

}  // namespace

void OutputQueue::push(std::string bytes) {
  if (bytes.empty()) return;
  bytes_ += bytes.size();
  if (!parts_.empty() && parts_.back().size() + bytes.size() <= joined_up_to) {
    parts_.back() += bytes;
  } else {
    parts_.push_back(std::move(bytes));
  }
}

OutputQueue::Result OutputQueue::flush(int socket) {
  while (!parts_.empty()) {
    std::array<iovec, parts_at_once> vectors{};
    const std::size_t count = std::min(parts_.size(), vectors.size());
    for (std::size_t i = 0; i < count; ++i) {
      const std::size_t skipped = i == 0 ? sent_ : 0;
      vectors[i] = {parts_[i].data() + skipped, parts_[i].size() - skipped};
    }
    msghdr message{};
    message.msg_iov = vectors.data();
    message.msg_iovlen = count;
    const ssize_t sent = sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0) {
      if (errno == EINTR) continue;
      return errno == EAGAIN ? Result::blocked : Result::broken;
    }
    drop(static_cast<std::size_t>(sent));
  }
  return Result::sent;
}

void OutputQueue::drop(std::size_t count) {
  bytes_ -= count;
  sent_ += count;
  while (!parts_.empty() && sent_ >= parts_.front().size()) {
    sent_ -= parts_.front().size();
    parts_.pop_front();
  }
}

}  // namespace lms::http1
