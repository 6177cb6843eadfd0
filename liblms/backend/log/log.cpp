#include <lms/backends/log.hpp>

#include <array>
#include <cstdint>
#include <exception>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <spdlog/details/console_globals.h>
#include <spdlog/details/null_mutex.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/base_sink.h>
#include <spdlog/sinks/rotating_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>

#include <lms/error.hpp>

#include "backend/log/line.hpp"
#include "backend/log/line_writer.hpp"

namespace lms {

namespace {

using Sink = std::shared_ptr<spdlog::sinks::sink>;

void write_lines_as_they_are(spdlog::sinks::sink& sink) {
  sink.set_formatter(std::make_unique<spdlog::pattern_formatter>("%v", spdlog::pattern_time_type::utc));
}

Sink open_stream(std::FILE* stream) {
  using Console = spdlog::sinks::stdout_sink_base<spdlog::details::console_mutex>;
  auto sink = std::make_shared<Console>(stream);
  write_lines_as_they_are(*sink);
  return sink;
}

/// A file that begins anew when it is full, and the stream while it cannot be written. Used by one thread.
class FileSink final : public spdlog::sinks::base_sink<spdlog::details::null_mutex> {
 public:
  FileSink(const std::string& path, const LogOptions& options, Sink stream)
      : file_(path, options.file_bytes, options.old_files), stream_(std::move(stream)) {
    write_lines_as_they_are(file_);
  }

 protected:
  void sink_it_(const spdlog::details::log_msg& message) override {
    try {
      file_.log(message);
      file_.flush();
    } catch (const std::exception&) {
      stream_->log(message);
      stream_->flush();
    }
  }
  void flush_() override {}

 private:
  spdlog::sinks::rotating_file_sink_st file_;
  const Sink stream_;
};

/// The file of a category, by its place in the list.
constexpr auto file_names = std::to_array<std::string_view>({"app", "tasks", "security", "access"});
std::size_t file_of(std::string_view category) {
  if (category == "tasks") return 1;
  if (category == "security") return 2;
  return category == "api.access" ? 3 : 0;
}

std::vector<Sink> open_sinks(const LogOptions& options) {
  const Sink stream = open_stream(options.stream);
  if (options.folder.empty()) return {stream};
  try {
    std::filesystem::create_directories(options.folder);
    std::vector<Sink> sinks;
    for (const std::string_view name : file_names)
      sinks.push_back(std::make_shared<FileSink>(options.folder + "/" + std::string(name) + ".log", options, stream));
    return sinks;
  } catch (const std::exception& error) {
    throw unavailable("log_unwritable", "the log cannot be written to " + options.folder + ": " + error.what());
  }
}

class SpdlogSink final : public LogSink {
 public:
  explicit SpdlogSink(const LogOptions& options) : format_(options.format), level_(options.level) {
    for (Sink& sink : open_sinks(options)) writers_.push_back(std::make_unique<LineWriter>(std::move(sink)));
  }

  bool wants(LogLevel level) const noexcept override { return level >= level_; }

  void write(const LogEntry& entry) noexcept override {
    if (!wants(entry.level)) return;
    try {
      LineWriter& writer = writer_of(entry.category);
      if (const std::size_t lost = put(writer, entry); lost > 0) report(writer, lost, entry.time);
    } catch (const std::exception&) {  // out of memory: this line is lost, the caller goes on
    }
  }

 private:
  LineWriter& writer_of(std::string_view category) const {
    return *writers_[writers_.size() > 1 ? file_of(category) : 0];
  }

  std::size_t put(LineWriter& writer, const LogEntry& entry) const {
    return writer.put(format_ == LogFormat::json ? json_line(entry) : text_line(entry),
                      entry.level >= LogLevel::warning);
  }

  void report(LineWriter& writer, std::size_t lost, Time now) const {
    const Object fields{{"lines", static_cast<std::int64_t>(lost)}};
    put(writer, {now, LogLevel::warning, "app", "lines of the log were lost: they come faster than they can be written",
                 fields});
  }

  const LogFormat format_;
  const LogLevel level_;
  std::vector<std::unique_ptr<LineWriter>> writers_;
};

}  // namespace

std::shared_ptr<LogSink> open_log(const LogOptions& options) {
  return std::make_shared<SpdlogSink>(options);
}

}  // namespace lms
