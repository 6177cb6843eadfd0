#pragma once

#include <string>
#include <string_view>

namespace lms {

/// CommonMark with tables, strikethrough, task lists and bare links, as HTML that is safe to show whoever wrote it.
///
/// HTML in the text appears as text. Links go to http, https, mailto and relative addresses, images come from http,
/// https and relative ones; of others the words remain. Bare links need a text of at most 100,000 bytes. Text built to
/// explode into HTML or to confuse the parser is shown unformatted.
std::string markdown_to_html(std::string_view markdown);

}  // namespace lms
