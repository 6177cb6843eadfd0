#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include <lms/query.hpp>
#include <lms/schema.hpp>

#include "backend/memory/table.hpp"

namespace lms::memory {

/// As columns compare: lists and objects by their JSON text.
int compare(FieldType type, const Value& a, const Value& b);

/// A condition bound to the fields of a schema. The condition must outlive it.
class Predicate {
 public:
  Predicate(const Schema& schema, const Condition& condition);

  bool operator()(const Row& row) const;

 private:
  bool compares(const Value& value) const;
  bool contained_in(const Value& list) const;

  const Condition& condition_;
  std::vector<Predicate> operands_;
  std::size_t field_ = 0;
  FieldType type_ = FieldType::text;
  std::vector<std::string> words_;
};

}  // namespace lms::memory
