#pragma once

#include <string>
#include <vector>

#include <lms/lms.hpp>

namespace lms::test {

/// The tables that hold one of these texts somewhere, whatever its case.
inline std::vector<std::string> tables_with(Storage& storage, const std::vector<std::string>& texts) {
  const auto lower = [](std::string text) {
    for (char& c : text)
      if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    return text;
  };
  std::vector<std::string> tables;
  for (const Schema* schema : stored_schemas()) {
    const auto records = storage.read([&](UnitOfWork& uow) { return uow.select(*schema, {}); });
    for (const Record& record : records) {
      const std::string text = lower(to_json(Value(record)));
      for (const std::string& sought : texts)
        if (text.find(lower(sought)) != std::string::npos && (tables.empty() || tables.back() != schema->table()))
          tables.push_back(schema->table());
    }
  }
  return tables;
}

}  // namespace lms::test
