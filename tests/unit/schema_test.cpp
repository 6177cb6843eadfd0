#include <algorithm>
#include <limits>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <lms/repository.hpp>
#include <lms/schema.hpp>

#include "base/formats.hpp"

using namespace lms;

namespace {

enum class Status { draft, published, archived };
constexpr auto names_of(Status) {
  return std::array<std::string_view, 3>{"draft", "published", "archived"};
}

struct Option {
  std::string text;
  bool correct = false;
  std::optional<Time> shown_from;
  std::string note = "none";

  static const Schema& schema() {
    static const Schema schema =
        define<Option>("Option", "One answer to choose.")
            .field("text", &Option::text, {.required = true, .min_length = 1, .max_length = 10})
            .field("correct", &Option::correct, {.access = Access::write_only})
            .field("shown_from", &Option::shown_from)
            .field("note", &Option::note);
    return schema;
  }
};

struct Survey {
  QuizId id;
  std::string title;
  std::string slug = "untitled";
  Status status = Status::draft;
  std::optional<UserId> author;
  std::optional<std::int64_t> seats;
  double price = 1.5;
  bool open = true;
  Time opens_at{};
  std::vector<std::string> tags;
  std::vector<std::int64_t> scores;
  std::vector<Status> history;
  std::vector<Time> dates;
  std::vector<Option> options;
  std::optional<Option> best;
  Value extra;
  std::string password;
  std::string hash = "secret hash";
  std::string owner = "nobody";

  static const Schema& schema() {
    static const Schema schema =
        define<Survey>("Survey", "Made for these tests.")
            .table("surveys")
            .key("id", &Survey::id)
            .field("title", &Survey::title, {.required = true, .min_length = 2, .max_length = 20})
            .field("slug", &Survey::slug, {.format = Format::slug})
            .field("status", &Survey::status)
            .field("author", &Survey::author)
            .field("seats", &Survey::seats, {.minimum = 1, .maximum = 500})
            .field("price", &Survey::price, {.minimum = 0})
            .field("open", &Survey::open)
            .field("opens_at", &Survey::opens_at)
            .field("tags", &Survey::tags, {.max_length = 3})
            .field("scores", &Survey::scores, {.maximum = 10})
            .field("history", &Survey::history)
            .field("dates", &Survey::dates)
            .field("options", &Survey::options, {.min_length = 1})
            .field("best", &Survey::best)
            .field("extra", &Survey::extra)
            .field("password", &Survey::password,
                   {.access = Access::write_only, .min_length = 8, .format = Format::password})
            .field("hash", &Survey::hash, {.access = Access::hidden})
            .field("owner", &Survey::owner, {.access = Access::create_only})
            .unique({"slug"});
    return schema;
  }
};

struct Filter {
  std::string text;
  std::int64_t page = 1;
  std::optional<std::int64_t> limit;
  std::optional<bool> open;
  std::optional<double> price;
  std::vector<std::string> tags;
  std::vector<Status> status;
  std::optional<UserId> author;
  std::optional<Time> since;

  static const Schema& schema() {
    static const Schema schema = define<Filter>("Filter", "A query string.")
                                     .field("text", &Filter::text)
                                     .field("page", &Filter::page, {.minimum = 1})
                                     .field("limit", &Filter::limit)
                                     .field("open", &Filter::open)
                                     .field("price", &Filter::price)
                                     .field("tags", &Filter::tags)
                                     .field("status", &Filter::status)
                                     .field("author", &Filter::author)
                                     .field("since", &Filter::since);
    return schema;
  }
};

struct Wrapped {
  Filter filter;
  std::int64_t more = 0;

  static const Schema& schema() {
    static const Schema schema =
        define<Wrapped>("Wrapped", "A struct in a struct.").flatten(&Wrapped::filter).field("more", &Wrapped::more);
    return schema;
  }
};

template <class Call>
std::vector<Fault> faults_of(Call&& call) {
  try {
    call();
  } catch (const Error& error) {
    CHECK(error.code() == ErrorCode::invalid);
    CHECK(error.reason() == "invalid_input");
    return error.faults();
  }
  return {};
}

std::vector<Fault> faults(std::string_view json) {
  return faults_of([&] { parse<Survey>(parse_json(json)); });
}

std::vector<Fault> change_faults(std::string_view json) {
  return faults_of([&] { Patch<Survey>{parse_json(json)}; });
}

/// The only fault of a survey with a title and this member.
Fault fault_with(const std::string& member) {
  CAPTURE(member);
  const auto found = faults("{\"title\":\"A title\"," + member + "}");
  REQUIRE(found.size() == 1);
  return found.front();
}

void check_refused(const std::string& member, const Path& loc, const std::string& type) {
  const Fault fault = fault_with(member);
  CHECK(fault.type == type);
  CHECK(fault.loc == loc);
}

Survey accepted(const std::string& member) {
  CAPTURE(member);
  return parse<Survey>(parse_json("{\"title\":\"A title\"," + member + "}"));
}

Filter filter(const std::vector<std::pair<std::string, std::string>>& texts) {
  Filter result;
  Filter::schema().parse_texts(&result, texts);
  return result;
}

}  // namespace

