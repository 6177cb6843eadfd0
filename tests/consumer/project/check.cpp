// What a stranger's test program uses: the contract, on a store that is known to keep it.
#include <cstdio>

#include <lms/backends/memory.hpp>
#include <lms/testing/storage_contract.hpp>

int main() {
  for (const lms::testing::Clause& clause : lms::testing::storage_contract()) {
    const auto breach = lms::testing::breach_of(clause, [](const auto&) { return lms::open_memory_storage(); });
    if (!breach) continue;
    std::printf("%s: %s\n", clause.says, breach->c_str());
    return 1;
  }
  return 0;
}
