#include <doctest/doctest.h>

#include <atomic>
#include <system_error>
#include <thread>
#include <vector>

#include "http1_fixture.hpp"

using namespace lms;
using namespace lms::http1;
using namespace lms::http1::testing;
using namespace std::chrono_literals;

namespace {

const http::Plan here{http::Lane::here, false, 0};
const http::Plan waiting{http::Lane::waiting, false, 0};
const http::Plan streaming{http::Lane::waiting, true, 64u << 20};

constexpr auto a_moment = 200ms;  // for a deadline that is meant to pass, and for what must not happen

std::string hello(const std::string& fields = "", const std::string& start = "GET /hello HTTP/1.1") {
  return start + "\r\nHost: test\r\n" + fields + "\r\n";
}

}  // namespace

TEST_CASE("a connection serves many requests") {
  FakeApplication application;
  RunningServer server(application);
  Client client = server.client();
  for (int i = 0; i < 100; ++i) {
    const Reply reply = client.get("/hello");
    REQUIRE(reply.status == 200);
    REQUIRE(reply.body == "Hello, World!");
    REQUIRE(reply.headers.find("Connection") == nullptr);
    REQUIRE(reply.header("Date").ends_with(" GMT"));
  }
}

TEST_CASE("Connection: close and HTTP/1.0 end the connection unless it is kept on request") {
  FakeApplication application;
  RunningServer server(application);
  for (const std::string& request : {hello("Connection: close\r\n"), hello("", "GET /hello HTTP/1.0")}) {
    Client client = server.client();
    client.send(request);
    const Reply reply = client.reply();
    CHECK(reply.body == "Hello, World!");
    CHECK(reply.header("Connection") == "close");
    CHECK(client.closed());
  }
  Client kept = server.client();
  for (int i = 0; i < 2; ++i) {
    kept.send(hello("Connection: keep-alive\r\n", "GET /hello HTTP/1.0"));
    CHECK(kept.reply().header("Connection") == "keep-alive");
  }
}

TEST_CASE("an answer may end the connection") {
  FakeApplication application;
  application.on("/bye", here, [](http::Request&) { return http::Response{200, {{"Connection", "close"}}, "Bye"}; });
  RunningServer server(application);
  Client client = server.client();
  CHECK(client.get("/bye").header("Connection") == "close");
  CHECK(client.closed());
}

TEST_CASE("pipelined requests are answered in order, whichever thread answers") {
  FakeApplication application;
  Gate gate;
  application.on("/slow", waiting, [&](http::Request&) {
    gate.pass();
    return http::Response{200, {}, "slow"};
  });
  RunningServer server(application);
  Client client = server.client();
  const std::string post = "POST /echo HTTP/1.1\r\nHost: test\r\nContent-Length: 4\r\n\r\nbody";
  client.send(hello("", "GET /slow HTTP/1.1") + hello() + post + hello("", "GET /slow HTTP/1.1") + hello());
  CHECK(client.silent(a_moment));
  gate.open();
  for (const std::string expected : {"slow", "Hello, World!", "body", "slow", "Hello, World!"}) {
    CHECK(client.reply().body == expected);
  }
}

TEST_CASE("thousands of pipelined requests are all answered") {
  FakeApplication application;
  RunningServer server(application);
  Client client = server.client();
  constexpr int count = 20'000;
  std::thread sender([&] {
    std::string batch;
    for (int i = 0; i < 100; ++i) batch += hello();
    for (int i = 0; i < count / 100; ++i) client.send(batch);
  });
  int answered = 0;
  while (answered < count && client.reply().status == 200) ++answered;
  sender.join();
  CHECK(answered == count);
}

TEST_CASE("who pipelines leaves turns to others") {
  FakeApplication application;
  Gate started, gate;
  std::atomic<int> answered = 0;
  std::promise<int> answered_before_other;
  application.on("/held", here, [&](http::Request&) {
    started.open();
    gate.pass();
    return http::Response{};
  });
  application.on("/one", here, [&](http::Request&) {
    ++answered;
    return http::Response{};
  });
  application.on("/other", here, [&](http::Request&) {
    answered_before_other.set_value(answered);
    return http::Response{};
  });
  Http1Options options;
  options.io_threads = 1;
  RunningServer server(application, options);
  Client busy = server.client(), other = server.client();
  for (Client* client : {&busy, &other}) REQUIRE(client->get("/hello").status == 200);
  std::string batch = hello("", "GET /held HTTP/1.1");
  for (int i = 0; i < 500; ++i) batch += hello("", "GET /one HTTP/1.1");
  busy.send(batch);
  REQUIRE(started.pass());
  other.send(hello("", "GET /other HTTP/1.1"));
  gate.open();
  auto before_other = answered_before_other.get_future();
  REQUIRE(before_other.wait_for(patience) == std::future_status::ready);
  CHECK(before_other.get() <= 32);
}