TEST_CASE("a body with every field fills the struct") {
  const Survey survey = parse<Survey>(parse_json(R"({
    "title": "Título", "slug": "a-b-1", "status": "published", "author": "0197A3C2-8f4e-7b11-9c55-3d2a6f1e8b40",
    "seats": 30.0, "price": 2, "open": false, "opens_at": "2026-11-21T09:30:00+01:00", "tags": ["x", ""],
    "scores": [1, -5], "history": ["draft", "archived"], "dates": ["1970-01-01T00:00:01Z"],
    "options": [{"text": "yes", "correct": true}, {"text": "no", "note": "n"}], "best": {"text": "b"},
    "extra": {"any": [1, null, "x"]}, "password": "p\u00e4ssw\u00f6rd", "owner": "ada"})"));
  CHECK(survey.title == "Título");
  CHECK(survey.slug == "a-b-1");
  CHECK(survey.status == Status::published);
  CHECK(survey.author->text() == "0197a3c2-8f4e-7b11-9c55-3d2a6f1e8b40");
  CHECK(survey.seats == 30);
  CHECK(survey.price == 2.0);
  CHECK_FALSE(survey.open);
  CHECK(to_iso8601(survey.opens_at) == "2026-11-21T08:30:00Z");
  CHECK(survey.tags == std::vector<std::string>{"x", ""});
  CHECK(survey.scores == std::vector<std::int64_t>{1, -5});
  CHECK(survey.history == std::vector{Status::draft, Status::archived});
  CHECK(survey.dates.front().time_since_epoch() == std::chrono::seconds(1));
  REQUIRE(survey.options.size() == 2);
  CHECK(survey.options[0].correct);
  CHECK(survey.options[0].note == "none");  // left out: as a default-constructed Option has it
  CHECK(survey.options[1].note == "n");
  CHECK(survey.best->text == "b");
  CHECK(survey.extra["any"].as_array().size() == 3);
  CHECK(survey.password == "pässwörd");
  CHECK(survey.owner == "ada");
}

TEST_CASE("what is left out keeps its default, and null empties what may be empty") {
  const Survey survey = accepted(R"("author": null, "seats": null, "extra": null, "best": null)");
  CHECK(survey.slug == "untitled");
  CHECK(survey.price == 1.5);
  CHECK(survey.open);
  CHECK_FALSE(survey.author);
  CHECK(survey.extra.is_null());
}

TEST_CASE("a body that is no object is one fault at the body") {
  for (const char* json : {"null", "[]", "1", "\"x\"", "true"}) {
    const auto found = faults(json);
    REQUIRE(found.size() == 1);
    CHECK(found.front().type == "type_error.dict");
    CHECK(found.front().loc == Path{"body"});
  }
}

TEST_CASE("every fault is found, each at its place") {
  const auto found = faults(R"({"slug": "Not a slug", "seats": 0, "id": "x", "options": [{"text": "a"}, {},
                                 {"text": "much too long for it", "correct": 1}], "colour": 1})");
  const std::vector<std::pair<Path, std::string>> expected{
      {{"body", "id"}, "value_error.read_only"},
      {{"body", "title"}, "value_error.missing"},
      {{"body", "slug"}, "value_error.slug"},
      {{"body", "seats"}, "value_error.number.not_ge"},
      {{"body", "options", std::size_t{1}, "text"}, "value_error.missing"},
      {{"body", "options", std::size_t{2}, "text"}, "value_error.any_str.max_length"},
      {{"body", "options", std::size_t{2}, "correct"}, "type_error.bool"},
      {{"body", "colour"}, "value_error.extra"}};
  REQUIRE(found.size() == expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i) {
    CAPTURE(i);
    CHECK(found[i].loc == expected[i].first);
    CHECK(found[i].type == expected[i].second);
  }
}

