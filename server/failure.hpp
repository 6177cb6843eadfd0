#pragma once

#include <stdexcept>
#include <string>

namespace lms::server {

/// What the program ends with; from 64 on as sysexits.h names them.
enum class ExitCode : int {
  ok = 0,
  failure = 1,
  usage = 2,
  bad_input = 65,      ///< a file that is no course package, backup or list of people; wrong rows of one; no token
  no_input = 66,       ///< a file that cannot be read
  unavailable = 69,    ///< the database, the port, the mail server or Vault
  cannot_create = 73,  ///< a file that cannot be written, or exists
  bad_settings = 78
};

/// Ends a command. `what()` is for the operator: one line for each thing that is wrong.
class Failure : public std::runtime_error {
 public:
  Failure(ExitCode code, const std::string& text) : std::runtime_error(text), code_(code) {}
  ExitCode code() const noexcept { return code_; }

 private:
  ExitCode code_;
};

}  // namespace lms::server