TEST_CASE("who goes on sending while it is served gets no more turns for that") {
  FakeApplication application;
  constexpr int pieces = 200;
  std::optional<Client> busy, other;
  int answered = 0, answered_before = 0;
  std::promise<int> answered_between;
  std::string batch;
  for (int i = 0; i < 20; ++i) batch += hello("", "GET /one HTTP/1.1");
  application.on("/one", here, [&](http::Request&) {
    ++answered;
    if (answered % 16 == 0 && answered <= 16 * pieces) busy->send(batch);
    if (answered == 16 * pieces) {
      answered_before = answered;
      other->send(hello("", "GET /other HTTP/1.1"));
    }
    return http::Response{};
  });
  application.on("/other", here, [&](http::Request&) {
    answered_between.set_value(answered - answered_before);
    return http::Response{};
  });
  Http1Options options;
  options.io_threads = 1;
  RunningServer server(application, options);
  busy.emplace(server.client());
  other.emplace(server.client());
  for (Client* client : {&*busy, &*other}) REQUIRE(client->get("/hello").status == 200);
  busy->send(batch);
  auto between = answered_between.get_future();
  REQUIRE(between.wait_for(patience) == std::future_status::ready);
  CHECK(between.get() <= 48);
  server->stop();
}

TEST_CASE("a request that comes byte by byte is the same request") {
  FakeApplication application;
  RunningServer server(application);
  Client client = server.client();
  const std::string request =
      "POST /echo HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n";
  for (const char byte : request) client.send({&byte, 1});
  CHECK(client.reply().body == "abcdefg");
  CHECK(client.get("/hello").status == 200);
}

TEST_CASE("what follows a refused request is never taken for another") {
  FakeApplication application;
  std::atomic<int> smuggled = 0;
  application.on("/admin", here, [&](http::Request&) {
    ++smuggled;
    return http::Response{};
  });
  RunningServer server(application);
  const std::string inner = hello("", "GET /admin HTTP/1.1");
  for (const std::string fields : {
           "Content-Length: 6\r\nTransfer-Encoding: chunked\r\n",
           "Content-Length: 0\r\nContent-Length: 60\r\n",
           "Content-Length: 0, 60\r\n",
           "Content-Length: zero\r\n",
           "Transfer-Encoding: chunked, identity\r\n",
           "X: y\r\n Content-Length: 60\r\n",
       }) {
    CAPTURE(fields);
    Client client = server.client();
    client.send("POST /echo HTTP/1.1\r\nHost: test\r\n" + fields + "\r\n0\r\n\r\n" + inner + inner);
    const Reply reply = client.reply();
    CHECK(reply.status == 400);
    CHECK(reply.header("Connection") == "close");
    CHECK(reply.body.starts_with(R"({"reason":"bad_request")"));
    CHECK(client.closed());
  }
  CHECK(smuggled == 0);
}

TEST_CASE("a method nobody knows is named in the refusal, and what follows is not read") {
  FakeApplication application;
  std::atomic<int> smuggled = 0;
  application.on("/admin", here, [&](http::Request&) {
    ++smuggled;
    return http::Response{};
  });
  RunningServer server(application);
  for (const std::string name : {"BREW", "get", "HEADS"}) {
    CAPTURE(name);
    Client client = server.client();
    client.send(hello("", name + " /hello HTTP/1.1") + hello("", "GET /admin HTTP/1.1"));
    const Reply reply = client.reply();
    CHECK(reply.status == 501);
    CHECK(reply.body == R"({"reason":"method_not_implemented","message":"There is no method )" + name + R"( here."})");
    CHECK(reply.header("Connection") == "close");
    CHECK(client.closed());
  }
  CHECK(smuggled == 0);
}

