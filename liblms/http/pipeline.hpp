#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <lms/executor.hpp>
#include <lms/http.hpp>
#include <lms/rate_limits.hpp>
#include <lms/router.hpp>
#include <lms/settings.hpp>
#include <lms/spi/clock.hpp>
#include <lms/spi/log_sink.hpp>
#include <lms/spi/random.hpp>

#include "base/ip_networks.hpp"
#include "http/answer_cache.hpp"
#include "http/authenticator.hpp"
#include "http/client_address.hpp"
#include "http/cors.hpp"
#include "http/idempotency.hpp"
#include "http/problem.hpp"
#include "http/request_metrics.hpp"

namespace lms {

/// The way of every request from its first byte to the last header of its answer. Thread-safe.
class Pipeline {
 public:
  /// `answers` is null if none are kept, `metrics` if nothing is counted.
  /// @throws Error invalid for a trusted proxy that is no address.
  Pipeline(const Router& router, const Settings& settings, Storage& storage, Authenticator& authenticator,
           RateLimits& limits, IdempotentAnswers& idempotent, AnswerCache* answers, const Clock& clock, Random& random,
           const Logger& logger, Metrics* metrics);

  /// These are Lms's functions of the same names.
  http::Plan plan(const http::Request& head) const noexcept;
  std::optional<http::Response> try_handle(http::Request& request) noexcept;
  http::Response handle(http::Request request) noexcept;
  void handle(http::Request request, http::Answer answer, const Executor& executor) noexcept;
  http::Response refuse(int status, std::string_view reason, std::string_view message) const;

 private:
  struct Exchange;
  struct Pending;

  std::optional<http::Response> respond(http::Request& request, bool may_wait);
  std::optional<http::Response> run(Exchange& exchange, bool may_wait) const;
  std::optional<http::Response> answer_early(Exchange& exchange) const;
  http::Response answer_fully(Exchange& exchange) const;
  void begin(const std::shared_ptr<Pending>& pending, const Executor& executor, bool may_wait);
  void begin_later(const std::shared_ptr<Pending>& pending, const Executor& executor) noexcept;
  std::optional<http::Response> begin_waiting(const std::shared_ptr<Pending>& pending, const Executor& executor,
                                              bool may_wait);
  template <class Step>
  auto explained(Exchange& exchange, Step&& step) const;
  template <class Step>
  void complete(Pending& pending, Step&& step) const noexcept;

  Exchange begin(http::Request& request) const;
  void look_at_head(Exchange& exchange) const;
  void check_head(Exchange& exchange) const;
  bool must_wait(const Exchange& exchange) const;
  bool asks_others(const Route* route) const noexcept;
  void limit(Exchange& exchange) const;
  void check_target(const Exchange& exchange) const;
  void check_host(const Exchange& exchange) const;
  void check_transport(const Exchange& exchange) const;
  void check_address(const Exchange& exchange) const;
  void verify_token(Exchange& exchange) const;
  void receive(Exchange& exchange) const;
  http::Response answer(Exchange& exchange) const;
  http::Response answer_untagged(Exchange& exchange) const;
  http::Response answer_to_keep(Exchange& exchange) const;
  std::optional<http::Response> kept_answer(const Exchange& exchange) const;
  bool may_be_kept(const Exchange& exchange) const;
  bool has_been_seen(const Exchange& exchange, const http::Headers& headers) const;
  http::Response serve(Exchange& exchange) const;
  http::Response act(Exchange& exchange, const Storage::Function& first) const;
  http::Response act_once(Exchange& exchange) const;
  void envelop(const Route& route, http::Response& response) const;
  void check_preconditions(const Exchange& exchange, const Router::Match& shown) const;
  std::string current_tag(const Exchange& exchange, const Router::Match& shown) const;
  http::Response serve_noted(Exchange& exchange) const;
  void note_use(const Exchange& exchange) const;
  void admit(Exchange& exchange) const;
  void authorize(const Principal& who, const Route& route) const;
  void read_key(Exchange& exchange) const;
  void read_query(Exchange& exchange, Call& call) const;
  void read_body(Exchange& exchange, Call& call) const;
  void open_stream(Exchange& exchange, Call& call) const;
  http::Response explain(const Exchange& exchange, const Problem& problem) const;
  http::Response explain_defect(const Exchange& exchange, std::string_view what) const;
  void finish(const Exchange& exchange, http::Response& response) const;

  http::Lane lane(const Route& route) const noexcept;
  std::size_t max_body(const Route& route) const noexcept;
  void add_common_headers(http::Response& response, bool secure) const;
  static std::optional<TokenClaims> claims_of(const Exchange& exchange);
  static std::string shown_path(const Exchange& exchange);
  static Value shown_trace(const Exchange& exchange);
  void log_start(const Exchange& exchange) const;
  void log_end(const Exchange& exchange, int status, double milliseconds) const;
  void log_refused_token(const Exchange& exchange, std::string_view reason) const;
  void log_refusal(const Exchange& exchange) const;
  void log_failure(const Exchange& exchange, std::string_view what) const;

  const Router& router_;
  Storage& storage_;
  Authenticator& authenticator_;
  RateLimits& limits_;
  IdempotentAnswers& idempotent_;
  const Clock& clock_;
  Random& random_;
  const Logger& logger_;
  const std::unique_ptr<RequestMetrics> metrics_;  ///< null: nothing is counted
  AnswerCache* const answers_;                     ///< null: none are kept
  const std::chrono::seconds longest_kept_;
  TrustedProxies proxies_;
  const Cors cors_;
  const IpNetworks admin_networks_;
  std::vector<std::string> allowed_hosts_;
  ErrorFormat error_format_;
  std::size_t default_max_body_;
  bool reveals_defects_;
  const bool envelops_;
  http::Headers common_headers_;         ///< of every answer
  http::Headers secure_common_headers_;  ///< of those that go over TLS
  const bool redirects_to_https_;
  const std::string public_url_;
};

}  // namespace lms
