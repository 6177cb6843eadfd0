#include <lms/error.hpp>
#include <lms/value.hpp>

#include "fuzz/target.hpp"

using namespace lms;

/// What is read is written so that it reads the same again; what is refused is refused by an Error.
int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    const Value value = parse_json(fuzz::text_of(data, size));
    const std::string text = to_json(value);
    fuzz::promise(parse_json(text) == value, "JSON survives the way out and back");
    fuzz::promise(to_json(parse_json(text)) == text, "JSON is written in one way");
  } catch (const Error& error) {
    fuzz::promise(error.code() == ErrorCode::invalid || !error.faults().empty(), "malformed JSON is invalid");
  }
  return 0;
}
