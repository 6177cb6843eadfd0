#include "backend/log/line_writer.hpp"

#include <chrono>
#include <exception>
#include <utility>

#include <spdlog/details/log_msg.h>

namespace lms {

namespace {

constexpr std::size_t most_pending_bytes = 4UL * 1024 * 1024;
constexpr std::size_t kept_for_urgent_bytes = 1024UL * 1024;
constexpr std::chrono::milliseconds between_looks{10};

}  // namespace

LineWriter::LineWriter(std::shared_ptr<spdlog::sinks::sink> sink)
    : sink_(std::move(sink)), thread_([this] { run(); }) {}

LineWriter::~LineWriter() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

std::size_t LineWriter::put(std::string_view line, bool urgent) {
  const std::lock_guard lock(mutex_);
  const std::size_t room = most_pending_bytes + (urgent ? kept_for_urgent_bytes : 0);
  if (pending_.size() + line.size() > room) {
    ++lost_;
    return 0;
  }
  if (!pending_.empty()) pending_ += '\n';
  pending_ += line;
  urgent_ = urgent_ || urgent;
  if (urgent_ || std::exchange(idle_, false)) wake_.notify_one();
  return std::exchange(lost_, 0);
}

void LineWriter::run() {
  std::string lines;
  std::unique_lock lock(mutex_);
  for (;;) {
    if (pending_.empty()) {
      if (stopping_) return;
      idle_ = true;
      wake_.wait(lock, [this] { return stopping_ || !pending_.empty(); });
      continue;
    }
    urgent_ = false;
    lines.clear();
    lines.swap(pending_);
    lock.unlock();
    write(lines);
    lock.lock();
    wake_.wait_for(lock, between_looks, [this] { return stopping_ || urgent_; });
  }
}

void LineWriter::write(std::string_view lines) noexcept {
  try {
    sink_->log(spdlog::details::log_msg("lms", spdlog::level::info, {lines.data(), lines.size()}));
    sink_->flush();
  } catch (const std::exception&) {  // nobody is left to be told
  }
}

}  // namespace lms
