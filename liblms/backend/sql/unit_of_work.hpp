#pragma once

#include <optional>
#include <string>
#include <vector>

#include <lms/spi/storage.hpp>

#include "backend/sql/connection.hpp"
#include "backend/sql/session.hpp"

namespace lms::sql {

/// The operations on records as SQL. Begin and end of the transaction are the driver's.
class SqlUnitOfWork final : public UnitOfWork {
 public:
  SqlUnitOfWork(Session& session, bool writable) : UnitOfWork(writable), session_(session) {}

 protected:
  void do_insert(const Schema& schema, const std::vector<Record>& records) override;
  bool do_insert_if_absent(const Schema& schema, const Record& record) override;
  void do_upsert(const Schema& schema, const Record& record, const std::vector<std::string>& by) override;
  bool do_update(const Schema& schema, const Record& record) override;
  std::vector<Record> do_update_where(const Schema& schema, const Condition& where,
                                      const std::vector<Assignment>& assignments, Returning returning) override;
  std::size_t do_remove_where(const Schema& schema, const Condition& where) override;
  std::vector<Record> do_select(const Schema& schema, const Query& query) override;
  void do_for_each(const Schema& schema, const Query& query, const Use& use) override;
  std::size_t do_count(const Schema& schema, const Condition& where, std::size_t limit) override;
  std::vector<Record> do_aggregate(const Schema& schema, const Aggregate& aggregate) override;

 private:
  const Dialect& dialect() { return session_.connection().dialect(); }
  std::size_t run(Statement& statement, const Schema& schema, const Record& record);
  std::vector<Value> run_returning_keys(Statement& statement, const Schema& schema,
                                        const std::vector<Parameter>& parameters);
  std::optional<Record> find_by_key(const Schema& schema, const Value& key);
  template <class Taker>
  void select(const Schema& schema, const Query& query, Taker&& take);
  std::string columns(const Schema& schema, const std::vector<std::string>& fields);
  void changed(const Schema& schema, const Value& key);
  void add_words(const Schema& schema, const Record& record, const Value& key);
  void remove_words(const Schema& schema, const Value& key);

  Session& session_;
};

}  // namespace lms::sql
