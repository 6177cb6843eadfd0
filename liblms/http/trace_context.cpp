#include "http/trace_context.hpp"

#include <algorithm>
#include <string_view>

namespace lms {

namespace {

constexpr std::size_t version_size = 2, trace_size = 32, parent_size = 16, flags_size = 2;
constexpr std::size_t trace_begin = version_size + 1;
constexpr std::size_t parent_begin = trace_begin + trace_size + 1;
constexpr std::size_t flags_begin = parent_begin + parent_size + 1;
constexpr std::size_t whole_size = flags_begin + flags_size;

bool is_hex(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}
bool is_id(std::string_view text) {
  return is_hex(text) && text.find_first_not_of('0') != std::string_view::npos;
}

}  // namespace

std::string trace_id_of(const http::Headers& headers) {
  const std::string* field = headers.find("traceparent");
  if (!field || headers.count("traceparent") > 1 || field->size() < whole_size) return {};
  const std::string_view text = *field;
  const std::string_view version = text.substr(0, version_size);
  const std::string_view trace = text.substr(trace_begin, trace_size);
  const bool is_separated = text[version_size] == '-' && text[parent_begin - 1] == '-' && text[flags_begin - 1] == '-';
  // A later version may say more behind what this one knows.
  const bool ends_well = text.size() == whole_size || (version != "00" && text[whole_size] == '-');
  const bool is_well_formed = is_separated && ends_well && is_hex(version) && version != "ff" && is_id(trace) &&
                              is_id(text.substr(parent_begin, parent_size)) &&
                              is_hex(text.substr(flags_begin, flags_size));
  return is_well_formed ? std::string(trace) : std::string();
}

}  // namespace lms
