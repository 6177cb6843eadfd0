#pragma once

#include <vector>

#include <lms/event.hpp>
#include <lms/router.hpp>

namespace lms {

class Lms;

/// The API's table of contents: every route group, in the order of the documentation.
void add_routes(Router& router, Lms& school);

/// Every kind of event, for the documentation.
std::vector<const EventType*> event_types();

}  // namespace lms
