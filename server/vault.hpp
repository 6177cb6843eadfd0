#pragma once

#include <memory>
#include <thread>

#include <lms/settings.hpp>
#include <lms/spi/log_sink.hpp>

/// Vault, where the settings say it is.
namespace lms::server {

/// What Vault keeps, by names of settings. @throws Error as `read_vault_secret` and `open_https_client` do
EnvironmentVariables ask_vault(const Settings& settings);

/// Renews the token of Vault while it lives, on a thread of its own; does nothing unless the settings use Vault.
class VaultRenewal {
 public:
  VaultRenewal(const Settings& settings, std::shared_ptr<LogSink> log);

 private:
  std::jthread thread_;
};

}  // namespace lms::server
