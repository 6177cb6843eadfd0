#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include <lms/export.hpp>
#include <lms/repository.hpp>
#include <lms/schema.hpp>

namespace lms {

/// Which part of a list is wanted. Its schema is flattened into the filters of lists.
struct LMS_API PageRequest {
  static constexpr std::int64_t max_page_size = 100;
  static constexpr std::int64_t max_depth = 100'000;  ///< records a page may skip; deeper lists need a cursor

  std::int64_t page = 1;        ///< from 1
  std::int64_t page_size = 20;  ///< 1–100

  static const Schema& schema();

  std::size_t offset() const noexcept { return static_cast<std::size_t>((page - 1) * page_size); }
  std::size_t limit() const noexcept { return static_cast<std::size_t>(page_size); }
  /// @throws Error invalid for a page or a size outside of these bounds, and for one deeper than `max_depth`.
  void check() const;
};

/// A part of a list. `total` is exact up to `exact_total`; beyond, it is that number and `total_is_more` is set.
template <class T>
struct Page {
  static constexpr std::size_t exact_total = 10'000;

  std::vector<T> items;
  std::int64_t page = 1;
  std::int64_t page_size = 20;
  std::int64_t total = 0;
  bool total_is_more = false;
};

/// Reads one page of the records for which the condition holds. `count(limit)` tells how many there are, and need count
/// no further than `limit`.
template <HasSchema T, class Count>
Page<T> select_page(UnitOfWork& uow, const Condition& where, std::vector<Order> order, const PageRequest& request,
                    Count&& count) {
  request.check();
  Page<T> page{.items = {}, .page = request.page, .page_size = request.page_size, .total = 0, .total_is_more = false};
  page.items = Repository<T>(uow).select(
      {.where = where, .order = std::move(order), .limit = request.limit(), .offset = request.offset()});
  const bool is_last = page.items.size() < request.limit() && (!page.items.empty() || request.offset() == 0);
  const std::size_t counted = is_last ? request.offset() + page.items.size() : count(Page<T>::exact_total + 1);
  page.total_is_more = counted > Page<T>::exact_total;
  page.total = static_cast<std::int64_t>(std::min(counted, Page<T>::exact_total));
  return page;
}
template <HasSchema T>
Page<T> select_page(UnitOfWork& uow, const Condition& where, std::vector<Order> order, const PageRequest& request) {
  return select_page<T>(uow, where, std::move(order), request,
                        [&](std::size_t limit) { return Repository<T>(uow).count(where, limit); });
}

}  // namespace lms
