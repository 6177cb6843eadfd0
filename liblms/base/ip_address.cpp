#include "base/ip_address.hpp"

#include <algorithm>

#include <arpa/inet.h>

namespace lms {

namespace {

constexpr std::array<std::uint8_t, 12> v4_mapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};

}  // namespace

std::optional<IpAddress> IpAddress::parse(std::string_view text) {
  const std::string terminated(text);
  if (terminated.find('\0') != std::string::npos) return std::nullopt;
  IpAddress address;
  if (inet_pton(AF_INET6, terminated.c_str(), address.bytes_.data()) == 1) return address;
  std::copy(v4_mapped.begin(), v4_mapped.end(), address.bytes_.begin());
  if (inet_pton(AF_INET, terminated.c_str(), address.bytes_.data() + v4_mapped.size()) == 1) return address;
  return std::nullopt;
}

bool IpAddress::is_v4() const noexcept {
  return std::equal(v4_mapped.begin(), v4_mapped.end(), bytes_.begin());
}

bool IpAddress::is_loopback() const noexcept {
  if (is_v4()) return bytes_[v4_mapped.size()] == 127;
  return bytes_.back() == 1 &&
         std::all_of(bytes_.begin(), bytes_.end() - 1, [](std::uint8_t byte) { return byte == 0; });
}

IpAddress IpAddress::network(unsigned bits) const noexcept {
  IpAddress address = *this;
  for (std::size_t i = 0; i < bytes_.size(); ++i) {
    const unsigned begin = static_cast<unsigned>(i) * 8;
    const unsigned kept = std::clamp(bits, begin, begin + 8) - begin;
    address.bytes_[i] = static_cast<std::uint8_t>(bytes_[i] & (0xFF00U >> kept));
  }
  return address;
}

IpAddress IpAddress::embedded_v4() const noexcept {
  IpAddress address = *this;
  std::copy(v4_mapped.begin(), v4_mapped.end(), address.bytes_.begin());
  return address;
}

std::string IpAddress::text() const {
  char buffer[INET6_ADDRSTRLEN];
  if (is_v4())
    inet_ntop(AF_INET, bytes_.data() + v4_mapped.size(), buffer, sizeof buffer);
  else
    inet_ntop(AF_INET6, bytes_.data(), buffer, sizeof buffer);
  return buffer;
}

bool IpAddress::shares_prefix(const IpAddress& other, unsigned bits) const noexcept {
  const unsigned whole = bits / 8;
  if (!std::equal(bytes_.begin(), bytes_.begin() + whole, other.bytes_.begin())) return false;
  if (bits % 8 == 0) return true;
  const auto difference = static_cast<unsigned>(bytes_[whole] ^ other.bytes_[whole]);
  return difference >> (8 - bits % 8) == 0;
}

}  // namespace lms
