#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <lms/settings.hpp>

namespace lms {

enum class Secrecy {
  open,
  password_in_url,  ///< shown with the password masked
  secret            ///< never shown
};

/// Another name of a setting.
struct Alias {
  Alias(const char* other_name, std::int64_t factor = 1) : name(other_name), times(factor) {}

  std::string_view name;
  std::int64_t times;  ///< what its number is multiplied by, where its unit is another than the setting's
};

/// One row: a name, the member of Settings it sets, and everything that is said about it anywhere.
struct Setting {
  std::string_view name;
  std::string_view doc;
  std::string form;                                       ///< what is accepted, as it completes "must be …"
  std::function<bool(Settings&, std::string_view)> read;  ///< false, and no change, if the text is not of that form
  std::function<std::string(const Settings&)> write;      ///< the text that `read` would take
  std::vector<Alias> aliases = {};
  Secrecy secrecy = Secrecy::open;
  bool before_vault = false;  ///< needed to ask Vault, which therefore cannot set it
};

struct SettingSection {
  std::string_view title;
  std::vector<Setting> settings;
};

const std::vector<SettingSection>& setting_table();

/// A name that other systems of the kind know and this one has no use for.
struct UselessName {
  std::string_view name;
  std::string_view why;
};
std::span<const UselessName> useless_names();

/// Names of features that a later release brings.
std::span<const std::string_view> reserved_names();

}  // namespace lms
