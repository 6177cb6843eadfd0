#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <lms/http.hpp>

/// Reading the texts of header fields (RFC 9110, section 5.6).
namespace lms {

std::string_view trimmed(std::string_view text) noexcept;

/// Blind to ASCII case.
bool same_token(std::string_view a, std::string_view b) noexcept;

/// The elements of a comma-separated list over all fields of that name, trimmed, empty ones left out. Every comma
/// separates, even within quotes: a quote that a client left open must not swallow what a proxy added behind it.
std::vector<std::string> list_elements(const http::Headers& headers, std::string_view name);

/// The token of the first `Authorization: Bearer …`; none without the field or with another scheme.
std::optional<std::string_view> bearer_token(const http::Headers& headers) noexcept;

/// What stands before the first `;`: `text/html` of `text/html; charset=utf-8`.
std::string_view without_parameters(std::string_view text) noexcept;

/// The parameter `name=value` among those separated by `;`, without quotes.
std::optional<std::string> parameter(std::string_view text, std::string_view name);

}  // namespace lms
