#include "package/routes.hpp"

namespace lms {

namespace {

constexpr std::size_t largest_package = 20UL * 1024 * 1024;

Value package_example() {
  const Value quiz =
      Object{{"title", "Check yourself"},
             {"questions", Array{Object{{"kind", "true_false"}, {"text", "SQL reads rows."}, {"answer", true}}}}};
  const Value lessons = Array{Object{{"title", "SELECT"}, {"kind", "text"}, {"content", "## Reading rows"}},
                              Object{{"title", "Quiz"}, {"kind", "quiz"}, {"quiz", quiz}}};
  return Object{{"format", "lms-course"},
                {"version", 1},
                {"course", Object{{"title", "SQL from zero"}, {"prerequisites", Array()}}},
                {"sections", Array{Object{{"title", "First queries"}, {"lessons", lessons}}}}};
}

}  // namespace

void add_package_routes(Router& router, CoursePackages& packages) {
  using enum http::Method;

  router.add({.method = post,
              .path = "/courses/import",
              .operation = "importCourse",
              .tag = "courses",
              .summary = "Make a draft from a course package",
              .description =
                  "Each part has the fields that make it one by one, but no id and no position; prerequisites are "
                  "slugs. All of it is made, or nothing.",
              .allow = Permission::create_course,
              .weight = Weight::wait,
              .input_mode = Input::free,
              .input_example = package_example(),
              .output = &Course::schema(),
              .status = 201,
              .errors = {{ErrorCode::conflict, "slug_taken", "Another course has this slug."}},
              .takes_idempotency_key = true,
              .max_body = largest_package,
              .handler = [&, prefix = router.prefix()](Call& call) {
                const Course course = packages.import_package(call.who(), call.body());
                return created(course, prefix + "/courses/" + course.id.text());
              }});

  router.add({.method = get,
              .path = "/courses/{id}/export",
              .operation = "exportCourse",
              .tag = "courses",
              .summary = "A course as a package",
              .allow = Permission::update_course,
              .output_mode = Output::free,
              .errors = {{ErrorCode::forbidden, "not_owner", "The course belongs to somebody else."},
                         {ErrorCode::not_found, "course_not_found", "There is no such course, or it is hidden."}},
              .is_file = true,
              .text_params = {{"id", CourseRef::doc}},
              .handler = [&](Call& call) {
                const Value package = packages.export_package(call.who(), call.path("id"));
                auto response = json_response(200, package);
                response.headers.add("Content-Disposition",
                                     "attachment; filename=\"" + package["course"]["slug"].as_string() + ".json\"");
                return response;
              }});
}

}  // namespace lms
