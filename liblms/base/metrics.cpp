#include <lms/spi/metrics.hpp>

namespace lms {

Counter::~Counter() = default;
Histogram::~Histogram() = default;
Metrics::~Metrics() = default;

}  // namespace lms
