#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <lms/router.hpp>

#include "base/embedded.hpp"

/// Pages for people, served from the program itself, and what these need.
namespace lms {

struct Document {
  std::string type;
  std::string text;
  std::string etag;
};

namespace pages {
/// The files of `pages/`, and the scripts from elsewhere that this build has.
std::span<const EmbeddedFile> files();
}  // namespace pages

/// Null if the build left it out.
const EmbeddedFile* find_file(std::string_view name);
/// @throws Error internal if the build left it out.
const EmbeddedFile& embedded(std::string_view name);

std::string_view media_type(std::string_view file_name);
Document make_document(std::string_view type, std::string_view text);
Document file_document(const EmbeddedFile& file);

/// Serves one document at several paths. It is made when it is first asked for.
void add_page(Router& router, const std::vector<std::string>& paths, std::function<Document()> make);

}  // namespace lms
