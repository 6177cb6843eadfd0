#include "admin/cache_routes.hpp"

namespace lms {

void add_cache_routes(Router& router, KeptAnswers& answers) {
  const RouteError admin_required{ErrorCode::forbidden, "admin_required", "Only an admin may do this."};

  router.add({.method = http::Method::get,
              .path = "/admin/cache",
              .operation = "getCache",
              .tag = "admin",
              .summary = "What was asked of the answers that this node keeps",
              .output = &KeptAnswersStatistics::schema(),
              .errors = {admin_required},
              .handler = [&](Call& call) { return ok(answers.statistics(call.who())); }});

  router.add({.method = http::Method::del,
              .path = "/admin/cache",
              .operation = "clearCache",
              .tag = "admin",
              .summary = "Give nothing again that was kept so far, on any node",
              .weight = Weight::wait,
              .output_mode = Output::nothing,
              .status = 204,
              .errors = {admin_required},
              .handler = [&](Call& call) {
                answers.clear(call.who());
                return no_content();
              }});
}

}  // namespace lms