TEST_CASE("a wrong type is refused for every type") {
  check_refused(R"("open": 1)", {"body", "open"}, "type_error.bool");
  check_refused(R"("open": "true")", {"body", "open"}, "type_error.bool");
  check_refused(R"("seats": "3")", {"body", "seats"}, "type_error.integer");
  check_refused(R"("seats": 3.5)", {"body", "seats"}, "type_error.integer");
  check_refused(R"("seats": 1e300)", {"body", "seats"}, "type_error.integer");
  check_refused(R"("seats": true)", {"body", "seats"}, "type_error.integer");
  check_refused(R"("price": "1")", {"body", "price"}, "type_error.float");
  check_refused(R"("slug": 1)", {"body", "slug"}, "type_error.str");
  check_refused(R"("author": "1")", {"body", "author"}, "type_error.uuid");
  check_refused(R"("author": 1)", {"body", "author"}, "type_error.uuid");
  check_refused(R"("opens_at": "tomorrow")", {"body", "opens_at"}, "type_error.datetime");
  check_refused(R"("opens_at": 0)", {"body", "opens_at"}, "type_error.datetime");
  check_refused(R"("tags": "x")", {"body", "tags"}, "type_error.list");
  check_refused(R"("tags": ["x", 1])", {"body", "tags", std::size_t{1}}, "type_error.str");
  check_refused(R"("tags": [null])", {"body", "tags", std::size_t{0}}, "type_error.none.not_allowed");
  check_refused(R"("best": [])", {"body", "best"}, "type_error.dict");
  check_refused(R"("status": "Draft")", {"body", "status"}, "type_error.enum");
  check_refused(R"("status": 0)", {"body", "status"}, "type_error.enum");
  check_refused(R"("history": ["draft", "x"])", {"body", "history", std::size_t{1}}, "type_error.enum");
  check_refused(R"("dates": ["x"])", {"body", "dates", std::size_t{0}}, "type_error.datetime");
  for (const char* name : {"slug", "status", "price", "open", "opens_at", "tags", "options"})
    check_refused('"' + std::string(name) + "\": null", {"body", name}, "type_error.none.not_allowed");
}

TEST_CASE("limits are checked at both ends") {
  CHECK(faults(R"({"title": "x"})").front().type == "value_error.any_str.min_length");
  CHECK(faults(R"({"title": "xx"})").empty());
  CHECK(accepted(R"("seats": 1)").seats == 1);
  CHECK(accepted(R"("seats": 500)").seats == 500);
  check_refused(R"("seats": 501)", {"body", "seats"}, "value_error.number.not_le");
  check_refused(R"("price": -0.01)", {"body", "price"}, "value_error.number.not_ge");
  check_refused(R"("scores": [10, 11])", {"body", "scores", std::size_t{1}}, "value_error.number.not_le");
  check_refused(R"("tags": ["a","b","c","d"])", {"body", "tags"}, "value_error.list.max_items");
  check_refused(R"("options": [])", {"body", "options"}, "value_error.list.min_items");
  check_refused("\"tags\": [\"" + std::string(256, 'x') + "\"]", {"body", "tags", std::size_t{0}},
                "value_error.any_str.max_length");
}

TEST_CASE("lengths are counted in characters, not bytes") {
  std::string emoji;
  for (int i = 0; i < 20; ++i) emoji += "😀";
  CHECK(faults("{\"title\": \"" + emoji + "\"}").empty());
  CHECK(faults("{\"title\": \"" + emoji + "😀\"}").front().type == "value_error.any_str.max_length");
  CHECK(faults(R"({"title": "é"})").front().type == "value_error.any_str.min_length");
}

TEST_CASE("the character U+0000 is refused wherever text can stand") {
  check_refused(R"("slug": "a\u0000b")", {"body", "slug"}, "value_error.nul");
  check_refused(R"("tags": ["\u0000"])", {"body", "tags", std::size_t{0}}, "value_error.nul");
  check_refused(R"("best": {"text": "\u0000"})", {"body", "best", "text"}, "value_error.nul");
  check_refused(R"("extra": {"a": [1, "\u0000"]})", {"body", "extra", "a", std::size_t{1}}, "value_error.nul");
  CHECK(fault_with(R"("extra": {"a\u0000": 1})").type == "value_error.nul");
  check_refused(R"("password": "12345678\u0000")", {"body", "password"}, "value_error.nul");
}

TEST_CASE("text from a host that is no UTF-8 is refused") {
  const auto found = faults_of([] { parse<Survey>(Object{{"title", "a\xff"}}); });
  REQUIRE(found.size() == 1);
  CHECK(found.front().type == "value_error.utf8");
}

TEST_CASE("free JSON is taken as it is") {
  for (const char* json : {"null", "1", "\"x\"", "[1,[2]]", R"({"a":{"b":null}})", "false"})
    CHECK(to_json(accepted("\"extra\": " + std::string(json)).extra) == json);
}

TEST_CASE("messages say what would be right") {
  CHECK(fault_with(R"("status": "x")").message == "must be one of: draft, published, archived");
  CHECK(fault_with(R"("seats": 0)").message == "must be at least 1");
  CHECK(fault_with(R"("seats": 501)").message == "must be at most 500");
  CHECK(fault_with(R"("password": "short")").message == "must have at least 8 characters");
  CHECK(fault_with(R"("options": [])").message == "must have at least 1 element");
  CHECK(fault_with(R"("stauts": "x")").message == "no such field; did you mean status?");
  CHECK(fault_with(R"("colour": "x")").message == "no such field");
}

