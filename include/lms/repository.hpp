#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <lms/query.hpp>
#include <lms/schema.hpp>
#include <lms/spi/storage.hpp>

namespace lms {

/// `CourseSection` → `course_section`: how a schema's name stands in reasons such as `course_section_not_found`.
LMS_API std::string reason_name(const Schema& schema);

/// The records of one schema as structs, within one unit of work.
template <HasSchema T>
class Repository {
 public:
  explicit Repository(UnitOfWork& uow) : uow_(uow) {}

  template <class K>
  std::optional<T> find(const K& key) const {
    auto record = uow_.find(T::schema(), detail::stored(key));
    if (!record) return std::nullopt;
    return load(*std::move(record));
  }
  /// @throws Error not_found
  template <class K>
  T get(const K& key) const {
    if (auto object = find(key)) return *std::move(object);
    throw missing();
  }
  /// The first record by the key for which the condition holds.
  std::optional<T> first(Condition where) const {
    auto found = select({.where = std::move(where), .limit = 1});
    if (found.empty()) return std::nullopt;
    return std::move(found.front());
  }
  std::vector<T> select(const Query& query) const {
    std::vector<T> objects;
    uow_.for_each(T::schema(), query, [&](Record&& record) { objects.push_back(load(std::move(record))); });
    return objects;
  }
  std::size_t count(const Condition& where, std::size_t limit = SIZE_MAX) const {
    return uow_.count(T::schema(), where, limit);
  }
  bool exists(const Condition& where) const { return count(where, 1) > 0; }

  void insert(const T& object) { uow_.insert(T::schema(), store(object)); }
  void insert_many(const std::vector<T>& objects) {
    std::vector<Record> records;
    records.reserve(objects.size());
    for (const T& object : objects) records.push_back(store(object));
    uow_.insert_many(T::schema(), records);
  }
  bool insert_if_absent(const T& object) { return uow_.insert_if_absent(T::schema(), store(object)); }
  void upsert(const T& object, const std::vector<std::string>& by) { uow_.upsert(T::schema(), store(object), by); }
  /// @throws Error not_found if it is gone.
  void update(const T& object) {
    if (!uow_.update(T::schema(), store(object))) throw missing();
  }
  std::vector<T> update_where(const Condition& where, const std::vector<Assignment>& assignments) {
    return load(uow_.update_where(T::schema(), where, assignments));
  }
  /// The same, where it is enough to know how many there were.
  std::size_t update_all(const Condition& where, const std::vector<Assignment>& assignments) {
    return uow_.update_where(T::schema(), where, assignments, Returning::keys).size();
  }
  template <class K>
  void remove(const K& key) {
    if (!uow_.remove(T::schema(), detail::stored(key))) throw missing();
  }
  std::size_t remove_where(const Condition& where) { return uow_.remove_where(T::schema(), where); }

 private:
  static Record store(const T& object) { return T::schema().to_record(&object); }
  static T load(Record&& record) {
    T object{};
    T::schema().from_record(&object, std::move(record));
    return object;
  }
  static std::vector<T> load(std::vector<Record> records) {
    std::vector<T> objects;
    objects.reserve(records.size());
    for (Record& record : records) objects.push_back(load(std::move(record)));
    return objects;
  }
  static Error missing() {
    return not_found(reason_name(T::schema()) + "_not_found", T::schema().name() + " not found.");
  }

  UnitOfWork& uow_;
};

}  // namespace lms
