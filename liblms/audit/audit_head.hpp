#pragma once

#include <cstdint>
#include <string>

#include <lms/audit.hpp>

namespace lms {

/// The one row that says where the audit log ends; whoever adds to the log holds its lock.
struct AuditHead {
  std::string id = "audit";
  std::int64_t position = AuditPoint().position;
  std::string hash = AuditPoint().hash;

  static const Schema& schema();
};

}  // namespace lms
