#include <chrono>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <lms/router.hpp>

using namespace lms;

namespace {

Route page_at(http::Method method, std::string path, std::string operation) {
  return {.method = method,
          .path = std::move(path),
          .operation = std::move(operation),
          .tag = "things",
          .summary = "A thing",
          .output_mode = Output::free,
          .handler = [](Call&) { return json_response(200, {}); }};
}

Router library() {
  Router router("/api");
  router.add(page_at(http::Method::get, "/books", "listBooks"));
  router.add(page_at(http::Method::get, "/books/new", "newBooks"));
  router.add(page_at(http::Method::get, "/books/{id}", "getBook"));
  router.add(page_at(http::Method::del, "/books/{id}", "removeBook"));
  router.add(page_at(http::Method::get, "/books/{id}/pages/{number}", "getPage"));
  Route root = page_at(http::Method::get, "/", "root");
  root.absolute = true;
  router.add(root);
  return router;
}

std::string operation(const Router& router, std::string_view path, http::Method method = http::Method::get) {
  const auto match = router.match(method, path);
  return match.route ? match.route->operation : "";
}

std::string why_refused(Router& router, Route route) {
  try {
    router.add(std::move(route));
  } catch (const Error& error) {
    CHECK(error.code() == ErrorCode::internal);
    return error.what();
  }
  return {};
}

}  // namespace

TEST_CASE("a path finds its route, and a fixed segment wins over a parameter") {
  const Router router = library();
  CHECK(operation(router, "/api/books") == "listBooks");
  CHECK(operation(router, "/api/books/new") == "newBooks");
  CHECK(operation(router, "/api/books/17") == "getBook");
  CHECK(operation(router, "/api/books/17", http::Method::del) == "removeBook");
  CHECK(operation(router, "/api/books/17/pages/3") == "getPage");
  CHECK(operation(router, "/") == "root");
}

TEST_CASE("where a fixed segment leads nowhere, the parameter gets its turn") {
  const auto match = library().match(http::Method::get, "/api/books/new/pages/3");
  REQUIRE(match.params.size() == 2);
  CHECK(match.params[0] == std::pair<std::string, std::string>("id", "new"));
}

TEST_CASE("a trailing slash makes no difference, further ones do") {
  const Router router = library();
  CHECK(operation(router, "/api/books/") == "listBooks");
  CHECK(operation(router, "/api/books/17/") == "getBook");
  CHECK(operation(router, "/api/books//") == "");
  CHECK(operation(router, "/api//books") == "");
  CHECK(operation(router, "//") == "");
  CHECK(operation(router, "") == "");
  CHECK(operation(router, "api/books") == "");
}

TEST_CASE("HEAD is answered by the route of GET") {
  const Router router = library();
  CHECK(operation(router, "/api/books", http::Method::head) == "listBooks");
}

TEST_CASE("a path that exists with other methods says which") {
  const auto match = library().match(http::Method::post, "/api/books/17");
  CHECK(match.route == nullptr);
  CHECK(match.allowed == std::vector<http::Method>{http::Method::get, http::Method::del});
  CHECK(library().match(http::Method::post, "/api/nothing").allowed.empty());
}

TEST_CASE("segments are decoded after the path was split") {
  const Router router = library();
  const auto match = router.match(http::Method::get, "/api/books/a%2Fb%20%C3%BC+");
  REQUIRE(match.params.size() == 1);
  CHECK(match.params[0].second == "a/b ü+");
  CHECK(operation(router, "/api/b%6Foks") == "listBooks");
}

TEST_CASE("a path that is no percent-encoded UTF-8 or has a NUL is malformed") {
  const Router router = library();
  for (const char* segment : {"%", "%4", "%zz", "%00", "a%00b", "%FF", "%C0%AF", "%ED%A0%80"}) {
    CAPTURE(segment);
    const auto match = router.match(http::Method::get, std::string("/api/books/") + segment);
    CHECK(match.malformed);
    CHECK(match.route == nullptr);
    CHECK(match.params.empty());
  }
  CHECK_FALSE(router.match(http::Method::get, "/api/books/%25").malformed);
}

