#pragma once

#include <string>
#include <string_view>

#include <lms/http.hpp>
#include <lms/router.hpp>

/// Conditional requests (RFC 9110, section 13). An entity tag is strong: it is made of the whole answer.
namespace lms {

/// Whether the route's answers with status 200 have an `ETag`.
bool has_entity_tag(const Route& route) noexcept;

/// `"…"` for an answer with that body.
std::string entity_tag(std::string_view body);

/// Whether the request is to be carried out on something in the state `tag` alone, or on something that is not.
bool has_preconditions(const http::Headers& request) noexcept;
/// `If-Match`, if it is there, names this very tag or `*`. Nothing meets it that has no tag, which is empty here.
bool meets_if_match(const http::Headers& request, std::string_view tag);
/// There is no `If-Match`, which asks for something to be there.
bool is_met_by_absence(const http::Headers& request) noexcept;
/// `If-None-Match` is there and names the tag, be it as a weak one, or `*`.
bool is_in_if_none_match(const http::Headers& request, std::string_view tag);

/// 304 in place of an answer with these headers.
http::Response not_modified(const http::Headers& answer);

}  // namespace lms
