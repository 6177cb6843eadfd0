#include <doctest/doctest.h>

#include <lms/backends/memory.hpp>
#include <lms/testing/run_twice_storage.hpp>

#include "contract/contract_check.hpp"

using namespace lms;
using namespace lms::testing;

TEST_CASE("storage in memory keeps the contract") {
  check_storage_contract([](const auto&) { return open_memory_storage(); });
}

TEST_CASE("storage in memory that runs every write twice keeps the contract") {
  check_storage_contract([](const auto&) { return std::make_unique<RunTwiceStorage>(open_memory_storage()); });
}
