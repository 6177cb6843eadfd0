#pragma once

#include <cstddef>
#include <vector>

#include <lms/repository.hpp>
#include <lms/spi/storage.hpp>

namespace lms {

/// Removes every record for which the condition holds; returns how many. In short transactions, so that it comes to its
/// end however many there are, and nobody waits for it. Not inside a transaction.
template <HasSchema T>
std::size_t remove_in_batches(Storage& storage, const Condition& where) {
  constexpr std::size_t at_once = 500;
  const Schema& schema = T::schema();
  if (!storage.read([&](UnitOfWork& uow) { return Repository<T>(uow).exists(where); })) return 0;

  const auto remove_some = [&](UnitOfWork& uow) {
    std::vector<Value> keys;
    for (Record& record : uow.select(schema, {.where = where, .fields = {schema.key().name}, .limit = at_once}))
      keys.push_back(std::move(record[schema.key_index()]));
    return uow.remove_where(schema, all_of({in(schema.key().name, keys), where}));
  };
  std::size_t removed = 0;
  std::size_t count = 0;
  do {
    count = storage.write(remove_some, Isolation::read_committed);
    removed += count;
  } while (count == at_once);
  return removed;
}

}  // namespace lms
