#pragma once

#include <cstddef>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include <lms/schema.hpp>

#include "backend/sql/connection.hpp"
#include "backend/sql/record_cache.hpp"

namespace lms::sql {

/// A statement whose text is known, prepared when it is first used.
class KeptStatement {
 public:
  KeptStatement(Connection& connection, std::string sql) : connection_(connection), sql_(std::move(sql)) {}

  Statement& operator*() {
    if (!statement_) statement_ = connection_.prepare(sql_);
    return *statement_;
  }

 private:
  Connection& connection_;
  std::string sql_;
  std::unique_ptr<Statement> statement_;
};

/// The statements on one table whose text depends on its schema alone.
struct TableStatements {
  TableStatements(Connection& connection, const Schema& schema);

  std::string columns;  ///< all of them, for a SELECT or RETURNING
  KeptStatement insert;
  KeptStatement insert_if_absent;
  KeptStatement find;    ///< by key
  KeptStatement remove;  ///< by key
};

/// A connection with the statements prepared on it, so that none is prepared twice.
class Session {
 public:
  explicit Session(Connection& connection) : connection_(connection) {}

  Connection& connection() { return connection_; }

  /// For a driver that learns of the changes of others: without, nothing is kept.
  std::optional<RecordCache> records;

  TableStatements& table(const Schema& schema);
  /// The one of this text; the least recently used are forgotten.
  Statement& statement(const std::string& sql);

 private:
  struct Cached {
    std::string sql;
    std::unique_ptr<Statement> statement;
  };

  Connection& connection_;
  std::unordered_map<const Schema*, TableStatements> tables_;
  std::list<Cached> recent_;  // most recently used first
  std::unordered_map<std::string_view, std::list<Cached>::iterator> by_text_;
};

}  // namespace lms::sql
