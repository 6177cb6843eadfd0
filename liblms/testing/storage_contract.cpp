#include <cstring>
#include <exception>

#include "testing/clauses.hpp"

namespace lms::testing {

void break_off(const char* file, int line, const std::string& what) {
  const char* slash = std::strrchr(file, '/');
  throw Breach(std::string(slash ? slash + 1 : file) + ':' + std::to_string(line) + ": " + what);
}

std::vector<Clause> storage_contract() {
  std::vector<Clause> all;
  for (const auto& clauses : {writing_clauses(), querying_clauses(), searching_clauses(), aggregating_clauses(),
                              transaction_clauses(), encrypting_clauses()})
    all.insert(all.end(), clauses.begin(), clauses.end());
  return all;
}

std::optional<std::string> breach_of(const Clause& clause, const OpenStorage& open) {
  try {
    const std::unique_ptr<Storage> storage = open(library_schemas());
    clause.check(*storage);
    return std::nullopt;
  } catch (const Breach& breach) {
    return std::string("expected in ") + breach.what();
  } catch (const Error& error) {
    return std::string("ended with ") + std::string(name(error.code())) + ' ' + error.reason() + ": " + error.what();
  } catch (const std::exception& error) {
    return std::string("ended with: ") + error.what();
  }
}

}  // namespace lms::testing
