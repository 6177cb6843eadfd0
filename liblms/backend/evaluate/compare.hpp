#pragma once

#include <lms/schema.hpp>

namespace lms {

/// As columns compare: lists and objects by their JSON text.
inline int compare_columns(FieldType type, const Value& a, const Value& b) {
  const bool is_json = type == FieldType::list || type == FieldType::object;
  if (is_json && !a.is_null() && !b.is_null()) return Value::compare(to_json(a), to_json(b));
  return Value::compare(a, b);
}

}  // namespace lms
