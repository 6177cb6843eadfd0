#include <algorithm>
#include <thread>

#include <doctest/doctest.h>

#include "base/nearest.hpp"
#include "base/search.hpp"

using namespace lms;

namespace {

using Words = std::vector<std::string>;

struct Article {
  std::string title;
  std::vector<std::string> tags;
  std::optional<std::string> summary;
  std::string secret;

  static const Schema& schema() {
    static const Schema schema = define<Article>("Article", "A text to be found.")
                                     .field("title", &Article::title, {.search_weight = 8})
                                     .field("tags", &Article::tags, {.search_weight = 4})
                                     .field("summary", &Article::summary, {.search_weight = 1})
                                     .field("secret", &Article::secret);
    return schema;
  }
};

std::vector<SearchToken> tokens_of(const Article& article) {
  return search_tokens(Article::schema(), Article::schema().to_record(&article));
}

std::int64_t score(const Article& article, std::string_view query) {
  return relevance(tokens_of(article), words(query));
}

int weight(const std::vector<SearchToken>& tokens, std::string_view token) {
  const auto found = std::find_if(tokens.begin(), tokens.end(), [&](const SearchToken& t) { return t.token == token; });
  return found == tokens.end() ? 0 : found->weight;
}

}  // namespace

TEST_CASE("words lose case and accents") {
  CHECK(words("Música CLÁSICA") == Words{"musica", "clasica"});
  CHECK(words("Straße ÅNGSTRÖM İstanbul") == Words{"strasse", "angstrom", "istanbul"});
  CHECK(words("e\u0301cole") == words("école"));
  CHECK(words("ΣΊΣΥΦΟΣ") == words("σίσυφος"));
}

TEST_CASE("compatibility variants are one letter") {
  CHECK(words("ﬁn ４２ ①") == Words{"fin", "42", "1"});
  CHECK(words("ｶﾞｽ") == words("ガス"));
}

TEST_CASE("marks that make another letter stay, vowel points go") {
  CHECK(words("ガス") != words("カス"));
  CHECK(words("हिन्दी") == Words{"हिन्दी"});
  CHECK(words("שָׁלוֹם") == Words{"שלום"});
  CHECK(words("مُحَمَّد") == words("محمد"));
}

TEST_CASE("scripts without spaces are segmented") {
  const Words chinese = words("数据库入门课程");
  CHECK(chinese.size() > 1);
  CHECK(std::find(chinese.begin(), chinese.end(), "入门") != chinese.end());
  CHECK(words("ไทยภาษา").size() == 2);
}

TEST_CASE("punctuation separates words and is none") {
  CHECK(words("l'eau, node.js & don’t -- (C++)") == Words{"l", "eau", "node", "js", "don", "t", "c"});
  CHECK(words("snake_case") == Words{"snake", "case"});
  CHECK(words(" \t\n…!?").empty());
  CHECK(words("").empty());
  CHECK(words("😀 \u0301").empty());
}

TEST_CASE("a long word is cut between characters") {
  const Words cut = words(std::string(100, 'x'));
  REQUIRE(cut.size() == 1);
  CHECK(cut.front().size() == 64);
  std::string accented;
  for (int i = 0; i < 63; ++i) accented += "x";
  CHECK(words(accented + "þþ").front() == accented);
}

TEST_CASE("malformed text is no reason to fail") {
  CHECK(words("a \xff\xfe b") == Words{"a", "b"});
}

TEST_CASE("every thread segments for itself") {
  std::vector<std::jthread> threads;
  std::vector<Words> found(4);
  for (auto& mine : found)
    threads.emplace_back([&mine] {
      for (int i = 0; i < 200; ++i) mine = words("数据库入门课程 Música");
    });
  threads.clear();
  for (const auto& mine : found) CHECK(mine == words("数据库入门课程 Música"));
}

TEST_CASE("a word weighs as its fields, and three occurrences count at most") {
  const Article article{
      .title = "Music music", .tags = {"music", "art"}, .summary = "art art art art art", .secret = "key"};
  const auto tokens = tokens_of(article);
  CHECK(weight(tokens, "music") == 8 * 2 + 4);
  CHECK(weight(tokens, "art") == 4 + 3);
  CHECK(weight(tokens, "key") == 0);
  CHECK(tokens.size() == 2);
  CHECK(std::is_sorted(tokens.begin(), tokens.end(),
                       [](const SearchToken& a, const SearchToken& b) { return a.token < b.token; }));
  CHECK(tokens_of({}).empty());
}

TEST_CASE("every word must begin a token") {
  const Article article{.title = "Teoría de la Música", .summary = "Notas y ritmo"};
  CHECK(score(article, "musica") > 0);
  CHECK(score(article, "MÚSI") > 0);
  CHECK(score(article, "musica ritmo") > 0);
  CHECK(score(article, "musica pintura") == 0);
  CHECK(score(article, "usica") == 0);
  CHECK(score(article, "") == 0);
  CHECK(score(article, "!") == 0);
  CHECK(score({.title = "数据库入门课程"}, "入门") > 0);
  CHECK(score({.title = "数据库入门课程"}, "数据库") > 0);
}

TEST_CASE("an equal word counts twice, a beginning once, and words add up") {
  CHECK(score({.title = "art"}, "art") == 16);
  CHECK(score({.title = "artist"}, "art") == 8);
  CHECK(score({.title = "art artist"}, "art") == 16 + 8);
  CHECK(score({.title = "art", .summary = "history"}, "art hist") == 16 + 1);
  CHECK(score({.title = "x", .summary = "art"}, "art") < score({.title = "art", .summary = "x"}, "art"));
}

TEST_CASE("the nearest name is at most two letters away") {
  const Words names{"title", "slug", "description", "id"};
  CHECK(nearest("titel", names) == "title");
  CHECK(nearest("tilte", names) == "title");
  CHECK(nearest("descripton", names) == "description");
  CHECK(nearest("desription", names) == "description");
  CHECK(nearest("slugg", names) == "slug");
  CHECK_FALSE(nearest("slogans", names));
  CHECK_FALSE(nearest("colour", names));
  CHECK(nearest("slgu", names) == "slug");
  CHECK_FALSE(nearest("slew", names));  // two wrong letters out of four say nothing
  CHECK_FALSE(nearest("if", names));
  CHECK_FALSE(nearest("", names));
  CHECK_FALSE(nearest("title", {}));
}

TEST_CASE("of several near names the nearest wins") {
  CHECK(nearest("CACHE_TTLL", Words{"CACHE_TTY_", "CACHE_TTL"}) == "CACHE_TTL");
}
