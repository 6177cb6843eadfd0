#include "auth/device_text.hpp"

#include <cstddef>

#include "base/formats.hpp"
#include "base/utf8.hpp"

namespace lms {

std::string device_text(std::string_view sent) {
  constexpr std::size_t longest = 255, longest_read = 1'024;
  sent = sent.substr(0, longest_read);
  std::string text;
  for (std::size_t position = 0; position < sent.size();) {
    const std::size_t begin = position;
    if (!next_code_point(sent, position)) {
      ++position;
      continue;
    }
    const std::string_view character = sent.substr(begin, position - begin);
    if (is_plain_line(character)) text += character;
  }
  return std::string(cut_utf8(text, longest));
}

}  // namespace lms
