#pragma once

#include <optional>
#include <string>

#include <lms/schema.hpp>

namespace lms {

/// What a row of an import may say.
struct UserRow {
  std::string email;
  std::string full_name;
  std::optional<std::string> role;
  std::optional<std::string> language;
  std::optional<std::string> timezone;
  bool is_active = true;
  std::string password;
  std::string password_hash;

  static const Schema& schema();
};

}  // namespace lms
