#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace lms {

/// An IPv4 or IPv6 address; IPv4 ones are kept mapped into IPv6, so that both spellings are the same.
class IpAddress {
 public:
  /// Without port, brackets or zone.
  static std::optional<IpAddress> parse(std::string_view text);

  std::string text() const;
  /// Whether both begin with the same `bits` of 128.
  bool shares_prefix(const IpAddress& other, unsigned bits) const noexcept;
  /// With all bits behind the first `bits` of 128 zero.
  IpAddress network(unsigned bits) const noexcept;
  bool is_v4() const noexcept;
  /// `127.0.0.0/8` or `::1`.
  bool is_loopback() const noexcept;
  /// The IPv4 address that the last four bytes are, as in those of NAT64.
  IpAddress embedded_v4() const noexcept;
  bool operator==(const IpAddress&) const = default;

 private:
  std::array<std::uint8_t, 16> bytes_{};
};

}  // namespace lms
