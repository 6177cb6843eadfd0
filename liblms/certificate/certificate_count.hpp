#pragma once

#include <cstdint>

#include <lms/schema.hpp>

namespace lms {

/// How many certificates a year has. A row rather than a sequence, so that a rolled back one leaves no gap.
struct CertificateCount {
  std::int64_t year = 0;
  std::int64_t issued = 0;

  static const Schema& schema();
};

}  // namespace lms
