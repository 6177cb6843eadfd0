#include <lms/backends/log.hpp>

#include <atomic>
#include <cstddef>
#include <exception>
#include <string>

#include <spdlog/async_logger.h>
#include <spdlog/details/console_globals.h>
#include <spdlog/details/thread_pool.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_sinks.h>

#include "backend/log/line.hpp"

namespace lms {

namespace {

constexpr std::size_t lines_queued = 8'192;
constexpr std::size_t between_loss_checks = 256;

class SpdlogSink final : public LogSink {
 public:
  explicit SpdlogSink(const LogOptions& options)
      : format_(options.format), level_(options.level), writer_(std::make_shared<Writer>(lines_queued, 1)) {
    using Console = spdlog::sinks::stdout_sink_base<spdlog::details::console_mutex>;
    logger_ = std::make_shared<spdlog::async_logger>("lms", std::make_shared<Console>(options.stream), writer_,
                                                     spdlog::async_overflow_policy::overrun_oldest);
    logger_->set_level(spdlog::level::trace);
    logger_->set_pattern("%v", spdlog::pattern_time_type::utc);
  }

  bool wants(LogLevel level) const noexcept override { return level >= level_; }

  void write(const LogEntry& entry) noexcept override {
    if (!wants(entry.level)) return;
    try {
      put(entry);
      if (++written_ % between_loss_checks == 0) report_losses(entry.time);
    } catch (const std::exception&) {  // out of memory: this line is lost, the caller goes on
    }
  }

 private:
  using Writer = spdlog::details::thread_pool;

  void put(const LogEntry& entry) {
    const std::string line = format_ == LogFormat::json ? json_line(entry) : text_line(entry);
    logger_->log(spdlog::level::info, spdlog::string_view_t(line.data(), line.size()));
  }

  void report_losses(Time now) {
    const std::size_t lost = writer_->overrun_counter();
    const std::size_t reported = reported_.exchange(lost);
    if (lost <= reported) return;
    const Object fields{{"lines", static_cast<std::int64_t>(lost - reported)}};
    put({now, LogLevel::warning, "app", "lines of the log were lost: the stream does not take them fast enough",
         fields});
  }

  const LogFormat format_;
  const LogLevel level_;
  std::shared_ptr<spdlog::async_logger> logger_;
  std::shared_ptr<Writer> writer_;  // goes first, and has then written everything
  std::atomic<std::size_t> written_ = 0;
  std::atomic<std::size_t> reported_ = 0;
};

}  // namespace

std::shared_ptr<LogSink> open_log(const LogOptions& options) {
  return std::make_shared<SpdlogSink>(options);
}

}  // namespace lms
