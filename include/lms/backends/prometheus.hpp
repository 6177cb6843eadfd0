#pragma once

#include <memory>

#include <lms/export.hpp>
#include <lms/spi/metrics.hpp>

namespace lms {

/// Metrics in this process, written as Prometheus reads them.
LMS_API std::unique_ptr<Metrics> open_prometheus_metrics();

}  // namespace lms
