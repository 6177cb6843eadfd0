#pragma once

#include <lms/http.hpp>
#include <lms/router.hpp>

namespace lms {

/// Whether answers of the route may come in an envelope: not those of pages and probes, nor files.
bool can_have_envelope(const Route& route) noexcept;

/// Makes `{"success":true,"data":…,"meta":{"status_code":200}}` of an answer that is JSON and no error; leaves others,
/// and those that are streamed, as they are.
void put_in_envelope(http::Response& response);

}  // namespace lms
