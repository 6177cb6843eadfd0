#include <lms/error.hpp>
#include <lms/value.hpp>

#include "fuzz/target.hpp"
#include "package/document.hpp"

using namespace lms;

/// A package that is taken is written so that it is taken again, as the same.
int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    const PackagedCourse package = read_package(parse_json(fuzz::text_of(data, size)));
    const Value document = write_package(package);
    fuzz::promise(write_package(read_package(document)) == document, "a package survives the way out and back");
  } catch (const Error& error) {
    fuzz::promise(!error.faults().empty() || error.code() == ErrorCode::invalid, "a refusal names its faults");
  }
  return 0;
}
