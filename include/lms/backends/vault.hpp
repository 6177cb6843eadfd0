#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <stop_token>
#include <string>

#include <lms/export.hpp>
#include <lms/spi/clock.hpp>
#include <lms/spi/http_client.hpp>
#include <lms/spi/log_sink.hpp>

/// HashiCorp Vault, or OpenBao, over its HTTP API: one secret of a key-value engine of version 2, and the lease of the
/// token that reads it.
namespace lms {

struct VaultOptions {
  std::string url;                            ///< `https://vault.example.org:8200`
  std::string token;                          ///< never shown, nor sent anywhere but to `url`
  std::string mount = "secret";               ///< of the engine
  std::string path = "lms";                   ///< of the secret in it
  std::string name_space = {};                ///< of Vault Enterprise and OpenBao; empty: the root
  std::chrono::milliseconds timeout{10'000};  ///< of each request
};

/// The newest version of a secret: its keys and, as text, their values. Numbers, booleans and arrays are given as JSON.
/// Thread-safe if the client is.
/// @throws Error unavailable if Vault cannot be reached or is sealed, too busy or broken; forbidden `vault_refused` if
///   the token is not good for it; not_found `vault_secret_missing` if there is no such secret, or it was deleted;
///   invalid for what Vault answers and a secret cannot be, and for options that make no request. No message shows the
///   token or a value.
LMS_API std::map<std::string, std::string, std::less<>> read_vault_secret(HttpClient& client,
                                                                          const VaultOptions& options);

/// Keeps a token alive: asks Vault for its lease, and renews it when a third of that is over. Starts no thread; one
/// thread calls `keep`, again and again. What goes wrong is told once in the category `security` until it goes well
/// again, and tried again in a minute, sooner if the lease is short.
class LMS_API VaultTokenLease {
 public:
  /// `client`, `clock` and `log` outlive this.
  VaultTokenLease(HttpClient& client, VaultOptions options, const Clock& clock, LogSink& log);

  /// Does what is due, and says when to call again. None: there is nothing more to do, because the token never ends,
  /// cannot be renewed, or is no longer good.
  std::optional<Time> keep(const std::stop_token& stop = {});

 private:
  std::optional<Time> learn(const std::stop_token& stop);
  std::optional<Time> renew(const std::stop_token& stop);
  std::optional<Time> next_renewal(std::chrono::seconds lease);
  Time next_try(const std::string& why);
  void tell_recovery();

  HttpClient& client_;
  VaultOptions options_;
  const Clock& clock_;
  Logger log_;
  std::optional<Time> due_;   ///< of the next renewal; none until the lease is known
  std::optional<Time> ends_;  ///< when the token does
  bool failing_ = false;
};

}  // namespace lms
