#pragma once

#include <stdexcept>
#include <string>

/// The contract's own checks, so that it can be run by any test framework or by none.
namespace lms::testing {

/// A clause does not hold. Thrown through transaction functions, and hence none of the errors that clauses expect.
class Breach final : public std::logic_error {
 public:
  using logic_error::logic_error;
};

[[noreturn]] void break_off(const char* file, int line, const std::string& what);

}  // namespace lms::testing

#define EXPECT(...)                                                                  \
  do {                                                                               \
    if (!(__VA_ARGS__)) ::lms::testing::break_off(__FILE__, __LINE__, #__VA_ARGS__); \
  } while (false)

#define EXPECT_THROWS(expression, exception)                                                             \
  do {                                                                                                   \
    bool thrown = false;                                                                                 \
    try {                                                                                                \
      expression;                                                                                        \
    } catch (const exception&) {                                                                         \
      thrown = true;                                                                                     \
    }                                                                                                    \
    if (!thrown) ::lms::testing::break_off(__FILE__, __LINE__, #expression " should throw " #exception); \
  } while (false)
