#include <lms/backends/log.hpp>

#include <cstdint>
#include <exception>
#include <memory>
#include <string>

#include <spdlog/details/console_globals.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_sinks.h>

#include "backend/log/line.hpp"
#include "backend/log/line_writer.hpp"

namespace lms {

namespace {

std::shared_ptr<spdlog::sinks::sink> open_stream(std::FILE* stream) {
  using Console = spdlog::sinks::stdout_sink_base<spdlog::details::console_mutex>;
  auto sink = std::make_shared<Console>(stream);
  sink->set_formatter(std::make_unique<spdlog::pattern_formatter>("%v", spdlog::pattern_time_type::utc));
  return sink;
}

class SpdlogSink final : public LogSink {
 public:
  explicit SpdlogSink(const LogOptions& options)
      : format_(options.format), level_(options.level), writer_(open_stream(options.stream)) {}

  bool wants(LogLevel level) const noexcept override { return level >= level_; }

  void write(const LogEntry& entry) noexcept override {
    if (!wants(entry.level)) return;
    try {
      if (const std::size_t lost = put(entry); lost > 0) report(lost, entry.time);
    } catch (const std::exception&) {  // out of memory: this line is lost, the caller goes on
    }
  }

 private:
  std::size_t put(const LogEntry& entry) {
    return writer_.put(format_ == LogFormat::json ? json_line(entry) : text_line(entry),
                       entry.level >= LogLevel::warning);
  }

  void report(std::size_t lost, Time now) {
    const Object fields{{"lines", static_cast<std::int64_t>(lost)}};
    put({now, LogLevel::warning, "app", "lines of the log were lost: the stream does not take them fast enough",
         fields});
  }

  const LogFormat format_;
  const LogLevel level_;
  LineWriter writer_;
};

}  // namespace

std::shared_ptr<LogSink> open_log(const LogOptions& options) {
  return std::make_shared<SpdlogSink>(options);
}

}  // namespace lms
