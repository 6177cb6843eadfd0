#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace lms {

/// Who sends or gets a mail.
struct Mailbox {
  std::string name;     ///< may be empty
  std::string address;  ///< as normal_email makes it
};

/// Reads `noreply@example.org`, `The School <noreply@example.org>` and `"School, The" <noreply@example.org>`.
std::optional<Mailbox> parse_mailbox(std::string_view text);

}  // namespace lms
