#pragma once

#include <future>
#include <string>
#include <utility>
#include <vector>

#include <lms/error.hpp>
#include <lms/repository.hpp>
#include <lms/spi/storage.hpp>
#include <lms/testing/storage_contract.hpp>

#include "testing/expect.hpp"
#include "testing/library.hpp"

namespace lms::testing {

std::vector<Clause> writing_clauses();
std::vector<Clause> querying_clauses();
std::vector<Clause> searching_clauses();
std::vector<Clause> aggregating_clauses();
std::vector<Clause> transaction_clauses();
std::vector<Clause> encrypting_clauses();

/// The reason of the Error that `action` ends with; empty if it ends well.
template <class F>
std::string reason_of(F&& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.reason();
  }
  return "";
}

template <HasSchema T>
void insert(Storage& storage, const std::vector<T>& objects) {
  storage.write([&](UnitOfWork& uow) { Repository<T>(uow).insert_many(objects); });
}

template <HasSchema T>
std::vector<T> select(Storage& storage, const Query& query = {}) {
  return storage.read([&](UnitOfWork& uow) { return Repository<T>(uow).select(query); });
}

template <HasSchema T>
std::size_t count(Storage& storage, const Condition& where = {}) {
  return storage.read([&](UnitOfWork& uow) { return Repository<T>(uow).count(where); });
}

template <HasSchema T, class K>
std::optional<T> find(Storage& storage, const K& key) {
  return storage.read([&](UnitOfWork& uow) { return Repository<T>(uow).find(key); });
}

/// Runs `work(0)` … `work(count - 1)` at the same time. What one of them throws is thrown here.
template <class F>
void in_threads(int count, F&& work) {
  std::vector<std::future<void>> threads;
  for (int i = 0; i < count; ++i) threads.push_back(std::async(std::launch::async, [&work, i] { work(i); }));
  for (std::future<void>& thread : threads) thread.wait();
  for (std::future<void>& thread : threads) thread.get();
}

/// The numbers of the books for which the condition holds.
inline std::vector<int> books_where(Storage& storage, Condition where) {
  return numbers(select<Book>(storage, {.where = std::move(where)}));
}

}  // namespace lms::testing
