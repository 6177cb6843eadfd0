#include "http/pages.hpp"

#include <algorithm>
#include <cstdint>
#include <mutex>
#include <optional>
#include <span>
#include <utility>

#include <lms/error.hpp>

#include "base/crypto.hpp"
#include "base/encoding.hpp"
#include "http/header_text.hpp"

namespace lms {

namespace {

/// Scripts come from files only; ReDoc writes its styles into the page and searches in a worker.
constexpr const char* page_policy =
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; worker-src blob:; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

/// What is longer is sent in pieces: a copy for each of many slow readers would be a great deal of memory.
constexpr std::size_t longest_copied = 64UL * 1024;

/// A document that all readers share.
class DocumentBody final : public http::BodySource {
 public:
  explicit DocumentBody(std::shared_ptr<const Document> document) : document_(std::move(document)) {}

  std::size_t read(std::span<char> buffer) override {
    const std::size_t count = document_->text.copy(buffer.data(), buffer.size(), sent_);
    sent_ += count;
    return count;
  }
  std::optional<std::uint64_t> size() const override { return document_->text.size(); }

 private:
  std::shared_ptr<const Document> document_;
  std::size_t sent_ = 0;
};

http::Response show(const http::Request& request, const std::shared_ptr<const Document>& shared) {
  const Document& document = *shared;
  http::Response response{.status = 200,
                          .headers = {{"Cache-Control", "public, max-age=3600"},
                                      {"ETag", document.etag},
                                      {"Content-Security-Policy", page_policy}},
                          .body = {}};
  const auto known = list_elements(request.headers, "If-None-Match");
  if (std::find(known.begin(), known.end(), document.etag) != known.end()) {
    response.status = 304;
    return response;
  }
  response.headers.add("Content-Type", document.type);
  if (document.text.size() > longest_copied)
    response.body = std::make_unique<DocumentBody>(shared);
  else
    response.body = document.text;
  return response;
}

}  // namespace

const EmbeddedFile* find_file(std::string_view name) {
  const auto files = pages::files();
  const auto found =
      std::find_if(files.begin(), files.end(), [&](const EmbeddedFile& file) { return file.name == name; });
  return found == files.end() ? nullptr : &*found;
}

const EmbeddedFile& embedded(std::string_view name) {
  if (const EmbeddedFile* file = find_file(name)) return *file;
  throw internal("the build left out " + std::string(name));
}

std::string_view media_type(std::string_view file_name) {
  if (file_name.ends_with(".html")) return "text/html; charset=utf-8";
  if (file_name.ends_with(".css")) return "text/css; charset=utf-8";
  if (file_name.ends_with(".js")) return "text/javascript; charset=utf-8";
  if (file_name.ends_with(".png")) return "image/png";
  return "text/plain; charset=utf-8";
}

Document make_document(std::string_view type, std::string_view text) {
  constexpr std::size_t enough = 16;
  const Sha256Digest digest = sha256(text);
  return {std::string(type), std::string(text), '"' + to_hex(std::span(digest).first<enough>()) + '"'};
}

Document file_document(const EmbeddedFile& file) {
  return make_document(media_type(file.name), file.bytes);
}

void add_page(Router& router, const std::vector<std::string>& paths, std::function<Document()> make) {
  struct Lazy {
    std::once_flag once;
    std::shared_ptr<const Document> document;
  };
  const Handler handler = [make = std::move(make), lazy = std::make_shared<Lazy>()](Call& call) {
    std::call_once(lazy->once, [&] { lazy->document = std::make_shared<const Document>(make()); });
    return show(call.request(), lazy->document);
  };
  for (const std::string& path : paths)
    router.add({.method = http::Method::get,
                .path = path,
                .operation = "page " + path,
                .allow = Anyone{},
                .weight = Weight::none,
                .output_mode = Output::free,
                .absolute = true,
                .hidden = true,
                .ignores_token = true,
                .handler = handler});
}

}  // namespace lms
