#pragma once

#include <string>
#include <string_view>

#include <lms/time.hpp>

#include "base/mailbox.hpp"

/// Header lines of a mail as RFC 5322 and RFC 2047 have them: folded, in ASCII, without the last line break.
namespace lms {

/// `Subject: …`; the text is one line of UTF-8.
std::string text_header(std::string_view name, std::string_view text);
/// `To: "Name" <address>`
std::string address_header(std::string_view name, const Mailbox& mailbox);
/// `Date: Thu, 01 Jan 2026 00:00:00 +0000`
std::string date_header(Time time);

}  // namespace lms
