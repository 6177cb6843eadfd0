#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <variant>

#include <lms/query.hpp>
#include <lms/schema.hpp>

/// What an SQL driver implements; the rest of SQL storage stands on it.
namespace lms::sql {

/// A value for a placeholder, monostate for NULL. A text by pointer is not copied.
using Parameter = std::variant<std::monostate, bool, std::int64_t, double, std::string, const std::string*>;

/// Thrown by drivers; `SqlUnitOfWork` knows which conflict it is.
struct ConstraintViolation {
  enum class Kind { unique, foreign_key };
  Kind kind;
};

/// A prepared statement. Its errors are ConstraintViolation or lms::Error.
class Statement {
 public:
  virtual ~Statement() = default;

  /// The parameters stay alive and unchanged until `reset`.
  virtual void bind(std::span<const Parameter> parameters) = 0;
  /// Goes to the next row of the result; false after the last.
  virtual bool step() = 0;
  /// How many rows the statement inserted, changed or deleted.
  virtual std::size_t changes() const = 0;
  /// Ends the execution, successful or not.
  virtual void reset() noexcept = 0;

  virtual bool is_null(int column) const = 0;
  virtual bool boolean(int column) const = 0;
  virtual std::int64_t integer(int column) const = 0;
  virtual double real(int column) const = 0;
  virtual std::string text(int column) const = 0;
};

/// Where the dialects of SQL differ. `?` stands for a parameter.
class Dialect {
 public:
  virtual ~Dialect() = default;

  virtual std::string column_type(FieldType type) const = 0;
  /// A query of one column: the elements of a JSON array, given as one parameter, that are values of this type.
  virtual std::string elements(FieldType type) const = 0;
  /// Whether the list in `column` has an element equal to one parameter.
  virtual std::string contains(const std::string& column, FieldType element) const = 0;
  /// Ends a query: keeps its rows as they are.
  virtual std::string lock(Lock lock) const = 0;
  /// The microseconds since 1970.
  virtual std::string now() const = 0;
  /// Begins a transaction beside which no other one migrates.
  virtual std::string begin_migration() const = 0;
};

/// One connection to a database, used by one thread at a time.
class Connection {
 public:
  virtual ~Connection() = default;

  virtual const Dialect& dialect() const = 0;
  virtual std::unique_ptr<Statement> prepare(const std::string& sql) = 0;
  /// Any number of statements, without parameters and results.
  virtual void execute(const std::string& script) = 0;
  /// Ends the transaction, if there is one, without its changes.
  virtual void rollback() noexcept = 0;
  virtual bool has_table(const std::string& name) = 0;
};

/// One execution of a statement, reset at its end.
class Execution {
 public:
  explicit Execution(Statement& statement, std::span<const Parameter> parameters = {}) : statement_(statement) {
    statement_.bind(parameters);
  }
  ~Execution() { statement_.reset(); }
  Execution(const Execution&) = delete;
  Execution& operator=(const Execution&) = delete;

  bool step() { return statement_.step(); }
  /// Goes to the end of the result, which may be empty, and tells how many rows were changed.
  std::size_t finish() {
    while (statement_.step()) {
    }
    return statement_.changes();
  }

 private:
  Statement& statement_;
};

}  // namespace lms::sql
