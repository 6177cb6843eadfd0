#include <lms/personal_data.hpp>

namespace lms {

namespace {

FieldOptions certificates_options() {
  return {.doc = "`revoke`: they lose the name and are no longer good; `keep`: they stay as they are, with the name."};
}

}  // namespace

const Schema& ErasureRequest::schema() {
  static const Schema schema = define<ErasureRequest>("ErasureRequest", "How a person is erased.")
                                   .field("certificates", &ErasureRequest::certificates, certificates_options());
  return schema;
}

const Schema& OwnErasureRequest::schema() {
  static const Schema schema = define<OwnErasureRequest>("OwnErasureRequest", "How somebody erases their own account.")
                                   .flatten(&OwnErasureRequest::confirmation)
                                   .field("certificates", &OwnErasureRequest::certificates, certificates_options());
  return schema;
}

const Schema& Erasure::schema() {
  static const Schema schema =
      define<Erasure>("Erasure", "Says that a person was erased; a job goes through what is left.")
          .field("user_id", &Erasure::user_id)
          .field("erased_at", &Erasure::erased_at)
          .field("certificates", &Erasure::certificates, {.doc = "What becomes of their certificates."})
          .field("since", &Erasure::since, {.access = Access::hidden});
  return schema;
}

const Schema& ErasureEvent::schema() {
  static const Schema schema = define<ErasureEvent>("ErasureEvent", "The account of a person who was erased.")
                                   .field("user_id", &ErasureEvent::user_id);
  return schema;
}

namespace events {
const EventType user_erased{"user.erased", "A person was erased; forget what other events have said of them.",
                            &ErasureEvent::schema};
}  // namespace events

namespace audited {
const AuditAction user_exported{"user.exported", "What the school holds about a person was handed out."};
const AuditAction user_erased{"user.erased", "A person was erased."};
}  // namespace audited

}  // namespace lms
