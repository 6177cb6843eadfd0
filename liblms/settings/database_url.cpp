#include <string>
#include <string_view>

#include <lms/settings.hpp>

namespace lms {

namespace {

Error not_a_database_url() {
  return invalid({"settings", "DATABASE_URL"},
                 "DATABASE_URL must be sqlite:///file.db (relative), sqlite:////dir/file.db (absolute), sqlite:// (in "
                 "memory) or postgresql://user:password@host:5432/name",
                 "value_error.database_url");
}

bool is_one_of(std::string_view text, std::initializer_list<std::string_view> choices) {
  for (const auto choice : choices)
    if (text == choice) return true;
  return false;
}

}  // namespace

DatabaseUrl parse_database_url(std::string_view url) {
  const auto colon = url.find("://");
  if (colon == std::string_view::npos) throw not_a_database_url();
  const std::string_view scheme = url.substr(0, colon);
  std::string_view rest = url.substr(colon + 3);

  if (is_one_of(scheme, {"sqlite", "sqlite+pysqlite", "sqlite+aiosqlite"})) {
    if (rest.empty() || rest == "/:memory:") return {.kind = DatabaseUrl::Kind::sqlite, .path = {}, .url = {}};
    if (rest.front() != '/' || rest.size() == 1 || rest.back() == '/' || rest.find('?') != std::string_view::npos)
      throw not_a_database_url();
    return {.kind = DatabaseUrl::Kind::sqlite, .path = std::string(rest.substr(1)), .url = {}};
  }
  if (is_one_of(scheme,
                {"postgresql", "postgres", "postgresql+asyncpg", "postgresql+psycopg", "postgresql+psycopg2"})) {
    if (rest.empty()) throw not_a_database_url();
    return {.kind = DatabaseUrl::Kind::postgres, .path = {}, .url = "postgresql://" + std::string(rest)};
  }
  throw not_a_database_url();
}

}  // namespace lms
