#pragma once

#include <vector>

#include <lms/query.hpp>
#include <lms/schema.hpp>

#include "backend/memory/table.hpp"

namespace lms::memory {

/// The result of the aggregate over these rows, for which its condition holds.
std::vector<Record> aggregated(const Schema& schema, const Aggregate& aggregate, const std::vector<const Row*>& rows);

}  // namespace lms::memory
