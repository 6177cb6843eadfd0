#pragma once

#include <vector>

#include <lms/audit.hpp>
#include <lms/event.hpp>
#include <lms/personal_data.hpp>
#include <lms/router.hpp>

namespace lms {

class Lms;

/// The API's table of contents: every route group, in the order of the documentation.
void add_routes(Router& router, Lms& school);

/// What each feature holds about people, in the order of their export.
void add_personal_data(PersonalData& data, Lms& school);

/// Every kind of event, for the documentation.
std::vector<const EventType*> event_types();

/// Everything that is audited, as docs/audit.md lists it.
std::vector<const AuditAction*> audit_actions();

}  // namespace lms
