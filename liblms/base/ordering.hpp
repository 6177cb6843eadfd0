#pragma once

#include <vector>

#include <lms/repository.hpp>

/// Positions of the parts of a whole: from 1, in the order of the field `position`. `of_whole` is the condition that
/// holds for the parts of one whole. Positions may leave gaps; only their order counts.
namespace lms {

template <class Part>
std::vector<Part> in_order(UnitOfWork& uow, const Condition& of_whole) {
  return Repository<Part>(uow).select({.where = of_whole, .order = {ascending("position")}});
}

/// Gives a part without a position the one at the end; otherwise moves those at and after its position one on.
template <class Part>
void make_room(UnitOfWork& uow, Part& part, const Condition& of_whole) {
  Repository<Part> parts(uow);
  const Condition others = all_of({of_whole, none_of({equal("id", part.id)})});
  if (part.position == 0) {
    const auto last =
        parts.select({.where = others, .order = {descending("position")}, .fields = {"position"}, .limit = 1});
    part.position = last.empty() ? 1 : last.front().position + 1;
  } else if (parts.exists(all_of({others, equal("position", part.position)}))) {
    parts.update_all(all_of({others, greater_equal("position", part.position)}), {add("position", 1)});
  }
}

}  // namespace lms
