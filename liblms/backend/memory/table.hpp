#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include <lms/schema.hpp>
#include <lms/spi/evaluate.hpp>

namespace lms::memory {

/// The rows of one schema in the order of their keys, and an index of each unique set.
class Table {
 public:
  using Rows = std::map<Value, Row, ByValue>;

  explicit Table(const Schema& schema);

  const Schema& schema() const { return *schema_; }
  const Rows& rows() const { return rows_; }
  const Value& key_of(const Row& row) const { return row.record[key_]; }

  const Row* find(const Value& key) const;
  /// The only row that can hold these values (by field; null for any), if the key or a unique set is among them.
  struct Candidate {
    bool only = false;
    const Row* row = nullptr;
  };
  Candidate candidate(const std::vector<const Value*>& values) const;
  /// The row that has the record's values in the unique set of these fields, or its key.
  const Row* find_by(const std::vector<std::string>& fields, const Record& record) const;
  /// Whether a row other than `self` has the record's values in some unique set.
  bool clashes(const Record& record, const Row* self) const;

  /// Makes `row`, or none, the row of the key, and returns the one that was.
  std::optional<Row> exchange(Value key, std::optional<Row> row);

 private:
  struct Unique {
    std::vector<std::size_t> fields;
    std::map<std::vector<Value>, const Row*, ByValues> rows;

    /// Empty if one of the values is null: nulls never clash.
    std::vector<Value> values_of(const Record& record) const;
    const Row* find(const std::vector<Value>& values) const;
  };

  const Schema* schema_;
  std::size_t key_;
  Rows rows_;
  std::vector<Unique> uniques_;
};

/// The tables by name; each is made when it is first written to.
class Tables {
 public:
  const Table* find(const std::string& name) const;
  Table& of(const Schema& schema);

  auto begin() const { return tables_.begin(); }
  auto end() const { return tables_.end(); }

 private:
  std::unordered_map<std::string, Table> tables_;
};

}  // namespace lms::memory
