#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include <lms/schema.hpp>

namespace lms::sql {

/// What a connection has read by key and is stored like that still, so that it need not be read again: the user and the
/// session of every request, what a whole class is at. Whoever changes a record through the connection has it
/// forgotten; whoever undoes changes, or finds that another connection has made some, has all of it forgotten.
class RecordCache {
 public:
  static constexpr std::size_t most_bytes = 4UL * 1024 * 1024;  ///< of all it keeps, about
  static constexpr std::size_t most_bytes_of_record = 8UL * 1024;

  /// The record with these fields (empty: all) as it was kept; nothing in it if there is no such record. Null: unknown.
  const std::optional<Record>* find(const Schema& schema, const Value& key,
                                    const std::vector<std::string>& fields) const;
  /// Null: there is no such record. It forgets at will, much at once when it is full, and keeps no long records.
  void keep(const Schema& schema, const Value& key, const std::vector<std::string>& fields, const Record* record);
  void forget(const Schema& schema, const Value& key);
  void forget_all() noexcept;

  /// How often `forget` was called: the same number before and after, and nothing was changed in between.
  std::size_t forgotten() const noexcept { return forgotten_; }

 private:
  struct Known {
    const Schema* schema;  ///< a table may be read as more than one
    std::vector<std::string> fields;
    std::optional<Record> record;
  };
  struct Hash : std::hash<std::string_view> {
    using is_transparent = void;
  };
  template <class T>
  using ByText = std::unordered_map<std::string, T, Hash, std::equal_to<>>;

  ByText<ByText<std::vector<Known>>> tables_;  // by name, then by key
  std::size_t bytes_ = 0;                      // at most: what was forgotten one by one still counts
  std::size_t forgotten_ = 0;
};

}  // namespace lms::sql
