#include "base/ip_networks.hpp"

#include <algorithm>
#include <charconv>
#include <system_error>

#include <lms/error.hpp>

namespace lms {

std::optional<IpNetworks::Range> IpNetworks::parse(std::string_view text) {
  constexpr unsigned all_bits = 128, v4_offset = 96;
  const std::size_t slash = text.find('/');
  const auto base = IpAddress::parse(text.substr(0, slash));
  if (!base) return std::nullopt;
  const unsigned offset = base->is_v4() ? v4_offset : 0;
  if (slash == std::string_view::npos) return Range{*base, all_bits};
  unsigned bits = 0;
  const char* const end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data() + slash + 1, end, bits);
  if (error != std::errc() || stopped != end || bits > all_bits - offset) return std::nullopt;
  return Range{*base, bits + offset};
}

bool IpNetworks::is_range(std::string_view text) {
  return parse(text).has_value();
}

IpNetworks::IpNetworks(const std::vector<std::string>& ranges, std::string_view setting) {
  for (const std::string& text : ranges) {
    const auto range = parse(text);
    if (!range)
      throw invalid({std::string(setting)}, "`" + text + "` is no address or range such as 10.0.0.1 or 10.0.0.0/8",
                    "value_error.address");
    ranges_.push_back(*range);
  }
}

bool IpNetworks::contains(const IpAddress& address) const noexcept {
  return std::any_of(ranges_.begin(), ranges_.end(),
                     [&](const Range& range) { return range.base.shares_prefix(address, range.bits); });
}

bool IpNetworks::contains(std::string_view address) const noexcept {
  if (ranges_.empty()) return false;
  const auto parsed = IpAddress::parse(address);
  return parsed && contains(*parsed);
}

}  // namespace lms
