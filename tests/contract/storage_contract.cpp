#include "contract/storage_contract.hpp"

#include "contract/clauses.hpp"

namespace lms::testing {

void check_storage_contract(const OpenStorage& open) {
  for (const auto& clauses :
       {writing_clauses(), querying_clauses(), searching_clauses(), aggregating_clauses(), transaction_clauses()}) {
    for (const Clause& clause : clauses) {
      SUBCASE(clause.says) {
        const std::unique_ptr<Storage> storage = open(library_schemas());
        clause.check(*storage);
      }
    }
  }
}

}  // namespace lms::testing
