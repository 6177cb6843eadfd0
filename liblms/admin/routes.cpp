#include "admin/routes.hpp"

namespace lms {

void add_admin_routes(Router& router, Jobs& jobs, Events& events) {
  using enum http::Method;
  const RouteError admin_required{ErrorCode::forbidden, "admin_required", "Only an admin may do this."};

  router.add({.method = get,
              .path = "/admin/jobs",
              .operation = "listJobs",
              .tag = "admin",
              .summary = "Jobs, newest first",
              .description = "Succeeded and cancelled jobs are kept for seven days, dead ones until somebody decides.",
              .query = &JobFilter::schema(),
              .output_mode = Output::page,
              .output = &Job::schema(),
              .errors = {admin_required},
              .handler = [&](Call& call) { return ok(jobs.list(call.who(), call.query<JobFilter>())); }});

  router.add({.method = get,
              .path = "/admin/jobs/{id}",
              .operation = "getJob",
              .tag = "admin",
              .summary = "One job",
              .output = &Job::schema(),
              .errors = {admin_required},
              .handler = [&](Call& call) { return ok(jobs.get(call.who(), call.id<JobId>("id"))); }});

  router.add({.method = post,
              .path = "/admin/jobs/{id}/retry",
              .operation = "retryJob",
              .tag = "admin",
              .summary = "Give a dead job a fresh set of attempts, or hurry one that waits",
              .weight = Weight::write,
              .output = &Job::schema(),
              .errors = {admin_required,
                         {ErrorCode::conflict, "job_not_retryable", "The job is neither dead nor waiting."},
                         {ErrorCode::conflict, "job_exists", "Another job with its unique key waits or runs."}},
              .handler = [&](Call& call) { return ok(jobs.retry(call.who(), call.id<JobId>("id"))); }});

  router.add({.method = post,
              .path = "/admin/jobs/{id}/cancel",
              .operation = "cancelJob",
              .tag = "admin",
              .summary = "Call off a waiting job or put a dead one aside",
              .weight = Weight::write,
              .output = &Job::schema(),
              .errors = {admin_required,
                         {ErrorCode::conflict, "job_not_cancellable", "The job neither waits nor is it dead."}},
              .handler = [&](Call& call) { return ok(jobs.cancel(call.who(), call.id<JobId>("id"))); }});

  // Reading the feed may number what has been committed since the last reader, which is a write.
  router.add({.method = get,
              .path = "/events",
              .operation = "listEvents",
              .tag = "events",
              .summary = "What happened, in order",
              .description =
                  "The events after a position, oldest first, none left out. To follow the feed, ask again with "
                  "the position of the last event received.",
              .weight = Weight::wait,
              .query = &EventQuery::schema(),
              .output_mode = Output::items,
              .output = &Event::schema(),
              .errors = {admin_required},
              .handler = [&](Call& call) { return ok(events.after(call.who(), call.query<EventQuery>())); }});
}

}  // namespace lms
