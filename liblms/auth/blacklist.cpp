#include <lms/auth.hpp>
#include <lms/repository.hpp>

namespace lms {

TokenBlacklist::~TokenBlacklist() = default;

void StorageBlacklist::revoke(std::string_view jti, Time expires_at) {
  const RevokedToken token{std::string(jti), expires_at};
  storage_.write([&](UnitOfWork& uow) { Repository<RevokedToken>(uow).insert_if_absent(token); });
}

bool StorageBlacklist::is_revoked(std::string_view jti) {
  return storage_.read([&](UnitOfWork& uow) { return Repository<RevokedToken>(uow).find(jti).has_value(); });
}

std::size_t StorageBlacklist::purge() {
  const Time now = clock_.now();
  return storage_.write(
      [&](UnitOfWork& uow) { return Repository<RevokedToken>(uow).remove_where(less_equal("expires_at", now)); });
}

}  // namespace lms
