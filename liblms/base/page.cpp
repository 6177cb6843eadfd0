#include <lms/page.hpp>

namespace lms {

const Schema& PageRequest::schema() {
  static const Schema schema =
      define<PageRequest>("PageRequest", "Which part of a list is wanted.")
          .field("page", &PageRequest::page, {.doc = "Counted from 1.", .minimum = 1, .maximum = max_depth + 1})
          .field("page_size", &PageRequest::page_size,
                 {.doc = "Items on a page.", .minimum = 1, .maximum = max_page_size});
  return schema;
}

void PageRequest::check() const {
  if (page < 1) throw invalid({"query", "page"}, "must be at least 1", "value_error.number.not_ge");
  if (page_size < 1 || page_size > max_page_size)
    throw invalid({"query", "page_size"}, "must be from 1 to " + std::to_string(max_page_size),
                  "value_error.number.not_in_range");
  const std::int64_t deepest = max_depth / page_size + 1;
  if (page > deepest)
    throw invalid({"query", "page"},
                  "must be at most " + std::to_string(deepest) + " with this page_size: narrow the list by filters",
                  "value_error.number.not_le");
}

}  // namespace lms
