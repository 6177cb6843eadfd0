#include "http/account_pages.hpp"

#include "base/html.hpp"
#include "http/pages.hpp"

namespace lms {

namespace {

void replace_all(std::string& text, std::string_view mark, std::string_view by) {
  for (auto at = text.find(mark); at != std::string::npos; at = text.find(mark, at + by.size()))
    text.replace(at, mark.size(), by);
}

Document account_page(std::string_view prefix, std::string_view school) {
  std::string html(embedded("account.html").bytes);
  replace_all(html, "@SCHOOL@", escaped_html(school));
  replace_all(html, "@API@", escaped_html(prefix));
  return make_document(media_type(".html"), html);
}

}  // namespace

void add_account_pages(Router& router, const std::string& school) {
  add_page(router, {"/account/verify-email", "/account/reset-password", "/account/accept-invitation"},
           [prefix = router.prefix(), school] { return account_page(prefix, school); });
  for (const char* name : {"account.css", "account.js"})
    add_page(router, {"/account/" + std::string(name)}, [name] { return file_document(embedded(name)); });
}

}  // namespace lms
