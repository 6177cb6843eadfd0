#pragma once

#include <vector>

#include <lms/spi/metrics.hpp>

namespace lms {

/// What the operating system says of this process and of the machine, by the names that Prometheus's own libraries use
/// where there are such. What it does not say is left out. Linux.
std::vector<MetricReading> machine_readings();

}  // namespace lms
