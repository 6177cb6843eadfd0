#pragma once

#include <vector>

#include <lms/course.hpp>
#include <lms/repository.hpp>

/// Positions of the parts of a course: from 1, in the order of the field `position`.
namespace lms {

template <class Part>
std::vector<Part> in_order(UnitOfWork& uow, CourseId course) {
  return Repository<Part>(uow).select({.where = equal("course_id", course), .order = {ascending("position")}});
}

/// Gives a part without a position the one at the end; otherwise moves those at and after its position one on.
/// Positions may leave gaps; only their order counts.
template <class Part>
void make_room(UnitOfWork& uow, Part& part) {
  Repository<Part> parts(uow);
  const Condition others = all_of({equal("course_id", part.course_id), none_of({equal("id", part.id)})});
  if (part.position == 0) {
    const auto last = parts.select({.where = others, .order = {descending("position")}, .limit = 1});
    part.position = last.empty() ? 1 : last.front().position + 1;
  } else if (parts.exists(all_of({others, equal("position", part.position)}))) {
    parts.update_where(all_of({others, greater_equal("position", part.position)}), {add("position", 1)});
  }
}

}  // namespace lms