TEST_CASE("faults never quote what was sent") {
  const auto found = faults(R"({"title": "x", "password": "hunter2", "slug": "hunter2 hunter2", "status": "hunter2",
      "author": "hunter2", "opens_at": "hunter2", "best": "hunter2", "tags": "hunter2", "seats": "hunter2"})");
  CHECK(found.size() == 9);
  for (const Fault& fault : found) CHECK(fault.message.find("hunter2") == std::string::npos);
}

TEST_CASE("hidden fields are as unknown, also to the hints") {
  check_refused(R"("hash": "x")", {"body", "hash"}, "value_error.extra");
  CHECK(fault_with(R"("hahs": "x")").message == "no such field");
  CHECK(fault_with(R"("hash": "x")").message == "no such field");
}

TEST_CASE("a flood of faults is cut, and so are the names it is made of") {
  Object body{{"title", "A title"}, {std::string(5000, 'n'), 1}};
  for (int i = 0; i < 5000; ++i) body.append("field" + std::to_string(i), i);
  const auto found = faults_of([&] { parse<Survey>(body); });
  REQUIRE(found.size() == 100);
  CHECK(std::get<std::string>(found.front().loc.back()).size() == 100);
}

TEST_CASE("a fault leaves the struct untouched") {
  Survey survey;
  survey.title = "before";
  CHECK_THROWS_AS(Survey::schema().parse(&survey, parse_json(R"({"title": "after", "seats": 0})")), Error);
  CHECK(survey.title == "before");
}

TEST_CASE("a change needs nothing and touches only what it names") {
  Survey survey;
  survey.title = "Before";
  survey.seats = 7;
  const Patch<Survey> patch(parse_json(R"({"seats": null, "opens_at": "2026-01-01T00:00:00Z", "tags": ["a"]})"));
  CHECK(patch.changes("seats"));
  CHECK_FALSE(patch.changes("title"));
  patch.apply(survey);
  CHECK(survey.title == "Before");
  CHECK_FALSE(survey.seats);
  CHECK(to_iso8601(survey.opens_at) == "2026-01-01T00:00:00Z");
  CHECK(survey.tags.size() == 1);
  CHECK(Patch<Survey>(Value(Object())).empty());
}

TEST_CASE("a change keeps to the rules of a creation, and to what may change") {
  CHECK(change_faults(R"({"title": "x"})").front().type == "value_error.any_str.min_length");
  CHECK(change_faults(R"({"title": null})").front().type == "type_error.none.not_allowed");
  CHECK(change_faults(R"({"owner": "eve"})").front().type == "value_error.read_only");
  CHECK(change_faults(R"({"id": "x"})").front().type == "value_error.read_only");
  CHECK(change_faults(R"({"hash": "x"})").front().type == "value_error.extra");
  CHECK(change_faults(R"({"best": {}})").front().loc == Path{"body", "best", "text"});
  CHECK(change_faults("[]").front().type == "type_error.dict");
}

TEST_CASE("the wire form shows times as text and leaves secrets out") {
  Survey survey;
  survey.title = "T";
  survey.opens_at = Time(std::chrono::seconds(1));
  survey.dates = {Time(std::chrono::seconds(2))};
  survey.options = {{.text = "yes", .correct = true, .shown_from = Time(std::chrono::seconds(3))}, {.text = "no"}};
  survey.password = "hunter2!";
  const Value wire = to_wire(survey);
  CHECK(wire["opens_at"] == "1970-01-01T00:00:01Z");
  CHECK(to_json(wire["dates"]) == R"(["1970-01-01T00:00:02Z"])");
  CHECK(
      to_json(wire["options"]) ==
      R"([{"text":"yes","shown_from":"1970-01-01T00:00:03Z","note":"none"},{"text":"no","shown_from":null,"note":"none"}])");
  CHECK(wire["status"] == "draft");
  CHECK(wire["seats"].is_null());
  CHECK(wire.as_object().contains("seats"));
  CHECK_FALSE(wire.as_object().contains("password"));
  CHECK_FALSE(wire.as_object().contains("hash"));
  CHECK(wire.as_object().begin()->first == "id");
}

