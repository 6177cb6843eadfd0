#include "http/documentation.hpp"

#include <string_view>
#include <utility>

#include "base/markdown.hpp"
#include "http/pages.hpp"

namespace lms {

namespace {

/// A page whose scripts are part of this build, or the page that says they are not.
Document scripted_page(std::string_view file_name) {
  const EmbeddedFile* file = find_file(file_name);
  return file_document(file ? *file : embedded("left-out.html"));
}

Document changelog_page() {
  constexpr std::string_view mark = "@CHANGELOG@";
  std::string html(embedded("changelog.html").bytes);
  html.replace(html.find(mark), mark.size(), markdown_to_html(embedded("CHANGELOG.md").bytes));
  return make_document(media_type(".html"), html);
}

Document versions(const std::string& prefix, const std::string& release) {
  const Object current{
      {"version", prefix.substr(prefix.rfind('/') + 1)}, {"path", prefix}, {"status", "current"}, {"release", release}};
  return make_document("application/json", to_json(Object{{"versions", Array{current}}}));
}

/// Whoever looks at the bare address sees what is here.
void lead_to_docs(Router& router) {
  router.add({.method = http::Method::get,
              .path = "/",
              .operation = "page /",
              .allow = Anyone{},
              .weight = Weight::none,
              .output_mode = Output::free,
              .absolute = true,
              .hidden = true,
              .ignores_token = true,
              .handler = [](Call&) {
                return http::Response{.status = 302, .headers = {{"Location", "/docs"}}, .body = {}};
              }});
}

}  // namespace

void add_documentation_routes(Router& router, Documentation about) {
  lead_to_docs(router);
  add_page(router, {"/openapi.json", "/docs/openapi.json", "/api/schema"},
           [openapi = std::move(about.openapi)] { return make_document("application/json", openapi()); });
  add_page(router, {"/docs", "/api/docs"}, [] { return scripted_page("swagger.html"); });
  add_page(router, {"/redoc", "/docs/redoc", "/api/redoc"}, [] { return scripted_page("redoc.html"); });
  add_page(router, {"/docs/changelog"}, changelog_page);
  add_page(router, {"/docs/versions"},
           [prefix = router.prefix(), release = about.version] { return versions(prefix, release); });
  for (const EmbeddedFile& file : pages::files())
    add_page(router, {"/docs/assets/" + std::string(file.name)}, [&file] { return file_document(file); });
}

}  // namespace lms
