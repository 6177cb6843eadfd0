#pragma once

#include <memory>

#include <lms/export.hpp>
#include <lms/spi/storage.hpp>

namespace lms {

/// A store that lives in this process and ends with it, for tests and for trying things out. One writer at a time, and
/// none while somebody reads.
LMS_API std::unique_ptr<Storage> open_memory_storage();

}  // namespace lms
