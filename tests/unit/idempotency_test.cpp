#include <stdexcept>

#include <doctest/doctest.h>

#include <lms/backends/memory.hpp>
#include <lms/repository.hpp>
#include <lms/testing/fake_clock.hpp>
#include <lms/testing/run_twice_storage.hpp>
#include <lms/testing/seeded_random.hpp>

#include "http/idempotency.hpp"
#include "http/problem.hpp"

using namespace lms;

namespace {

/// What a request is to do once.
struct Effect {
  std::string name;

  static const Schema& schema() {
    static const Schema schema = define<Effect>("Effect", "An effect.").table("effects").key("name", &Effect::name);
    return schema;
  }
};

struct Crash {};

struct Desk {
  /// Does what the request asks for: writes one more effect and answers.
  http::Response act(const Storage::Function& first, http::Response answer = {}) {
    storage.provided(first, [&] {
      const std::string name = random.token();
      storage.write([&](UnitOfWork& uow) { Repository<Effect>(uow).insert({name}); });
    });
    if (answer.headers.begin() == answer.headers.end()) answer.headers.add("Location", "/there");
    return answer;
  }
  http::Response once(const std::string& key, const std::string& body, const IdempotentAnswers::Act& act) {
    const http::Request request{http::Method::post, "/things", {}, {}, {}};
    return answers.once(caller, {key, answers.fingerprint(request, body)}, act);
  }
  http::Response send(const std::string& key, const std::string& body = "{}") {
    return once(key, body, [this](const Storage::Function& first) {
      return act(first, {.status = 201, .headers = {}, .body = "made"});
    });
  }
  std::string refusal(const std::string& key, const std::string& body = "{}") {
    try {
      send(key, body);
    } catch (const Problem& problem) {
      return problem.reason;
    }
    return "none";
  }
  std::size_t effects() {
    return storage.read([](UnitOfWork& uow) { return Repository<Effect>(uow).count({}); });
  }
  std::size_t kept() {
    return storage.read([](UnitOfWork& uow) { return Repository<IdempotentAnswer>(uow).count({}); });
  }

  testing::FakeClock clock;
  testing::SeededRandom random;
  testing::RunTwiceStorage storage{open_memory_storage()};
  IdempotentAnswers answers{storage, clock, random, "a key of the school", std::chrono::hours{24}};
  UserId caller{random.uuid(clock.now())};
};

std::string key_of(const std::string& field) {
  try {
    return IdempotentAnswers::key_in({{"Idempotency-Key", field}}).value();
  } catch (const Problem& problem) {
    CHECK(problem.status == 400);
    return problem.reason;
  }
}

}  // namespace

