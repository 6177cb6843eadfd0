#include "vault.hpp"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <stop_token>
#include <utility>

#include <lms/backends/https.hpp>
#include <lms/backends/vault.hpp>
#include <lms/lms.hpp>

namespace lms::server {

namespace {

std::unique_ptr<HttpClient> open_client(const Settings& settings) {
  HttpsOptions options;
  options.ca_file = settings.vault_cacert;
  options.user_agent = "lms-server/" + std::string(version());
  return open_https_client(std::move(options));
}

VaultOptions vault_options(const Settings& settings) {
  VaultOptions options;
  options.url = settings.vault_url;
  options.token = settings.vault_token;
  options.mount = settings.vault_mount;
  options.path = settings.vault_path;
  options.name_space = settings.vault_namespace;
  return options;
}

void keep_renewing(const std::stop_token& stop, const Settings& settings, LogSink& log) {
  const SystemClock clock;
  const std::unique_ptr<HttpClient> client = open_client(settings);
  VaultTokenLease lease(*client, vault_options(settings), clock, log);
  std::mutex mutex;
  std::unique_lock lock(mutex);
  std::condition_variable_any stopped;
  while (const auto next = lease.keep(stop)) {
    stopped.wait_for(lock, stop, std::max<std::chrono::microseconds>(*next - clock.now(), std::chrono::microseconds(0)),
                     [] { return false; });
    if (stop.stop_requested()) return;
  }
}

}  // namespace

EnvironmentVariables ask_vault(const Settings& settings) {
  return read_vault_secret(*open_client(settings), vault_options(settings));
}

VaultRenewal::VaultRenewal(const Settings& settings, std::shared_ptr<LogSink> log) {
  if (!settings.use_vault) return;
  thread_ = std::jthread([settings, log = std::move(log)](const std::stop_token& stop) {
    try {
      keep_renewing(stop, settings, *log);
    } catch (const Error& error) {
      Logger(*log, SystemClock()).error("security", "the Vault token is not renewed", {{"cause", error.what()}});
    }
  });
}

}  // namespace lms::server
