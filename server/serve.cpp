#include <csignal>
#include <cstdio>
#include <memory>
#include <string>
#include <system_error>
#include <thread>
#include <utility>

#include <pthread.h>
#include <unistd.h>

#include <lms/lms.hpp>

#include "commands.hpp"
#include "failure.hpp"
#include "http1/server.hpp"
#include "setup.hpp"
#include "vault.hpp"

namespace lms::server {

namespace {

using namespace std::chrono_literals;

/// Once the deadline of a stop is over by this much, whatever still hangs is ended with the process.
constexpr auto patience = 5s;

/// The school as the HTTP front sees it.
class SchoolApplication final : public http1::Application {
 public:
  /// Before the server starts.
  void open(Lms& school) { school_ = &school; }

  http::Plan plan(const http::Request& head) noexcept override { return school_->plan(head); }
  std::optional<http::Response> try_handle(http::Request& request) noexcept override {
    return school_->try_handle(request);
  }
  http::Response handle(http::Request request) noexcept override { return school_->handle(std::move(request)); }
  void handle(http::Request request, http::Answer answer, const Executor& executor) noexcept override {
    school_->handle(std::move(request), std::move(answer), executor);
  }
  http::Response refuse(int status, std::string_view reason, std::string_view message) override {
    return school_->refuse(status, reason, message);
  }

 private:
  Lms* school_ = nullptr;
};

/// SIGINT and SIGTERM, kept from every thread that is started while this lives, to be waited for.
class StopSignals {
 public:
  StopSignals() {
    sigemptyset(&set_);
    sigaddset(&set_, SIGINT);
    sigaddset(&set_, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &set_, nullptr);
  }

  void wait() const {
    int signal = 0;
    sigwait(&set_, &signal);
  }
  /// From now on a signal ends the process at once.
  void let_through() const { pthread_sigmask(SIG_UNBLOCK, &set_, nullptr); }

 private:
  sigset_t set_{};
};

http1::Server listen(http1::Application& application, const Settings& settings) {
  try {
    return http1::Server(application, http_options(settings));
  } catch (const std::system_error& error) {
    throw Failure(ExitCode::unavailable, error.what());
  }
}

/// To people as every command does it, to machines as every other line of the log.
void tell_warnings(const LoadedSettings& loaded, LogSink& log) {
  const SystemClock clock;
  for (const SettingWarning& warning : loaded.warnings) {
    if (loaded.settings.log_format == LogFormat::json)
      Logger(log, clock).warning("app", warning.text, {{"setting", warning.name}});
    else
      warn(warning.text);
  }
}

void announce(const Lms& school, std::uint16_t port) {
  const std::string address = address_of(school.settings(), port);
  if (school.settings().log_format == LogFormat::json)
    return school.log().info("app", "listening",
                             {{"version", version()}, {"address", address}, {"docs", address + "/docs"}});
  std::printf("lms-server %s listens on %s, its API is described on %s/docs\n", std::string(version()).c_str(),
              address.c_str(), address.c_str());
  std::fflush(stdout);
}

/// Both ends get the whole of the time: jobs are asked to stop while the last requests are answered.
void stop(Lms& school, http1::Server& server, std::chrono::seconds deadline) {
  alarm(static_cast<unsigned>((deadline + patience).count()));
  std::jthread jobs([&] { school.stop(deadline); });
  if (!server.drain(deadline)) school.log().warning("app", "requests were cut off");
  jobs.join();
}

/// Stops the front, however serving ends, before the school that it asks goes.
class StopAtEnd {
 public:
  explicit StopAtEnd(http1::Server& server) : server_(server) {}
  ~StopAtEnd() { server_.stop(); }
  StopAtEnd(const StopAtEnd&) = delete;
  StopAtEnd& operator=(const StopAtEnd&) = delete;

 private:
  http1::Server& server_;
};

}  // namespace

void serve(const CommonOptions& common) {
  const StopSignals signals;
  std::signal(SIGPIPE, SIG_IGN);  // a log whose reader is gone must not end the school
  const LoadedSettings loaded = load_process_settings(common, SecretKey::signs);
  const Settings& settings = loaded.settings;
  const std::shared_ptr<LogSink> log = open_log(settings, Purpose::service);
  tell_warnings(loaded, *log);
  SchoolApplication application;
  http1::Server server = listen(application, settings);  // first: a port in use must not leave a database behind
  Lms school(settings, open_backends(settings, Purpose::service, log));
  const StopAtEnd stop_at_end(server);
  application.open(school);
  school.start();
  server.start();
  const VaultRenewal renewal(settings, log);
  announce(school, server.port());
  if (name_of_database(settings) == "memory")
    school.log().warning("app", "the school is kept in memory and ends with this process");

  signals.wait();
  signals.let_through();
  school.log().info("app", "stopping", {{"within_seconds", std::int64_t{settings.shutdown_timeout.count()}}});
  stop(school, server, settings.shutdown_timeout);
  school.log().info("app", "stopped");
}

}  // namespace lms::server
