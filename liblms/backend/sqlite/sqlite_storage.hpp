#pragma once

#include <functional>
#include <memory>
#include <string>

#include <lms/backends/sqlite.hpp>
#include <lms/spi/storage.hpp>

#include "backend/sql/connection.hpp"

namespace lms::sqlite {

class GroupCommit;
class ReaderPool;
class Writer;

class SqliteStorage final : public Storage {
 public:
  explicit SqliteStorage(SqliteOptions options);
  ~SqliteStorage() override;

  void migrate() override;
  MigrationStatus migration_status() override;
  bool reads_wait() const noexcept override { return options_.path.empty(); }
  std::string kind() const override { return "sqlite"; }
  void ping() override;

  /// Runs `use` on the connection that writes, while no transaction does.
  void exclusively(const std::function<void(sql::Connection&)>& use);

 protected:
  void do_write(const Function& function, Isolation isolation) override;
  void do_read(const Function& function) override;
  void do_together(const JointFunction& function) override;
  void do_together_later(JointFunction function, Done done, const Executor& executor) override;

 private:
  class Parts;

  /// Runs `use` on a connection for reading; a database in memory has but one for everything.
  template <class F>
  void with_reader(F&& use);

  const SqliteOptions options_;
  std::unique_ptr<Writer> writer_;
  std::unique_ptr<GroupCommit> writes_;
  std::unique_ptr<ReaderPool> readers_;
};

}  // namespace lms::sqlite
