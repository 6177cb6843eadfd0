#include "http1/body_pipe.hpp"

#include <algorithm>
#include <utility>

namespace lms::http1 {

class BodyPipe::Reader final : public http::BodySource {
 public:
  explicit Reader(std::shared_ptr<BodyPipe> pipe) : pipe_(std::move(pipe)) {}
  ~Reader() override { pipe_->abandon(); }
  std::size_t read(std::span<char> buffer) override { return pipe_->read(buffer); }
  std::optional<std::uint64_t> size() const override { return pipe_->size_; }

 private:
  std::shared_ptr<BodyPipe> pipe_;
};

BodyPipe::BodyPipe(std::size_t capacity, std::optional<std::uint64_t> size, std::function<void()> ask)
    : capacity_(capacity), size_(size), ask_(std::move(ask)) {}

std::unique_ptr<http::BodySource> BodyPipe::reader(std::shared_ptr<BodyPipe> pipe) {
  return std::make_unique<Reader>(std::move(pipe));
}

bool BodyPipe::push(std::string bytes) {
  const std::lock_guard lock(mutex_);
  if (abandoned_ || bytes.empty()) return true;
  buffered_ += bytes.size();
  pieces_.push_back(std::move(bytes));
  full_ = buffered_ >= capacity_;
  changed_.notify_one();
  return !full_;
}

void BodyPipe::finish() {
  const std::lock_guard lock(mutex_);
  finished_ = true;
  changed_.notify_one();
}

void BodyPipe::fail(Error error) {
  const std::lock_guard lock(mutex_);
  if (!finished_ && !cut_ && !error_) error_ = std::move(error);
  changed_.notify_one();
}

void BodyPipe::cut() noexcept {
  const std::lock_guard lock(mutex_);
  cut_ = !finished_ && !error_;
  changed_.notify_one();
}

std::size_t BodyPipe::read(std::span<char> buffer) {
  std::unique_lock lock(mutex_);
  const auto settled = [this] { return !pieces_.empty() || finished_ || cut_ || error_; };
  if (!settled() && !std::exchange(asked_, true)) {
    lock.unlock();
    ask_();
    lock.lock();
  }
  changed_.wait(lock, settled);
  if (pieces_.empty() && error_) throw Error(*error_);
  if (pieces_.empty() && cut_)
    throw unavailable("client_gone", "The client went away before its request was complete.");

  std::size_t copied = 0;
  while (copied < buffer.size() && !pieces_.empty()) {
    const std::string& piece = pieces_.front();
    const std::size_t count = piece.copy(buffer.data() + copied, buffer.size() - copied, taken_);
    copied += count;
    taken_ += count;
    if (taken_ == piece.size()) {
      pieces_.pop_front();
      taken_ = 0;
    }
  }
  buffered_ -= copied;
  const bool room_again = full_ && buffered_ <= capacity_ / 2;
  if (room_again) full_ = false;
  lock.unlock();
  if (room_again) ask_();
  return copied;
}

void BodyPipe::abandon() {
  bool was_full = false;
  {
    const std::lock_guard lock(mutex_);
    abandoned_ = true;
    pieces_.clear();
    taken_ = buffered_ = 0;
    was_full = std::exchange(full_, false);
  }
  if (was_full) ask_();
}

}  // namespace lms::http1