TEST_CASE("what is written as JSON at once is what the wire form is") {
  struct Nothing {
    std::string secret;

    static const Schema& schema() {
      static const Schema schema =
          define<Nothing>("Nothing", "Shows nothing.").field("secret", &Nothing::secret, {.access = Access::hidden});
      return schema;
    }
  };
  const auto written = [](const auto& object) {
    std::string json;
    object.schema().append_wire(json, &object);
    return json;
  };
  Survey survey;
  CHECK(written(survey) == to_json(to_wire(survey)));
  survey.title = "a \"title\"\n";
  survey.status = Status::archived;
  survey.author = UserId(*Uuid::parse("0197a3c2-8f4e-7b11-9c55-3d2a6f1e8b40"));
  survey.seats = -3;
  survey.price = std::numeric_limits<double>::infinity();
  survey.tags = {"[", "{", "\"", "", "]"};
  survey.scores = {0, -1, 2};
  survey.history = {Status::draft, Status::published};
  survey.dates = {Time(std::chrono::microseconds(1)), Time()};
  survey.options = {{.text = "yes", .correct = true, .shown_from = Time(std::chrono::seconds(3))}, {.text = "{"}};
  survey.best = survey.options.front();
  survey.extra = parse_json(R"({"a": [1, {}, []], "b": "["})");
  survey.password = "hunter2!";
  CHECK(written(survey) == to_json(to_wire(survey)));
  CHECK(written(Nothing{}) == "{}");
}

TEST_CASE("a record holds everything and gives it back") {
  Survey survey;
  survey.title = "T";
  survey.hash = "h";
  survey.author = UserId(*Uuid::parse("0197a3c2-8f4e-7b11-9c55-3d2a6f1e8b40"));
  survey.options = {{.text = "yes", .correct = true}};
  survey.dates = {Time(std::chrono::seconds(2))};
  const Record record = Survey::schema().to_record(&survey);
  CHECK(record.size() == Survey::schema().fields().size());
  Survey back;
  Survey::schema().from_record(&back, Record(record));
  CHECK(Survey::schema().to_record(&back) == record);
  CHECK(back.hash == "h");
  CHECK(back.options.front().correct);
}

TEST_CASE("nulls of a projected record leave the defaults alone") {
  Record record(Survey::schema().fields().size());
  record[Survey::schema().index_of("title")] = "only this";
  Survey survey;
  survey.seats = 3;
  Survey::schema().from_record(&survey, Record(record));
  CHECK(survey.title == "only this");
  CHECK(survey.slug == "untitled");
  CHECK_FALSE(survey.seats);
  CHECK_THROWS_AS(Survey::schema().from_record(&survey, Record(3)), Error);
}

TEST_CASE("a query string is read as typed values") {
  const Filter found = filter({{"text", "a, b"},
                               {"page", "2"},
                               {"limit", "-5"},
                               {"open", "true"},
                               {"price", "1.5"},
                               {"tags", "a,b"},
                               {"tags", "c"},
                               {"status", "draft,archived"},
                               {"author", "0197a3c2-8f4e-7b11-9c55-3d2a6f1e8b40"},
                               {"since", "2026-01-01T00:00:00Z"}});
  CHECK(found.text == "a, b");
  CHECK(found.page == 2);
  CHECK(found.limit == -5);
  CHECK(found.open == true);
  CHECK(found.price == 1.5);
  CHECK(found.tags == std::vector<std::string>{"a", "b", "c"});
  CHECK(found.status == std::vector{Status::draft, Status::archived});
  CHECK(found.author);
  CHECK(found.since);
  CHECK(filter({{"open", "0"}, {"price", "2"}}).open == false);
}

TEST_CASE("an empty text is null where null may be, and no element of a list") {
  const Filter found = filter({{"text", ""}, {"limit", ""}, {"open", ""}, {"since", ""}, {"tags", ""}});
  CHECK(found.text.empty());
  CHECK_FALSE(found.limit);
  CHECK_FALSE(found.open);
  CHECK_FALSE(found.since);
  CHECK(found.tags.empty());
  CHECK(filter({}).page == 1);
}

TEST_CASE("faults of a query string are those of a body, found in the query") {
  const auto check = [](const std::vector<std::pair<std::string, std::string>>& texts, const Path& loc,
                        const char* type) {
    const auto found = faults_of([&] { filter(texts); });
    CAPTURE(type);
    REQUIRE(found.size() == 1);
    CHECK(found.front().type == type);
    CHECK(found.front().loc == loc);
  };
  check({{"page", ""}}, {"query", "page"}, "type_error.integer");
  check({{"page", "1x"}}, {"query", "page"}, "type_error.integer");
  check({{"page", "+1"}}, {"query", "page"}, "type_error.integer");
  check({{"page", " 1"}}, {"query", "page"}, "type_error.integer");
  check({{"page", "9223372036854775808"}}, {"query", "page"}, "type_error.integer");
  check({{"page", "0"}}, {"query", "page"}, "value_error.number.not_ge");
  check({{"open", "yes"}}, {"query", "open"}, "type_error.bool");
  check({{"price", "inf"}}, {"query", "price"}, "type_error.float");
  check({{"price", "nan"}}, {"query", "price"}, "type_error.float");
  check({{"status", "draft,x"}}, {"query", "status", std::size_t{1}}, "type_error.enum");
  check({{"author", "x"}}, {"query", "author"}, "type_error.uuid");
  check({{"pgae", "1"}}, {"query", "pgae"}, "value_error.extra");
  check({{"page", "1"}, {"page", "2"}}, {"query", "page"}, "value_error.duplicate");
  check({{"text", std::string("a\0", 2)}}, {"query", "text"}, "value_error.nul");
  check({{"text", "\xc3"}}, {"query", "text"}, "value_error.utf8");
}

TEST_CASE("the fields of a flattened struct stand in the outer one") {
  Wrapped wrapped;
  Wrapped::schema().parse_texts(&wrapped, {{"page", "3"}, {"more", "4"}});
  CHECK(wrapped.filter.page == 3);
  CHECK(wrapped.more == 4);
  CHECK(to_wire(wrapped).find("page")->as_integer() == 3);
}

TEST_CASE("a schema knows its key and its fields") {
  const Schema& schema = Survey::schema();
  CHECK(schema.key().name == "id");
  CHECK(schema.key().access == Access::read_only);
  CHECK(schema.index_of("title") == 1);
  CHECK(schema.find("nothing") == nullptr);
  CHECK_THROWS_AS(schema.index_of("nothing"), Error);
  CHECK_THROWS_AS(Filter::schema().key(), Error);
  CHECK_FALSE(schema.searchable());
}

TEST_CASE("a definition that makes no sense is a defect") {
  Schema schema("Thing", "");
  Field field;
  field.name = "a";
  schema.add(field);
  CHECK_THROWS_AS(schema.add(field), Error);
  field.name = "b";
  field.type = FieldType::list;
  field.element = FieldType::list;
  CHECK_THROWS_AS(schema.add(field), Error);
}

TEST_CASE("a schema's name in reasons") {
  const auto reason = [](const char* name) { return reason_name(Schema(name, "")); };
  CHECK(reason("Course") == "course");
  CHECK(reason("CourseSection") == "course_section");
  CHECK(reason("APIKey") == "api_key");
  CHECK(reason("UserAPI") == "user_api");
}

TEST_CASE("the message of an invalid input names its first faults") {
  const Error error =
      invalid({{{"body", "a", std::size_t{2}}, "must not be null", "t"}, {{"body", "b"}, "field required", "t"}});
  CHECK(std::string(error.what()) == "The input is not valid: body.a.2 must not be null; body.b field required.");
  std::vector<Fault> many(5, Fault{{"query", "x"}, "no such field", "t"});
  CHECK(std::string(invalid(many).what()).ends_with("; and 2 more."));
}

TEST_CASE("mail addresses") {
  for (const char* text : {"ada@example.org", "a.b+c@sub.example.co", "o'neil@example.org", "x@1.de",
                           "ada@xn--bcher-kva.example", "ada@r3---sn.example.org"}) {
    CAPTURE(text);
    CHECK(normal_email(text) == text);
  }
  CHECK(normal_email(std::string(64, 'a') + "@example.org"));
  CHECK_FALSE(normal_email(std::string(65, 'a') + "@example.org"));
  const std::string label(61, 'b');
  const std::string domain = label + '.' + label + '.' + label + ".example";  // 193 bytes
  CHECK(normal_email(std::string(60, 'a') + '@' + domain));                   // 254
  CHECK_FALSE(normal_email(std::string(61, 'a') + '@' + domain));
  for (const char* text : {"",
                           "@",
                           "ada",
                           "ada@",
                           "@example.org",
                           "ada@example",
                           "ada@@example.org",
                           "a@b@example.org",
                           "ada @example.org",
                           " ada@example.org",
                           "ada@example.org ",
                           "ada@example.org\n",
                           "ada@example..org",
                           "ada@.example.org",
                           "ada@example.org.",
                           "ada@-example.org",
                           "ada@example-.org",
                           ".ada@example.org",
                           "ada.@example.org",
                           "a..b@example.org",
                           "<ada@example.org>",
                           "Ada <ada@example.org>",
                           "a,b@example.org",
                           "ada@exam_ple.org",
                           "ada@[127.0.0.1]",
                           "ada\r\nBcc:x@example.org",
                           "ada\u00a0@example.org",
                           "ada@exa\u200bmple.org",
                           "ada\x7f@example.org",
                           "jürgen@example.org",
                           "ada@xn--99zzz99.example",
                           "ada@a\u0327\u05d0.example",
                           "\xff@example.org"}) {
    CAPTURE(text);
    CHECK_FALSE(normal_email(text));
  }
}

TEST_CASE("the domain of a mail address is kept in ASCII and lower case, the rest as it was given") {
  CHECK(normal_email("Ada@EXAMPLE.Org") == "Ada@example.org");
  CHECK(normal_email("ada@Bücher.example") == "ada@xn--bcher-kva.example");
  CHECK(normal_email("ada@例子。广告") == "ada@xn--fsqu00a.xn--4rr70v");
  CHECK(normal_email("ada@straße.example") == "ada@xn--strae-oqa.example");
  // A Cyrillic а looks like Ada's own domain, and is seen to be another.
  CHECK(normal_email("ada@ex\u0430mple.org") == "ada@xn--exmple-4nf.org");
}

TEST_CASE("names of time zones are those of IANA") {
  for (const char* text : {"UTC", "Europe/Madrid", "America/Argentina/Buenos_Aires", "Asia/Calcutta", "Asia/Kolkata",
                           "Etc/GMT+5", "Japan", "EST5EDT", "CET", "GB"}) {
    CAPTURE(text);
    CHECK(is_timezone(text));
  }
  for (const char* text : {"", "utc", "Europe/Atlantis", "europe/madrid", "GMT+3", "PST", "IST", "SystemV/PST8",
                           "+02:00", "Etc/Unknown", "Europe/Madrid ", "Europe\\Madrid", "Европа/Мадрид"}) {
    CAPTURE(text);
    CHECK_FALSE(is_timezone(text));
  }
}

namespace {

struct Badge {
  std::string name;
  std::string motto;
  std::vector<std::string> tags;
  std::string question;
  std::string password;
  std::string timezone = "UTC";
  std::string email;

  static const Schema& schema() {
    static const Schema schema =
        define<Badge>("Badge", "Made for these tests.")
            .field("name", &Badge::name, {.min_length = 1, .max_length = 10, .format = Format::name})
            .field("motto", &Badge::motto, {.format = Format::name})
            .field("tags", &Badge::tags, {.format = Format::name})
            .field("question", &Badge::question, {.min_length = 1, .format = Format::markdown})
            .field("password", &Badge::password, {.min_length = 1, .format = Format::password})
            .field("timezone", &Badge::timezone, {.format = Format::timezone})
            .field("email", &Badge::email, {.format = Format::email});
    return schema;
  }
};

Badge badge(const char* field, const Value& value) {
  return parse<Badge>(Object{{field, value}});
}

void check_badge_refused(const char* field, const Value& value, const std::string& type) {
  CAPTURE(field);
  CAPTURE(to_json(value));
  const auto found = faults_of([&] { badge(field, value); });
  REQUIRE(found.size() == 1);
  CHECK(found.front().type == type);
  CHECK(found.front().loc.at(1) == PathStep(std::string(field)));
}

}  // namespace

TEST_CASE("a name shows something, on one line, and nothing in it hides or turns the rest") {
  for (const char* blank : {" ", "\t\n", "\u00a0\u3000", "\u200b\u200b", "\u2060", "\ufeff", "\u2800"}) {
    CAPTURE(blank);
    check_badge_refused("name", blank, "value_error.blank");
  }
  check_badge_refused("name", "\u200d\u200c", "value_error.blank");
  check_badge_refused("name", "\u3164", "value_error.blank");
  check_badge_refused("name", "", "value_error.any_str.min_length");
  for (const char* text : {"a\nb", "a\x01", "a\x7f", "a\u0085z", "a\u2028z", "a\u2029z", "gpj.\u202eexe", "a\u202ab",
                           "a\u2066b", "a\u2069"})
    check_badge_refused("name", text, "value_error.name");
  check_badge_refused("tags", Array{"ok", " "}, "value_error.blank");
  check_badge_refused("tags", Array{"ok", ""}, "value_error.any_str.min_length");
  check_badge_refused("motto", "two\nlines", "value_error.name");
  check_badge_refused("motto", "\u200d", "value_error.blank");
}

TEST_CASE("blanks around a name are taken off, and do not count") {
  CHECK(badge("name", "  Ada  Byron\u00a0\n").name == "Ada  Byron");
  CHECK(badge("name", "\u200bAda\ufeff").name == "Ada");
  CHECK(badge("name", " " + std::string(10, 'x') + " ").name.size() == 10);
  CHECK(badge("motto", "   ").motto.empty());
  CHECK(badge("tags", Array{" sql "}).tags.front() == "sql");
  CHECK(Patch<Badge>({{"name", " Ada "}}).changes("name"));
  Badge changed;
  Patch<Badge>({{"name", " Ada "}}).apply(changed);
  CHECK(changed.name == "Ada");
}

TEST_CASE("names of every script pass, with the joiners that they need") {
  // Persian with ZWNJ, Sinhala and Devanagari with ZWJ, a family, a flag made of tags, Hebrew with a mark, Vietnamese.
  for (const char* text : {"می\u200cخواهم", "ශ්\u200dරී", "क्\u200dष", "👩\u200d👩\u200d👧",
                           "🏴\U000E0067\U000E0062\U000E0065\U000E006E\U000E0067\U000E007F", "\u200fעדה", "Nguyễn",
                           "李白", "O’Neil", "a\u00adb", "e\u0301"}) {
    CAPTURE(text);
    CHECK(badge("name", text).name == text);
  }
}

TEST_CASE("other text that must be there must show something, a password is nobody's business") {
  check_badge_refused("question", " \n\t", "value_error.blank");
  CHECK(badge("question", " two\nlines ").question == " two\nlines ");
  CHECK(badge("password", "  \u202e ").password == "  \u202e ");
}

TEST_CASE("addresses and time zones are refused with an example, and addresses kept in their normal form") {
  CHECK(badge("email", "Ada@BÜCHER.example").email == "Ada@xn--bcher-kva.example");
  CHECK(badge("timezone", "America/Sao_Paulo").timezone == "America/Sao_Paulo");
  check_badge_refused("email", "ädä@example.org", "value_error.email");
  check_badge_refused("timezone", "Mars/Base", "value_error.timezone");
  const auto message = [](const char* field, const char* text) {
    return faults_of([&] { badge(field, text); }).front().message;
  };
  CHECK(message("email", "ädä@example.org").find("without accents") != std::string::npos);
  CHECK(message("email", "ada@localhost").find("ada@example.org") != std::string::npos);
  CHECK(message("timezone", "Mars/Base").find("Europe/Madrid") != std::string::npos);
}

TEST_CASE("slugs, languages and currencies") {
  for (const char* text : {"a", "music-theory-1", "2026", "a-b-c"}) CHECK(is_slug(text));
  for (const char* text : {"", "-a", "a-", "a--b", "A", "a_b", "a b", "é", "a/b", "a\n"}) CHECK_FALSE(is_slug(text));
  for (const char* text : {"en", "pt-BR", "zh-CN"}) CHECK(is_language(text));
  for (const char* text : {"", "e", "EN", "eng", "en-gb", "en_GB", "en-", "en-GBR", "english"})
    CHECK_FALSE(is_language(text));
  for (const char* text : {"EUR", "USD"}) CHECK(is_currency(text));
  for (const char* text : {"", "eur", "EU", "EURO", "E R", "€"}) CHECK_FALSE(is_currency(text));
}

TEST_CASE("addresses of the web") {
  for (const char* text :
       {"https://example.org", "http://example.org/a?b=c#d", "HTTPS://example.org:8443/", "http://localhost:8000",
        "https://[::1]:80/x", "https://例子.广告/路径", "https://example.org/@user", "https://a/%20"}) {
    CAPTURE(text);
    CHECK(is_url(text));
  }
  for (const char* text : {"",
                           "example.org",
                           "//example.org",
                           "ftp://example.org",
                           "javascript:alert(1)",
                           "data:text/html,x",
                           "https:/example.org",
                           "https://",
                           "https:///path",
                           "https://?q",
                           "https://:80",
                           "https://a:b",
                           "https://a:99999",
                           "https://a:",
                           "https://user:secret@example.org",
                           "https://exa mple.org",
                           "https://example.org/a b",
                           "https://example.org/\n",
                           "https://example.org/\"onload",
                           "https://example.org/<x>",
                           "https://a\\b",
                           "https://[]",
                           "https://[::1",
                           " https://a",
                           "https://a/\xff",
                           "https://a/\u00a0"}) {
    CAPTURE(text);
    CHECK_FALSE(is_url(text));
  }
}

TEST_CASE("a struct that a program filled is held to the rules of its schema") {
  Survey survey;
  survey.title = "x";
  survey.slug = "No Slug";
  survey.seats = 501;
  survey.price = -1;
  survey.tags = {"a", "b", "c", "d"};
  survey.options = {{.text = "good"}, {.text = "longer than ten characters"}};
  survey.password = "short";
  const std::vector<Fault> found = faults_of([&] { validated(survey); });
  const std::vector<Path> places{{"body", "title"},   {"body", "slug"}, {"body", "seats"},
                                 {"body", "price"},   {"body", "tags"}, {"body", "options", 1U, "text"},
                                 {"body", "password"}};
  REQUIRE(found.size() == places.size());
  for (std::size_t i = 0; i < places.size(); ++i) CHECK(found[i].loc == places[i]);
  CHECK(found[0].type == faults("{\"title\":\"x\"}").at(0).type);
}

TEST_CASE("of a struct that a program filled, what no client gives has its initial value, the rest stays") {
  Survey survey;
  survey.id = QuizId(*Uuid::parse("0197a3c2-8f4e-7b11-9c55-3d2a6f1e8b40"));
  survey.hash = "forged";
  survey.title = "A title";
  survey.opens_at = Time(std::chrono::microseconds(1'234'567));
  survey.dates = {survey.opens_at};
  survey.options = {{.text = "one", .correct = true, .shown_from = survey.opens_at}};
  survey.owner = "ada";
  survey.extra = Object{{"any", 1}};
  const Survey checked = validated(survey);
  CHECK(checked.id.is_nil());
  CHECK(checked.hash == "secret hash");
  CHECK(checked.title == "A title");
  CHECK(checked.opens_at == survey.opens_at);
  CHECK(checked.dates == survey.dates);
  REQUIRE(checked.options.size() == 1);
  CHECK(checked.options[0].correct);
  CHECK(checked.options[0].shown_from == survey.opens_at);
  CHECK(checked.owner == "ada");
  CHECK(checked.extra == survey.extra);
}
