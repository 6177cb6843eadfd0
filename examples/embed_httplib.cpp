// The school's API inside a server that you have already: here one made with cpp-httplib.
#include <array>
#include <cstdio>
#include <memory>
#include <string>
#include <thread>
#include <utility>

#include <httplib.h>
#include <lms/lms.hpp>

namespace {

lms::http::Request head_of(const httplib::Request& from) {
  lms::http::Request request;
  request.method = lms::http::parse_method(from.method).value_or(lms::http::Method::other);
  request.target = from.target;
  request.peer = from.remote_addr;
  for (const auto& [name, value] : from.headers)
    if (!name.starts_with("REMOTE_") && !name.starts_with("LOCAL_"))  // httplib's own additions
      request.headers.add(name, value);
  return request;
}

/// Reads no more than the school wants; what exceeds that is thrown away. False if there was any.
bool read_body(const httplib::ContentReader& reader, std::size_t limit, std::string& body) {
  bool fits = true;
  reader([&](const char* data, std::size_t size) {
    fits = fits && size <= limit - body.size();
    if (fits) body.append(data, size);
    return true;
  });
  return fits;
}

void send(lms::http::Response from, httplib::Response& to) {
  to.status = from.status;
  std::string type;
  for (const auto& [name, value] : from.headers)
    if (name == "Content-Type")
      type = value;
    else
      to.set_header(name, value);
  if (auto* text = std::get_if<std::string>(&from.body)) {
    if (!type.empty()) to.set_content(*text, type);
    return;
  }
  const std::shared_ptr source = std::get<std::unique_ptr<lms::http::BodySource>>(std::move(from.body));
  const auto write_piece = [source](httplib::DataSink& sink) {
    std::array<char, 16'384> piece;
    try {
      const std::size_t size = source->read(piece);
      if (size == 0) sink.done();
      return size == 0 || sink.write(piece.data(), size);
    } catch (const lms::Error&) {
      return false;  // the head is sent already: only a cut connection tells the client
    }
  };
  if (const auto size = source->size())
    to.set_content_provider(*size, type, [=](std::size_t, std::size_t, auto& sink) { return write_piece(sink); });
  else
    to.set_chunked_content_provider(type, [=](std::size_t, auto& sink) { return write_piece(sink); });
}

/// Answers everything below the API's prefix. The school outlives the server.
void mount(lms::Lms& school, httplib::Server& server) {
  // Each of httplib's threads serves one connection and may wait, so `handle` does for every lane that `plan` names. A
  // server with an event loop asks `try_handle` first, and gives the rest to the `handle` that does not wait.
  server.new_task_queue = [] { return new httplib::ThreadPool(32); };  // writers that wait together share a commit

  const std::string paths = school.settings().api_prefix + "/.*";
  const auto without_body = [&school](const httplib::Request& request, httplib::Response& response) {
    send(school.handle(head_of(request)), response);
  };
  const auto with_body = [&school](const httplib::Request& from, httplib::Response& response,
                                   const httplib::ContentReader& reader) {
    lms::http::Request request = head_of(from);
    std::string body;
    if (!read_body(reader, school.plan(request).max_body, body))
      return send(school.refuse(413, "body_too_large", "The body is larger than this operation takes."), response);
    request.body = std::move(body);
    send(school.handle(std::move(request)), response);
  };
  server.Get(paths, without_body);  // HEAD, too
  server.Options(paths, without_body);
  server.Post(paths, with_body);
  server.Put(paths, with_body);
  server.Patch(paths, with_body);
  server.Delete(paths, with_body);
  server.set_pre_routing_handler([](const httplib::Request& request, httplib::Response&) {
    // httplib would cut the answers of the school, which serves no ranges. A server may pay no heed to them.
    const_cast<httplib::Request&>(request).ranges.clear();
    return httplib::Server::HandlerResponse::Unhandled;
  });
}

/// Shows an answer; false if its status is another.
bool shows(const char* what, const httplib::Result& result, int status) {
  std::printf("%s: %d %s\n", what, result ? result->status : 0, result ? result->body.substr(0, 70).c_str() : "");
  return result && result->status == status;
}

}  // namespace

int main() {
  lms::Settings settings;
  settings.argon2_memory_kib = 64;  // quick, for an example; leave it out for people
  settings.argon2_iterations = 1;
  lms::Lms school(settings);

  httplib::Server server;
  server.Get("/", [](const httplib::Request&, httplib::Response& response) {
    response.set_content("A page of the host's own.", "text/plain");
  });
  mount(school, server);
  const int port = server.bind_to_any_port("127.0.0.1");
  if (port < 0) return 1;
  std::thread thread([&] { server.listen_after_bind(); });

  httplib::Client client("127.0.0.1", port);
  const auto post = [&](const char* path, const lms::Value& body) {
    return client.Post(path, lms::to_json(body), "application/json");
  };
  const lms::Object account{
      {"email", "ada@example.org"}, {"password", "correct horse battery"}, {"full_name", "Ada Byron"}};
  const lms::Object credentials{{"email", "ada@example.org"}, {"password", "correct horse battery"}};
  bool good = shows("the host's page", client.Get("/"), 200);
  good = shows("register", post("/api/v1/auth/register", account), 201) && good;
  const httplib::Result login = post("/api/v1/auth/login", credentials);
  good = shows("log in", login, 200) && good;
  if (good) client.set_bearer_token_auth(lms::parse_json(login->body)["access_token"].as_string());
  good = shows("who am I", client.Get("/api/v1/users/me"), 200) && good;
  good = shows("a range", client.Get("/api/v1/users/me", {{"Range", "bytes=0-3"}}), 200) && good;
  good = shows("nothing", client.Get("/api/v1/nothing"), 404) && good;
  good = shows("too much", post("/api/v1/auth/login", std::string(2'000'000, 'x')), 413) && good;
  good = shows("the same connection", client.Get("/api/v1/courses?q=knots"), 200) && good;

  server.stop();
  thread.join();
  return good ? 0 : 1;
}