TEST_CASE("a key is plain or quoted, printable, and not endless") {
  const std::string bad = "invalid_idempotency_key";
  CHECK_FALSE(IdempotentAnswers::key_in({}));
  CHECK(key_of("8e03978e-40d5-43dd-bc93-6894a57f9324") == "8e03978e-40d5-43dd-bc93-6894a57f9324");
  CHECK(key_of("\"a key\"") == "a key");
  CHECK(key_of(R"("a \"key\" \\")") == R"(a "key" \)");
  CHECK(key_of("  a  ") == "a");
  CHECK(key_of(std::string(255, 'k')).size() == 255);
  for (const std::string& field :
       {std::string(), std::string(" "), std::string("\"\""), std::string("\""), std::string("\"a"),
        std::string("\"a\"b\""), std::string(R"("a\")"), std::string(R"("a\n")"), std::string("a\tb"),
        std::string("a\0b", 3), std::string("\x7f"), std::string("schlüssel"), std::string(256, 'k')}) {
    CAPTURE(field);
    CHECK(key_of(field) == bad);
  }
  CHECK_THROWS_AS(IdempotentAnswers::key_in({{"Idempotency-Key", "a"}, {"idempotency-key", "a"}}), Problem);
}

TEST_CASE("what is sent again is answered again, and done once") {
  Desk desk;
  const http::Response first = desk.send("a");
  const http::Response again = desk.send("a");
  CHECK(first.status == 201);
  CHECK(first.headers.find("Idempotent-Replayed") == nullptr);
  CHECK(again.status == 201);
  CHECK(*again.headers.find("Location") == "/there");
  CHECK(*again.headers.find("Idempotent-Replayed") == "true");
  CHECK(std::get<std::string>(again.body) == "made");
  CHECK(desk.effects() == 1);

  desk.send("b");
  CHECK(desk.effects() == 2);
  CHECK(desk.refusal("a", "{\"other\":1}") == "idempotency_key_reused");
  desk.caller = UserId(desk.random.uuid(desk.clock.now()));
  desk.send("a", "{\"other\":1}");  // the key of somebody else
  CHECK(desk.effects() == 3);
}

TEST_CASE("an answer is kept as long as it is said, then the key is as new") {
  Desk desk;
  desk.send("a");
  desk.clock.advance(std::chrono::hours{24} - std::chrono::microseconds{1});
  CHECK(desk.send("a").headers.find("Idempotent-Replayed") != nullptr);
  CHECK(desk.answers.purge() == 0);
  desk.clock.advance(std::chrono::microseconds{1});
  CHECK(desk.send("a", "{\"other\":1}").headers.find("Idempotent-Replayed") == nullptr);
  CHECK(desk.effects() == 2);
  desk.clock.advance(std::chrono::hours{25});
  CHECK(desk.answers.purge() == 1);
  CHECK(desk.kept() == 0);
}

TEST_CASE("who comes while the first is at work is told to wait") {
  Desk desk;
  desk.once("a", "{}", [&](const Storage::Function& first) {
    CHECK(desk.refusal("a") == "idempotency_in_progress");
    CHECK(desk.refusal("a", "{\"other\":1}") == "idempotency_key_reused");
    http::Response response = desk.act(first);
    CHECK(desk.refusal("a") == "idempotency_in_progress");
    return response;
  });
  CHECK(desk.effects() == 1);
}

TEST_CASE("a crash before the effect frees the key after a while") {
  Desk desk;
  const auto crash = [](const Storage::Function&) -> http::Response { throw Crash(); };
  CHECK_THROWS_AS(desk.once("a", "{}", crash), Crash);
  CHECK(desk.refusal("a") == "idempotency_in_progress");
  desk.clock.advance(IdempotentAnswers::longest_try);
  CHECK(desk.refusal("a") == "none");
  CHECK(desk.effects() == 1);
}

TEST_CASE("a crash after the effect loses the answer, and doubles nothing") {
  Desk desk;
  const auto crash = [&](const Storage::Function& first) -> http::Response {
    desk.act(first);
    throw Crash();
  };
  CHECK_THROWS_AS(desk.once("a", "{}", crash), Crash);
  CHECK(desk.refusal("a") == "idempotency_in_progress");
  desk.clock.advance(IdempotentAnswers::longest_try);
  CHECK(desk.refusal("a") == "idempotency_answer_gone");
  CHECK(desk.effects() == 1);
}

TEST_CASE("a try that took too long changes nothing once another has taken over") {
  Desk desk;
  const auto slow = [&](const Storage::Function& first) {
    desk.clock.advance(IdempotentAnswers::longest_try);
    CHECK(desk.send("a").status == 201);
    return desk.act(first);
  };
  try {
    desk.once("a", "{}", slow);
    FAIL("it acted");
  } catch (const Problem& problem) {
    CHECK(problem.reason == "idempotency_in_progress");
  }
  CHECK(desk.effects() == 1);
  CHECK(desk.send("a").headers.find("Idempotent-Replayed") != nullptr);
}

TEST_CASE("a refusal is kept; what may be otherwise next time is not") {
  Desk desk;
  const auto answering = [&](int status) {
    return [status](const Storage::Function&) { return http::Response{status, {}, std::string("refused")}; };
  };
  for (const int status : {403, 404, 409}) {
    const std::string key = std::to_string(status);
    desk.once(key, "{}", answering(status));
    CHECK(desk.send(key).status == status);
  }
  CHECK(desk.effects() == 0);
  std::size_t done = 0;
  for (const int status : {400, 412, 422, 429, 500, 503}) {
    const std::string key = std::to_string(status);
    desk.once(key, "{}", answering(status));
    CHECK(desk.send(key).status == 201);
    CHECK(desk.effects() == ++done);
  }
}

TEST_CASE("a failure after part of the effect is not tried again") {
  Desk desk;
  desk.once("a", "{}", [&](const Storage::Function& first) {
    desk.act(first);
    return http::Response{503, {}, {}};
  });
  CHECK(desk.refusal("a") == "idempotency_answer_gone");
  CHECK(desk.effects() == 1);
}

TEST_CASE("an answer that is too large, streams or sets a cookie is not kept, and the effect not doubled") {
  class Nothing final : public http::BodySource {
    std::size_t read(std::span<char>) override { return 0; }
  };
  Desk desk;
  const auto with = [&](const std::string& key, auto make) {
    desk.once(key, "{}", [&](const Storage::Function& first) { return desk.act(first, make()); });
  };
  const auto of_size = [](std::size_t size) { return http::Response{200, {}, std::string(size, 'x')}; };
  with("large", [&] { return of_size(IdempotentAnswers::largest_answer + 1); });
  with("stream", [] { return http::Response{200, {}, std::make_unique<Nothing>()}; });
  with("cookie", [] { return http::Response{200, {{"Set-Cookie", "a=b"}}, {}}; });
  for (const char* key : {"large", "stream", "cookie"}) CHECK(desk.refusal(key) == "idempotency_answer_gone");
  CHECK(desk.effects() == 3);
  with("fits", [&] { return of_size(IdempotentAnswers::largest_answer); });
  CHECK(desk.send("fits").headers.find("Idempotent-Replayed") != nullptr);
}

TEST_CASE("what is stored tells neither key nor body") {
  Desk desk;
  desk.send("the key", "the body");
  const auto stored =
      desk.storage.read([](UnitOfWork& uow) { return Repository<IdempotentAnswer>(uow).select({}).at(0); });
  for (const std::string& text : {stored.id, stored.fingerprint}) {
    CHECK(text.size() == 64);
    CHECK(text.find_first_not_of("0123456789abcdef") == std::string::npos);
  }
  IdempotentAnswers others(desk.storage, desk.clock, desk.random, "another key", std::chrono::hours{24});
  const http::Request request{http::Method::post, "/things", {}, {}, {}};
  CHECK(others.fingerprint(request, "the body") != stored.fingerprint);
  CHECK(desk.answers.fingerprint(request, "the body") == stored.fingerprint);
  CHECK(desk.answers.fingerprint({http::Method::post, "/thing", {}, {}, {}}, "the body") != stored.fingerprint);
}
