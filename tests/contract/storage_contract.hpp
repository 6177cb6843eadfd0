#pragma once

#include <functional>
#include <memory>
#include <vector>

#include <lms/schema.hpp>
#include <lms/spi/storage.hpp>

/// The contract of lms/spi/storage.hpp, executable.
namespace lms::testing {

/// Gives a new, empty store with tables for these schemas and for full text search.
using OpenStorage = std::function<std::unique_ptr<Storage>(const std::vector<const Schema*>& schemas)>;

/// Checks every clause of the contract, each on a store of its own and in a subcase that says it. Call it from a test
/// case for each backend.
void check_storage_contract(const OpenStorage& open);

}  // namespace lms::testing
