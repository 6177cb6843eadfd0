#pragma once

#include <string>
#include <string_view>

namespace lms {

/// CommonMark with tables, strikethrough and task lists, as HTML that is safe to show whoever wrote it.
///
/// HTML in the text appears as text. Links go to http, https, mailto and relative addresses, images come from http,
/// https and relative ones; of others the words remain. Text built to explode into HTML is shown unformatted.
/// Thread-safe.
std::string markdown_to_html(std::string_view markdown);

}  // namespace lms
