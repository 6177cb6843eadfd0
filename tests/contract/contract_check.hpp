#pragma once

#include <doctest/doctest.h>

#include <lms/testing/storage_contract.hpp>

namespace lms::testing {

/// Checks every clause of the contract, each in a subcase that says it. Call it from a test case for each backend.
inline void check_storage_contract(const OpenStorage& open) {
  for (const Clause& clause : storage_contract()) {
    SUBCASE(clause.says) {
      const std::optional<std::string> breach = breach_of(clause, open);
      CHECK_MESSAGE(!breach, breach.value_or(""));
    }
  }
}

}  // namespace lms::testing
