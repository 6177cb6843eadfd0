#include "auth/login_failures.hpp"

#include <algorithm>
#include <utility>

#include <lms/repository.hpp>

#include "base/crypto.hpp"

namespace lms {

namespace {

/// A check that takes longer than this was given up: passwords wait for others to be hashed, but not as long.
constexpr auto longest_check = std::chrono::minutes{2};

Time end_of(const LoginFailures::Try& one, std::chrono::minutes duration) {
  return one.at + (one.failed ? duration : longest_check);
}

std::int64_t size(std::ptrdiff_t count) {
  return static_cast<std::int64_t>(count);
}

}  // namespace

const Schema& LoginFailures::Try::schema() {
  static const Schema schema = define<Try>("LoginTry", "A try to sign in that did not succeed, or not yet.")
                                   .field("factor", &Try::factor)
                                   .field("at", &Try::at)
                                   .field("failed", &Try::failed);
  return schema;
}

const Schema& LoginFailures::schema() {
  static const Schema schema = define<LoginFailures>("LoginFailures", "What was tried with one address in vain.")
                                   .table("login_failures")
                                   .key("login", &LoginFailures::login)
                                   .field("tries", &LoginFailures::tries)
                                   .field("locked_until", &LoginFailures::locked_until)
                                   .field("last_attempt_at", &LoginFailures::last_attempt_at)
                                   .field("expires_at", &LoginFailures::expires_at)
                                   .index({"expires_at"});
  return schema;
}

std::string LoginFailures::digest_of(std::string_view email) {
  return sha256_hex(email_key(email));
}

LoginFailures LoginFailures::load(UnitOfWork& uow, std::string login, Time now, std::chrono::minutes duration) {
  auto failures = Repository<LoginFailures>(uow).find(login).value_or(LoginFailures{});
  failures.login = std::move(login);
  std::erase_if(failures.tries, [&](const Try& one) { return end_of(one, duration) <= now; });
  if (failures.locked_until && *failures.locked_until <= now) failures.locked_until.reset();
  return failures;
}

void LoginFailures::save(UnitOfWork& uow, std::chrono::minutes duration) {
  Repository<LoginFailures> all(uow);
  if (is_empty()) {
    all.remove_where(equal("login", login));
    return;
  }
  expires_at = locked_until.value_or(Time{});
  for (const Try& one : tries) expires_at = std::max(expires_at, end_of(one, duration));
  all.upsert(*this, {"login"});
}

std::int64_t LoginFailures::count_failed(Factor factor) const noexcept {
  return size(
      std::count_if(tries.begin(), tries.end(), [&](const Try& one) { return one.failed && one.factor == factor; }));
}

std::int64_t LoginFailures::count_all(Factor factor) const noexcept {
  return size(std::count_if(tries.begin(), tries.end(), [&](const Try& one) { return one.factor == factor; }));
}

void LoginFailures::take_back(Factor factor, Time at) {
  const auto found = std::find_if(tries.begin(), tries.end(),
                                  [&](const Try& one) { return !one.failed && one.factor == factor && one.at == at; });
  if (found != tries.end()) tries.erase(found);
}

void LoginFailures::forget_failed(Factor factor) {
  std::erase_if(tries, [&](const Try& one) { return one.failed && one.factor == factor; });
}

}  // namespace lms
