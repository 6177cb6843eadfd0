#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <lms/error.hpp>

#include "base/crypto.hpp"
#include "base/csv.hpp"

using namespace lms;

namespace {

using Table = std::vector<std::vector<std::string>>;

Table read(std::string_view text) {
  CsvReader reader(text);
  Table table;
  while (auto row = reader.next()) table.push_back(std::move(row->fields));
  return table;
}

std::vector<std::size_t> lines(std::string_view text) {
  CsvReader reader(text);
  std::vector<std::size_t> lines;
  while (const auto row = reader.next()) lines.push_back(row->line);
  return lines;
}

std::string refusal(std::string_view text) {
  try {
    read(text);
  } catch (const Error& error) {
    return error.faults().at(0).message;
  }
  return "";
}

}  // namespace

TEST_CASE("csv: rows and fields as spreadsheets write them") {
  const Table expected{{"a", "b"}, {"1", "2"}};
  CHECK(read("a,b\n1,2\n") == expected);
  CHECK(read("a,b\r\n1,2") == expected);
  CHECK(read("\xef\xbb\xbf"
             "a;b\r\n1;2\r\n") == expected);
  CHECK(read("a,b\n\n1,2\n\r\n\n") == expected);
  CHECK(read("\"a\",\"b\"\n\"1\",2") == expected);
  CHECK(read("").empty());
  CHECK(read("\n\n").empty());
  CHECK(read("a,\n,b") == Table{{"a", ""}, {"", "b"}});
  CHECK(read("a,b,") == Table{{"a", "b", ""}});
}

TEST_CASE("csv: a quoted field holds separators, line ends and quotes") {
  CHECK(read("a,b\n\"x, y\",\"say \"\"hi\"\"\"\n\"two\r\nlines\",\"\"") ==
        Table{{"a", "b"}, {"x, y", "say \"hi\""}, {"two\r\nlines", ""}});
  CHECK(read("a;\"b,c\"\n1;2,5") == Table{{"a", "b,c"}, {"1", "2,5"}});
}

TEST_CASE("csv: the first row decides what separates") {
  CHECK(read("a;b\n1,5;2") == Table{{"a", "b"}, {"1,5", "2"}});
  CHECK(read("a,b;c\n1;2,3") == Table{{"a", "b;c"}, {"1;2", "3"}});
  CHECK(read("a\n1;2") == Table{{"a"}, {"1;2"}});
}

TEST_CASE("csv: cells are texts, whatever they look like") {
  CHECK(read("=1+1,@SUM(A1)\n-2,+3") == Table{{"=1+1", "@SUM(A1)"}, {"-2", "+3"}});
  CHECK(read(" a , b ") == Table{{" a ", " b "}});
}

TEST_CASE("csv: rows know the line they begin at") {
  CHECK(lines("a\n\n\"x\ny\"\nb") == std::vector<std::size_t>{1, 3, 5});
}

TEST_CASE("csv: what is malformed is refused, with its line") {
  CHECK(refusal("a\n\"b") == "line 2: a quote is not closed");
  CHECK(refusal("a\n\n\"b\nc") == "line 3: a quote is not closed");
  CHECK(refusal("a,b\n1,\"2\"3").starts_with("line 2: after a closing quote"));
  CHECK(refusal("a,b\n1,2\"3\"").starts_with("line 2: a quote stands inside a field"));
  CHECK(refusal("a,b\r1,2").starts_with("line 1: a carriage return alone"));
  CHECK(refusal("a,b\n1,2\nM\xfcller,3").starts_with("line 3: there are bytes that are not UTF-8"));
  CHECK(refusal(std::string("\xff\xfe"
                            "a\0",
                            4))
            .starts_with("line 1: there are bytes"));
  CHECK(refusal(std::string(CsvReader::max_fields, ',')) == "line 1: there are more than 100 fields");
  CHECK(refusal(std::string(CsvReader::max_fields - 1, ',')).empty());
}

TEST_CASE("hashes that a password could verify against") {
  const std::string bcrypt = "$2b$12$R9h/cIPz0gi.URNNX3kh2OPST9/PgBkqquzi.Ss7KIUgO2t0jWMUW";
  const std::string argon = argon2id_hash("secret", "0123456789abcdef", {64, 1, 1});
  CHECK(is_password_hash(bcrypt));
  CHECK(is_password_hash(argon));
  CHECK_FALSE(is_password_hash(""));
  CHECK_FALSE(is_password_hash("correct horse battery"));
  CHECK_FALSE(is_password_hash(bcrypt.substr(1)));
  CHECK_FALSE(is_password_hash(bcrypt + "x"));
  CHECK_FALSE(is_password_hash("$2b$15$" + bcrypt.substr(7)));
  CHECK_FALSE(is_password_hash("$2b$12$" + std::string(53, '!')));
  CHECK_FALSE(is_password_hash(argon.substr(0, argon.rfind('$'))));
  CHECK_FALSE(is_password_hash(argon.substr(0, argon.rfind('$') + 1)));
  CHECK_FALSE(is_password_hash(argon + "$"));
  CHECK_FALSE(is_password_hash("$argon2id$v=19$m=99999999,t=1,p=1$c2FsdHNhbHRzYWx0$aGFzaGhhc2hoYXNoaGFzaA"));
  CHECK_FALSE(is_password_hash("$argon2id$v=19$m=64,t=1,p=1$"));
  CHECK_FALSE(is_password_hash("$argon2id$v=19$m=64,t=1,p=1,x=2$c2FsdHNhbHRzYWx0$aGFzaGhhc2hoYXNoaGFzaA"));
}