TEST_CASE("long and deep paths are refused at once") {
  const Router router = library();
  const std::string slashes(1'000'000, '/');
  CHECK(router.match(http::Method::get, slashes).route == nullptr);
  std::string deep = "/api/books";
  for (int i = 0; i < 200'000; ++i) deep += "/new";
  CHECK(router.match(http::Method::get, deep).route == nullptr);
  CHECK(router.match(http::Method::get, "/api/books/" + std::string(1'000'000, 'x')).route != nullptr);
}

TEST_CASE("a row that contradicts itself or another is refused") {
  Router router = library();
  CHECK(why_refused(router, page_at(http::Method::get, "/books", "again")).find("exists already") != std::string::npos);
  CHECK(why_refused(router, page_at(http::Method::get, "/other", "listBooks")).find("listBooks") != std::string::npos);
  CHECK(why_refused(router, page_at(http::Method::put, "/books/{book}", "x")).find("{id}") != std::string::npos);
  CHECK(why_refused(router, page_at(http::Method::get, "/a//b", "x")).find("empty segment") != std::string::npos);
  CHECK(why_refused(router, page_at(http::Method::get, "/a/", "x")).find("ends with") != std::string::npos);

  Route route = page_at(http::Method::get, "/x", "x");
  route.handler = nullptr;
  CHECK(why_refused(router, route).find("handler") != std::string::npos);

  route = page_at(http::Method::get, "/x", "x");
  route.input_mode = Input::free;
  CHECK(why_refused(router, route).find("a read takes no body") != std::string::npos);

  route = page_at(http::Method::post, "/x", "x");
  route.input_mode = Input::create;
  CHECK(why_refused(router, route).find("input schema") != std::string::npos);

  route = page_at(http::Method::get, "/x", "x");
  route.output_mode = Output::page;
  CHECK(why_refused(router, route).find("output schema") != std::string::npos);

  route = page_at(http::Method::get, "/x", "x");
  route.ignores_token = true;
  CHECK(why_refused(router, route).find("token") != std::string::npos);

  route = page_at(http::Method::get, "/x", "x");
  route.weight = Weight::none;
  CHECK(why_refused(router, route).find("token") != std::string::npos);

  route = page_at(http::Method::get, "/x", "x");
  route.cached = std::chrono::seconds{1};
  route.allow = SignedIn{};
  CHECK(why_refused(router, route).find("cached") != std::string::npos);
  route.allow = Anyone{};
  route.weight = Weight::write;
  CHECK(why_refused(router, route).find("cached") != std::string::npos);
  route.weight = Weight::read;
  route.method = http::Method::post;
  CHECK(why_refused(router, route).find("cached") != std::string::npos);

  CHECK(why_refused(router, page_at(http::Method::other, "/x", "x")).find("method") != std::string::npos);

  CHECK(why_refused(router, page_at(http::Method::get, "/x", "x")).empty());
}

TEST_CASE("a page request is bounded in depth as in size") {
  CHECK_NOTHROW((PageRequest{.page = 1, .page_size = 100}.check()));
  CHECK_NOTHROW((PageRequest{.page = 1001, .page_size = 100}.check()));
  CHECK((PageRequest{.page = 1001, .page_size = 100}.offset()) == 100'000);
  for (const PageRequest& bad : {PageRequest{.page = 0, .page_size = 20}, PageRequest{.page = 1002, .page_size = 100},
                                 PageRequest{.page = INT64_MAX, .page_size = 100},
                                 PageRequest{.page = 1, .page_size = 0}, PageRequest{.page = 1, .page_size = 101}}) {
    try {
      bad.check();
      FAIL("accepted page " << bad.page << " of size " << bad.page_size);
    } catch (const Error& error) {
      CHECK(error.code() == ErrorCode::invalid);
      CHECK(error.faults().at(0).loc.at(0) == PathStep("query"));
    }
  }
}
