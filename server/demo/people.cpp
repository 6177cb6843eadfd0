#include "demo/people.hpp"

#include <lms/principal.hpp>

namespace lms::server::demo {

namespace {

const std::string first_aid = "first-aid-basics";
const std::string sql = "sql-basics";
const std::string music = "music-theory";
constexpr std::size_t all = 99;

constexpr std::string_view ruth = "ruth.adeyemi@example.org";
constexpr std::string_view daniel = "daniel.ferreira@example.org";

}  // namespace

std::vector<NewUser> staff() {
  return {{"admin@example.org", "", "Mirela Ionescu", std::string(role::admin)},
          {std::string(ruth), "", "Ruth Adeyemi", std::string(role::instructor)},
          {std::string(daniel), "", "Daniel Ferreira", std::string(role::instructor)}};
}

std::string_view instructor_of(std::string_view course) {
  return course == first_aid ? ruth : daniel;
}

std::vector<Student> students() {
  return {
      {"Amina Okafor", "amina.okafor@example.org", {{first_aid, 1, all}, {sql, 12, 7, true}}},
      {"Lukas Weber", "lukas.weber@example.org", {{sql, 2, all, true}, {music, 20, 3}}},
      {"Sofía Ramírez", "sofia.ramirez@example.org", {{music, 1, all}}},
      {"Chen Wei", "chen.wei@example.org", {{sql, 3, all}, {first_aid, 15, all, true}}},
      {"Priya Nair", "priya.nair@example.org", {{first_aid, 4, 7}}},
      {"Yusuf Demir", "yusuf.demir@example.org", {{first_aid, 5, 3}, {music, 9, 1}}},
      {"Emma Lindqvist", "emma.lindqvist@example.org", {{music, 6, all, true}, {sql, 30, 2}}},
      {"Mateus Oliveira", "mateus.oliveira@example.org", {{sql, 8, 5}}},
      {"Hana Sato", "hana.sato@example.org", {{first_aid, 2, all}, {sql, 10, all}, {music, 19, all}}},
      {"Omar Haddad", "omar.haddad@example.org", {{first_aid, 11, 2, false, true}}},
      {"Chiara Rossi", "chiara.rossi@example.org", {{music, 14, 8}}},
      {"Jan Kowalczyk", "jan.kowalczyk@example.org", {{sql, 16, 11, true}}},
      {"Leila Farahani", "leila.farahani@example.org", {{first_aid, 18, 11}, {music, 25, 0}}},
      {"Tomáš Novák", "tomas.novak@example.org", {{sql, 20, 9}}},
      {"Aisha Bello", "aisha.bello@example.org", {{first_aid, 22, all, true}}},
      {"Nguyễn Minh Anh", "minh.anh@example.org", {{music, 24, 4, true}}},
      {"Noor Rahman", "noor.rahman@example.org", {{first_aid, 28, 5}, {sql, 29, 1}}},
      {"Isabelle Laurent", "isabelle.laurent@example.org", {{sql, 33, 3}}},
      {"Kofi Mensah", "kofi.mensah@example.org", {{first_aid, 39, 0}}},
      {"Elena Petrova", "elena.petrova@example.org", {}},
  };
}

std::vector<NewUser> accounts_of(const std::vector<Student>& students) {
  std::vector<NewUser> accounts;
  for (const Student& student : students) accounts.push_back({student.email, "", student.full_name, std::nullopt});
  return accounts;
}

}  // namespace lms::server::demo
