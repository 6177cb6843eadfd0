#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <lms/schema.hpp>
#include <lms/spi/storage.hpp>

/// The contract of lms/spi/storage.hpp, executable; in liblms-testing. It belongs to no test framework:
///
///     for (const lms::testing::Clause& clause : lms::testing::storage_contract())
///       if (const auto breach = lms::testing::breach_of(clause, open))
///         fail(clause.says, *breach);
namespace lms::testing {

/// Gives a new, empty store with tables for these schemas and for full text search. The schemas live as long as the
/// program; referenced ones come before those that refer to them.
using OpenStorage = std::function<std::unique_ptr<Storage>(const std::vector<const Schema*>& schemas)>;

/// One sentence of the contract.
struct Clause {
  const char* says;
  void (*check)(Storage& storage);  ///< throws if the store, which is new and empty, does otherwise
};

/// All of it. A clause takes milliseconds on a store in memory; some use the store from eight threads at once.
std::vector<Clause> storage_contract();

/// Checks one clause on a store of its own. None if it holds; otherwise what was expected and where that stands, or
/// the error that came instead.
std::optional<std::string> breach_of(const Clause& clause, const OpenStorage& open);

}  // namespace lms::testing
