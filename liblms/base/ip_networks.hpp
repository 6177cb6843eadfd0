#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ip_address.hpp"

namespace lms {

/// A set of addresses, given by addresses (`10.0.0.1`, `::1`) and ranges (`10.0.0.0/8`). Thread-safe.
class IpNetworks {
 public:
  /// @throws Error invalid, naming the setting, for anything else.
  IpNetworks(const std::vector<std::string>& ranges, std::string_view setting);
  static bool is_range(std::string_view text);

  bool empty() const noexcept { return ranges_.empty(); }
  bool contains(const IpAddress& address) const noexcept;
  /// Text that is no address is in none.
  bool contains(std::string_view address) const noexcept;

 private:
  struct Range {
    IpAddress base;
    unsigned bits;
  };
  static std::optional<Range> parse(std::string_view text);

  std::vector<Range> ranges_;
};

}  // namespace lms