TEST_CASE("refusals reach the client though it goes on sending") {
  FakeApplication application;
  RunningServer server(application);
  struct Row {
    std::string request;
    int status;
  };
  const std::vector<Row> rows{
      {"GET /" + std::string(30'000, '/') + " HTTP/1.1\r\nHost: test\r\n\r\n", 414},
      {hello("X: " + std::string(40'000, 'x') + "\r\n"), 431},
      {"POST /echo HTTP/1.1\r\nHost: test\r\nContent-Length: 70000\r\n\r\n" + std::string(70'000, 'b'), 413},
      {"POST /echo HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\nFFFFFF\r\n" + std::string(70'000, 'b'),
       413},
      {"POST /echo HTTP/1.1\r\nHost: test\r\nContent-Length: 100000000000\r\n\r\n" + std::string(1'000'000, 'b'), 413},
      {hello("", "CONNECT test:443 HTTP/1.1"), 501},
      {hello("", "FETCH /hello HTTP/1.1"), 501},
      {hello("Expect: miracles\r\n"), 417},
      {hello("", "GET /hello HTTP/3.0"), 505},
  };
  for (const Row& row : rows) {
    CAPTURE(row.status);
    Client client = server.client();
    client.send(row.request);
    const Reply reply = client.reply();
    CHECK(reply.status == row.status);
    CHECK(reply.header("Content-Type") == "application/json");
    CHECK(reply.header("Connection") == "close");
    CHECK(client.closed());
  }
}

TEST_CASE("a target of slashes is a target") {
  FakeApplication application;
  RunningServer server(application);
  CHECK(server.client().get(std::string(8 * 1024, '/')).status == 404);
}

TEST_CASE("HEAD, 204 and 304 have no body") {
  FakeApplication application;
  application.on("/none", here, [](http::Request&) { return http::Response{204, {}, "ignored"}; });
  application.on("/same", here, [](http::Request&) { return http::Response{304, {{"ETag", "\"a\""}}, "ignored"}; });
  application.on("/stream", here, [](http::Request&) {
    return http::Response{200, {}, std::make_unique<CountedSource>(1000, true)};
  });
  RunningServer server(application);
  Client client = server.client();
  client.send(hello("", "HEAD /hello HTTP/1.1"));
  CHECK(client.reply(true).header("Content-Length") == "13");
  client.send(hello("", "HEAD /stream HTTP/1.1"));
  CHECK(client.reply(true).header("Content-Length") == "1000");
  for (const auto& [path, status] : std::vector<std::pair<std::string, int>>{{"/none", 204}, {"/same", 304}}) {
    const Reply reply = client.get(path);
    CHECK(reply.status == status);
    CHECK(reply.headers.find("Content-Length") == nullptr);
  }
  CHECK(client.get("/hello").body == "Hello, World!");
}

TEST_CASE("an answer whose headers could hold another answer is not sent") {
  FakeApplication application;
  for (const auto& [path, field] : std::vector<std::pair<std::string, http::Headers::Field>>{
           {"/value", {"Location", "/a\r\nSet-Cookie: b"}},
           {"/feed", {"Location", "/a\nb"}},
           {"/nul", {"Location", std::string("a\0b", 3)}},
           {"/name", {"A: b\r\nC", "d"}},
           {"/empty", {"", "d"}},
       }) {
    application.on(path, here, [field = field](http::Request&) { return http::Response{200, {field}, "secret"}; });
  }
  application.on("/status", here, [](http::Request&) { return http::Response{100, {}, ""}; });
  RunningServer server(application);
  for (const std::string path : {"/value", "/feed", "/nul", "/name", "/empty", "/status"}) {
    CAPTURE(path);
    const Reply reply = server.client().get(path);
    CHECK(reply.status == 500);
    CHECK(reply.headers.find("Set-Cookie") == nullptr);
    CHECK(reply.body.find("secret") == std::string::npos);
  }
}

TEST_CASE("framing is the front's alone") {
  FakeApplication application;
  application.on("/lies", here, [](http::Request&) {
    return http::Response{
        200, {{"content-length", "3"}, {"Transfer-Encoding", "chunked"}, {"X-Mine", "kept"}}, "Hello"};
  });
  RunningServer server(application);
  const Reply reply = server.client().get("/lies");
  CHECK(reply.headers.count("Content-Length") == 1);
  CHECK(reply.headers.count("Transfer-Encoding") == 0);
  CHECK(reply.header("X-Mine") == "kept");
  CHECK(reply.body == "Hello");
}

TEST_CASE("handlers of the waiting and heavy lanes run elsewhere, and see who asks") {
  FakeApplication application;
  const auto thread_and_peer = [](http::Request& request) {
    char name[16];
    pthread_getname_np(pthread_self(), name, sizeof name);
    return http::Response{200, {}, name + (" " + request.peer)};
  };
  application.on("/here", here, thread_and_peer);
  application.on("/waiting", waiting, thread_and_peer);
  application.on("/heavy", {http::Lane::heavy, false, 0}, thread_and_peer);
  RunningServer server(application);
  CHECK(server.client().get("/here").body == "lms-io 127.0.0.1");
  CHECK(server.client().get("/waiting").body == "lms-waiting 127.0.0.1");
  CHECK(server.client().get("/heavy").body == "lms-heavy 127.0.0.1");
}

TEST_CASE("a full lane says so at once") {
  FakeApplication application;
  Gate started, gate;
  application.on("/slow", waiting, [&](http::Request&) {
    started.open();
    gate.pass();
    return http::Response{200, {}, "slow"};
  });
  Http1Options options;
  options.io_threads = 1;  // who asks first is heard first
  options.waiting_threads = 1;
  options.queue_length = 1;
  RunningServer server(application, options);
  Client running = server.client(), queued = server.client(), refused = server.client();
  for (Client* client : {&running, &queued, &refused}) REQUIRE(client->get("/hello").status == 200);
  running.send(hello("", "GET /slow HTTP/1.1"));
  REQUIRE(started.pass());
  queued.send(hello("", "GET /slow HTTP/1.1"));
  const Reply reply = refused.get("/slow");
  CHECK(reply.status == 503);
  CHECK(reply.header("Retry-After") == "1");
  CHECK(refused.get("/hello").status == 200);
  gate.open();
  CHECK(running.reply().status == 200);
  CHECK(queued.reply().status == 200);
}

TEST_CASE("a reader that does not read keeps nobody waiting") {
  FakeApplication application;
  constexpr std::size_t size = 8u << 20;
  application.on("/big", here, [](http::Request&) { return http::Response{200, {}, CountedSource::text(size)}; });
  Http1Options options;
  options.io_threads = 1;
  options.write_timeout = 2 * patience;
  RunningServer server(application, options);
  Client slow = server.client(4096);
  slow.send(hello("", "GET /big HTTP/1.1"));
  Client quick = server.client();
  for (int i = 0; i < 100; ++i) REQUIRE(quick.get("/hello").status == 200);
  CHECK(slow.reply().body == CountedSource::text(size));
}

TEST_CASE("a client that takes nothing is cut off") {
  FakeApplication application;
  Gate destroyed;
  application.on("/endless", here, [&](http::Request&) {
    return http::Response{200, {}, std::make_unique<CountedSource>(UINT64_MAX, false, [&] { destroyed.open(); })};
  });
  Http1Options options;
  options.write_timeout = a_moment;
  RunningServer server(application, options);
  Client client = server.client();
  client.send(hello("", "GET /endless HTTP/1.1"));
  CHECK(destroyed.pass());
}

TEST_CASE("who does not finish a head is told, who does not start one is not") {
  FakeApplication application;
  Http1Options options;
  options.head_timeout = a_moment;
  options.idle_timeout = 2 * a_moment;
  RunningServer server(application, options);
  Client half = server.client(), silent = server.client();
  half.send("GET /hello HTTP/1.1\r\nHost:");
  const Reply reply = half.reply();
  CHECK(reply.status == 408);
  CHECK(reply.header("Connection") == "close");
  CHECK(half.closed());
  CHECK(silent.closed());
}

TEST_CASE("a head that trickles in does not put its deadline off") {
  FakeApplication application;
  Http1Options options;
  options.head_timeout = a_moment;
  RunningServer server(application, options);
  Client client = server.client();
  client.send("GET /hello HTTP/1.1\r\nHost: test\r\nX: ");
  while (client.silent(20ms)) client.send("x");
  CHECK(client.reply().status == 408);
}

TEST_CASE("what came in time is in time, though the server is late to read it") {
  FakeApplication application;
  Gate started, gate;
  application.on("/held", here, [&](http::Request&) {
    started.open();
    gate.pass();
    return http::Response{};
  });
  Http1Options options;
  options.io_threads = 1;
  options.head_timeout = a_moment;
  RunningServer server(application, options);
  Client client = server.client(), holder = server.client();
  REQUIRE(client.get("/hello").status == 200);
  client.send("GET /hello HTTP/1.1\r\nHost:");
  holder.send(hello("", "GET /held HTTP/1.1"));
  REQUIRE(started.pass());
  CHECK(client.silent(a_moment / 2));  // the clock has ticked, and is seen before what comes now
  client.send(" test\r\n\r\n");
  CHECK(client.silent(a_moment));
  gate.open();
  CHECK(client.reply().status == 200);
}

TEST_CASE("a body that does not come, or trickles in, runs out of time") {
  FakeApplication application;
  Http1Options options;
  options.request_timeout = a_moment;
  RunningServer server(application, options);
  const std::string head = "POST /echo HTTP/1.1\r\nHost: test\r\nContent-Length: 10000\r\n\r\n";
  Client silent = server.client();
  silent.send(head);
  CHECK(silent.reply().status == 408);
  Client trickling = server.client();
  trickling.send(head);
  while (trickling.silent(20ms)) trickling.send("x");
  CHECK(trickling.reply().status == 408);
}

TEST_CASE("100 Continue comes before the body and only if it is wanted") {
  FakeApplication application;
  RunningServer server(application);
  Client client = server.client();
  client.send("POST /echo HTTP/1.1\r\nHost: test\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n");
  CHECK(client.reply().status == 100);
  client.send("body");
  CHECK(client.reply().body == "body");
  client.send("POST /echo HTTP/1.1\r\nHost: test\r\nExpect: 100-continue\r\nContent-Length: 4000000\r\n\r\n");
  CHECK(client.reply().status == 413);
  CHECK(client.closed());
}

TEST_CASE("a streamed body is asked for when the handler reads it") {
  FakeApplication application;
  application.on("/refuse", streaming, [](http::Request&) { return http::Response{401, {}, "who?"}; });
  application.on("/take", streaming, [](http::Request& request) {
    return http::Response{200, {}, read_all(stream_of(request))};
  });
  RunningServer server(application);
  const std::string rest = " HTTP/1.1\r\nHost: test\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n";
  Client refused = server.client();
  refused.send("POST /refuse" + rest);
  CHECK(refused.reply().status == 401);
  CHECK(refused.closed());
  Client taken = server.client();
  taken.send("POST /take" + rest);
  CHECK(taken.reply().status == 100);
  taken.send("body");
  CHECK(taken.reply().body == "body");
  CHECK(taken.get("/hello").status == 200);
}

TEST_CASE("a streamed upload goes no faster than its handler") {
  FakeApplication application;
  Gate gate;
  std::atomic<bool> intact = false;
  constexpr std::size_t size = 16u << 20;
  application.on("/upload", streaming, [&](http::Request& request) {
    gate.pass();
    http::BodySource& source = stream_of(request);
    const bool sized = source.size() == size;
    intact = sized && read_all(source) == CountedSource::text(size);
    return http::Response{200, {}, "got it"};
  });
  RunningServer server(application);
  Client client = server.client();
  const std::string body = CountedSource::text(size);
  client.send("POST /upload HTTP/1.1\r\nHost: test\r\nContent-Length: " + std::to_string(size) + "\r\n\r\n");
  const std::size_t taken = client.send_until_blocked(body, a_moment);
  CHECK(taken >= 256 * 1024);
  CHECK(taken < size);  // the rest waits at the client: what was taken is in the kernel's buffers and the pipe
  MESSAGE("taken before the handler read: " << taken / 1024 << " KiB");
  CHECK(Client(server->port()).get("/hello").status == 200);
  gate.open();
  client.send(std::string_view(body).substr(taken));
  CHECK(client.reply().body == "got it");
  CHECK(intact);
  CHECK(client.get("/hello").status == 200);
}

TEST_CASE("a chunked upload streams too") {
  FakeApplication application;
  application.on("/upload", streaming, [](http::Request& request) {
    const bool sized = stream_of(request).size().has_value();
    return http::Response{200, {}, (sized ? "sized " : "") + read_all(stream_of(request))};
  });
  RunningServer server(application);
  Client client = server.client();
  client.send("POST /upload HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n");
  client.send("3\r\nabc\r\n");
  client.send("3\r\ndef\r\n0\r\n\r\n" + hello());
  CHECK(client.reply().body == "abcdef");
  CHECK(client.reply().body == "Hello, World!");
}

TEST_CASE("a handler that reads a body learns that it will not come") {
  FakeApplication application;
  Gate started;
  std::promise<std::string> reason;
  application.on("/upload", {http::Lane::waiting, true, 1000}, [&](http::Request& request) {
    started.open();
    try {
      read_all(stream_of(request));
      reason.set_value("none");
    } catch (const Error& error) {
      reason.set_value(error.reason());
    }
    return http::Response{};
  });
  Http1Options options;
  options.request_timeout = a_moment;
  RunningServer server(application, options);
  const auto learned = [&] {
    auto future = reason.get_future();
    REQUIRE(future.wait_for(patience) == std::future_status::ready);
    return future.get();
  };
  Client client = server.client();
  SUBCASE("as the client hangs up") {
    client.send("POST /upload HTTP/1.1\r\nHost: test\r\nContent-Length: 100\r\n\r\nhalf");
    REQUIRE(started.pass());
    client.reset();
    CHECK(learned() == "client_gone");
  }
  SUBCASE("as the client ends its sending") {
    client.send("POST /upload HTTP/1.1\r\nHost: test\r\nContent-Length: 100\r\n\r\nhalf");
    client.shut_down_writing();
    CHECK(learned() == "client_gone");
    CHECK(client.closed());
  }
  SUBCASE("as it is too large") {
    client.send("POST /upload HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n");
    client.send("FFFF\r\n");
    CHECK(learned() == "body_too_large");
    CHECK(client.reply().status == 413);
    CHECK(client.closed());
  }
  SUBCASE("as it trickles in") {
    client.send("POST /upload HTTP/1.1\r\nHost: test\r\nContent-Length: 1000\r\n\r\n");
    while (client.silent(20ms)) client.send("x");
    CHECK(learned() == "request_timeout");
    CHECK(client.reply().status == 408);
  }
  SUBCASE("as it takes too long") {
    client.send("POST /upload HTTP/1.1\r\nHost: test\r\nContent-Length: 100\r\n\r\nhalf");
    CHECK(learned() == "request_timeout");
    CHECK(client.reply().status == 408);
    CHECK(client.closed());
  }
}

TEST_CASE("the time a handler takes to read is not the client's") {
  FakeApplication application;
  constexpr std::size_t size = 8u << 20;
  Gate gate;
  application.on("/upload", streaming, [&](http::Request& request) {
    gate.pass();
    return http::Response{200, {}, std::to_string(read_all(stream_of(request)).size())};
  });
  Http1Options options;
  options.request_timeout = a_moment;
  RunningServer server(application, options);
  Client client = server.client();
  const std::string body(size, 'b');
  client.send("POST /upload HTTP/1.1\r\nHost: test\r\nContent-Length: " + std::to_string(size) + "\r\n\r\n");
  const std::size_t taken = client.send_until_blocked(body, 3 * a_moment);
  gate.open();
  client.send(std::string_view(body).substr(taken));
  CHECK(client.reply().body == std::to_string(size));
}

TEST_CASE("what is left of an upload nobody read is thrown away if it is short, else the connection ends") {
  FakeApplication application;
  application.on("/no", streaming, [](http::Request&) { return http::Response{403, {}, "no"}; });
  RunningServer server(application);
  Client brief = server.client();
  brief.send("POST /no HTTP/1.1\r\nHost: test\r\nContent-Length: 1000\r\n\r\n");
  CHECK(brief.reply().status == 403);
  brief.send(std::string(1000, 'b') + hello());
  CHECK(brief.reply().body == "Hello, World!");
  Client lengthy = server.client();
  lengthy.send("POST /no HTTP/1.1\r\nHost: test\r\nContent-Length: 1000000\r\n\r\n" + std::string(100'000, 'b'));
  const Reply reply = lengthy.reply();
  CHECK(reply.status == 403);
  CHECK(reply.header("Connection") == "close");
  CHECK(lengthy.closed());
}

TEST_CASE("an answer streams in each framing") {
  FakeApplication application;
  static constexpr std::size_t size = 3u << 20;
  application.on("/sized", here, [](http::Request&) {
    return http::Response{200, {}, std::make_unique<CountedSource>(size, true)};
  });
  application.on("/unsized", waiting, [](http::Request&) {
    return http::Response{200, {}, std::make_unique<CountedSource>(size)};
  });
  application.on("/nothing", waiting, [](http::Request&) {
    return http::Response{200, {}, std::make_unique<CountedSource>(0)};
  });
  RunningServer server(application);
  Client client = server.client();
  const Reply sized = client.get("/sized");
  CHECK(sized.header("Content-Length") == std::to_string(size));
  CHECK(sized.body == CountedSource::text(size));
  const Reply unsized = client.get("/unsized");
  CHECK(unsized.header("Transfer-Encoding") == "chunked");
  CHECK(unsized.body == CountedSource::text(size));
  CHECK(client.get("/nothing").body.empty());
  client.send(hello("Connection: keep-alive\r\n", "GET /unsized HTTP/1.0"));
  const Reply old = client.reply();
  CHECK(old.header("Connection") == "close");
  CHECK(old.headers.find("Transfer-Encoding") == nullptr);
  CHECK(old.body == CountedSource::text(size));
}

TEST_CASE("a stream is pulled no faster than the client reads, and no thread waits for the client") {
  FakeApplication application;
  std::atomic<std::uint64_t> pulled = 0;
  struct Source final : http::BodySource {
    explicit Source(std::atomic<std::uint64_t>& count) : pulled(count) {}
    std::size_t read(std::span<char> buffer) override {
      pulled += buffer.size();
      return buffer.size();
    }
    std::atomic<std::uint64_t>& pulled;
  };
  application.on("/endless", here, [&](http::Request&) {
    return http::Response{200, {}, std::make_unique<Source>(pulled)};
  });
  application.on("/waiting", waiting, [](http::Request&) { return http::Response{200, {}, "answer"}; });
  Http1Options options;
  options.waiting_threads = 1;
  RunningServer server(application, options);
  std::vector<Client> readers;
  for (int i = 0; i < 4; ++i) {
    readers.push_back(server.client(4096));
    readers.back().send(hello("", "GET /endless HTTP/1.1"));
    CHECK(readers.back().take(12) == "HTTP/1.1 200");
  }
  std::uint64_t before = 0;
  do {  // until the kernel's buffers and the queues are full
    before = pulled;
    CHECK(server.client().get("/waiting").body == "answer");
  } while (server.client().silent(a_moment) && pulled != before);
  MESSAGE("pulled for each client: " << pulled / readers.size() / 1024 << " KiB");
  CHECK(pulled / readers.size() < (16u << 20));
}

TEST_CASE("a client that goes away takes its stream with it") {
  FakeApplication application;
  Gate destroyed;
  application.on("/endless", here, [&](http::Request&) {
    return http::Response{200, {}, std::make_unique<CountedSource>(UINT64_MAX, false, [&] { destroyed.open(); })};
  });
  RunningServer server(application);
  Client client = server.client();
  client.send(hello("", "GET /endless HTTP/1.1"));
  client.take(100'000);
  SUBCASE("at once") {
    client.reset();
  }
  SUBCASE("in peace") {
    Client(std::move(client));
  }
  CHECK(destroyed.pass());
}

TEST_CASE("a stream that breaks, or is not as long as it said, breaks the answer off") {
  FakeApplication application;
  struct Liar final : http::BodySource {
    explicit Liar(std::uint64_t promise) : promised(promise) {}
    std::size_t read(std::span<char> buffer) override {
      if (given > 0) {
        if (promised == 0) throw unavailable("lost", "The disk is gone.");
        return 0;
      }
      buffer[0] = 'x';
      buffer[1] = 'y';
      return given = 2;
    }
    std::optional<std::uint64_t> size() const override {
      return promised == 0 ? std::nullopt : std::optional<std::uint64_t>(promised);
    }
    std::uint64_t promised;
    std::size_t given = 0;
  };
  application.on("/breaks", here, [](http::Request&) { return http::Response{200, {}, std::make_unique<Liar>(0)}; });
  application.on("/short", here, [](http::Request&) { return http::Response{200, {}, std::make_unique<Liar>(10)}; });
  application.on("/long", here, [](http::Request&) { return http::Response{200, {}, std::make_unique<Liar>(1)}; });
  RunningServer server(application);
  for (const std::string path : {"/breaks", "/short", "/long"}) {
    CAPTURE(path);
    CHECK_THROWS_WITH(server.client().get(path), doctest::Contains("closed"));
  }
}

TEST_CASE("a client that has said all gets its answers") {
  FakeApplication application;
  Gate gate;
  application.on("/slow", waiting, [&](http::Request&) {
    gate.pass();
    return http::Response{200, {}, "slow"};
  });
  RunningServer server(application);
  Client client = server.client();
  client.send(hello() + hello("", "GET /slow HTTP/1.1"));
  client.shut_down_writing();
  CHECK(client.reply().body == "Hello, World!");
  gate.open();
  CHECK(client.reply().body == "slow");
  CHECK(client.closed());
}

TEST_CASE("clients that come and go in the middle of everything leave nothing behind") {
  FakeApplication application;
  application.on("/waiting", waiting, [](http::Request&) { return http::Response{200, {}, "answer"}; });
  application.on("/upload", streaming, [](http::Request& request) {
    try {
      read_all(stream_of(request));
    } catch (const Error&) {
    }
    return http::Response{200, {}, std::make_unique<CountedSource>(1u << 20)};
  });
  RunningServer server(application);
  const std::string talk = hello() + hello("", "GET /waiting HTTP/1.1") +
                           "POST /upload HTTP/1.1\r\nHost: test\r\nContent-Length: 10\r\n\r\n0123456789" + hello();
  for (std::size_t cut = 1; cut <= talk.size(); ++cut) {
    Client client = server.client();
    client.send(std::string_view(talk).substr(0, cut));
    if (cut % 3 == 0) client.reset();
    if (cut % 3 == 1) client.shut_down_writing();
  }
  CHECK(server->drain(patience));
}

TEST_CASE("a port in use is named") {
  FakeApplication application;
  RunningServer server(application);
  Http1Options options;
  options.port = server->port();
  const std::string place = "127.0.0.1:" + std::to_string(options.port);
  CHECK_THROWS_WITH_AS(Server(application, options), ("Cannot listen on " + place + ": Address already in use").c_str(),
                       std::system_error);
}

TEST_CASE("a host that cannot be listened on is named") {
  FakeApplication application;
  Http1Options options;
  options.port = 0;
  options.host = "192.0.2.1";  // of nobody, by RFC 5737
  CHECK_THROWS_WITH_AS(Server(application, options), doctest::Contains("Cannot listen on 192.0.2.1:0: "),
                       std::system_error);
  options.host = "no host";
  CHECK_THROWS_WITH_AS(Server(application, options), doctest::Contains("Cannot listen on no host:0: "),
                       std::system_error);
}

TEST_CASE("a server on all addresses sees IPv4 clients as such") {
  FakeApplication application;
  application.on("/peer", here, [](http::Request& request) { return http::Response{200, {}, request.peer}; });
  Http1Options options;
  SUBCASE("of both kinds") {
    options.host = "::";
  }
  SUBCASE("in brackets") {
    options.host = "[::]";
  }
  SUBCASE("of IPv4") {
    options.host = "0.0.0.0";
  }
  SUBCASE("by a name") {
    options.host = "localhost";
  }
  try {
    RunningServer server(application, options);
    CHECK(server.client().get("/peer").body == "127.0.0.1");
  } catch (const std::system_error& error) {
    REQUIRE(error.code() == std::errc::address_family_not_supported);
    MESSAGE("no IPv6 on this machine");
  }
}

TEST_CASE("who finds all connections taken is told") {
  FakeApplication application;
  Http1Options options;
  options.max_connections = 2;
  RunningServer server(application, options);
  auto first = std::make_unique<Client>(server.client());
  Client second = server.client();
  CHECK(first->get("/hello").status == 200);
  CHECK(second.get("/hello").status == 200);
  Client third = server.client();
  const Reply reply = third.reply();
  CHECK(reply.status == 503);
  CHECK(reply.header("Retry-After") == "1");
  CHECK(third.closed());
  first.reset();
  int status = 0;
  do {  // the server notices in its own time
    status = server.client().reply_or_get("/hello").status;
  } while (status == 503);
  CHECK(status == 200);
}

TEST_CASE("a server that drains finishes what is under way and takes nothing new") {
  FakeApplication application;
  Gate started, gate;
  application.on("/slow", waiting, [&](http::Request&) {
    started.open();
    gate.pass();
    return http::Response{200, {}, "done"};
  });
  Http1Options options;
  options.io_threads = 1;  // as the idle client is closed, the loop of the busy one knows
  RunningServer server(application, options);
  Client idle = server.client(), busy = server.client();
  CHECK(idle.get("/hello").status == 200);
  busy.send(hello("", "GET /slow HTTP/1.1") + hello());
  REQUIRE(started.pass());
  auto drained = std::async(std::launch::async, [&] { return server->drain(patience); });
  CHECK(idle.closed());
  CHECK_THROWS_WITH(server.client(), "refused");
  CHECK(drained.wait_for(0s) == std::future_status::timeout);
  gate.open();
  const Reply reply = busy.reply();
  CHECK(reply.body == "done");
  CHECK(reply.header("Connection") == "close");
  CHECK(busy.closed());
  CHECK(drained.get());
}

TEST_CASE("a server that drains answers what has come, though it has not seen it yet") {
  FakeApplication application;
  Gate started, gate;
  application.on("/held", here, [&](http::Request&) {
    started.open();
    gate.pass();
    return http::Response{};
  });
  Http1Options options;
  options.io_threads = 1;
  RunningServer server(application, options);
  Client holder = server.client();
  holder.send(hello("", "GET /held HTTP/1.1"));
  REQUIRE(started.pass());
  Client fresh = server.client();
  fresh.send(hello());
  CHECK_FALSE(server->drain(0ms));
  gate.open();
  const Reply reply = fresh.reply();
  CHECK(reply.status == 200);
  CHECK(reply.header("Connection") == "close");
  CHECK(fresh.closed());
  CHECK(server->drain(patience));
}

TEST_CASE("a server that drains answers what it has read, though the client has to take other answers first") {
  FakeApplication application;
  application.on("/big", here, [&](http::Request&) { return http::Response{200, {}, CountedSource::text(8u << 20)}; });
  RunningServer server(application);
  Client slow = server.client(4096), idle = server.client();
  REQUIRE(idle.get("/hello").status == 200);
  slow.send(hello("", "GET /big HTTP/1.1") + hello());
  CHECK(slow.take(12) == "HTTP/1.1 200");
  CHECK_FALSE(server->drain(0ms));
  CHECK(idle.closed());
  CHECK(slow.silent(0ms) == false);
  const std::string rest = slow.rest();
  CHECK(rest.ends_with("Hello, World!"));
  CHECK(server->drain(patience));
}

TEST_CASE("what is not done when the time is over is cut off") {
  FakeApplication application;
  Gate started;
  std::promise<std::string> reason;
  application.on("/upload", streaming, [&](http::Request& request) {
    started.open();
    try {
      read_all(stream_of(request));
    } catch (const Error& error) {
      reason.set_value(error.reason());
    }
    return http::Response{};
  });
  RunningServer server(application);
  Client client = server.client();
  client.send("POST /upload HTTP/1.1\r\nHost: test\r\nContent-Length: 100\r\n\r\n");
  REQUIRE(started.pass());
  CHECK_FALSE(server->drain(a_moment));
  server->stop();
  CHECK(reason.get_future().get() == "client_gone");
  CHECK(client.closed());
}

TEST_CASE("a server that never started, or stops twice, ends well") {
  FakeApplication application;
  Http1Options options;
  options.port = 0;
  Server never_started(application, options);
  CHECK(never_started.drain(0ms));
  RunningServer server(application);
  server->stop();
  server->stop();
}
