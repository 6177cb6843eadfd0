#pragma once

#include <lms/error.hpp>
#include <lms/schema.hpp>

/// The three conflicts that every backend reports alike.
namespace lms {

inline Error record_exists(const Schema& schema) {
  return conflict(schema.table() + "_exists", "There already is such a " + schema.name() + ".");
}

inline Error reference_missing(const Schema& schema) {
  return conflict(schema.table() + "_reference", "This " + schema.name() + " refers to a record that does not exist.");
}

inline Error record_in_use(const Schema& schema) {
  return conflict(schema.table() + "_in_use", "Other records still refer to this " + schema.name() + ".");
}

}  // namespace lms
