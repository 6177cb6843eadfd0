#include <lms/audit.hpp>

#include "audit/audit_head.hpp"

namespace lms {

const Schema& AuditEntry::schema() {
  const auto shown = [](std::string doc, Value example = {}) {
    return FieldOptions{.doc = std::move(doc), .access = Access::read_only, .example = std::move(example)};
  };
  static const Schema schema =
      define<AuditEntry>("AuditEntry", "A row of the audit log.")
          .table("audit_log")
          .key("position", &AuditEntry::position,
               {.doc = "Its place in the log: 1, 2, 3 … without gaps.", .example = 17})
          .field("time", &AuditEntry::time, shown("When it was done."))
          .field("action", &AuditEntry::action, shown("What was done.", "user.role_changed"))
          .field("outcome", &AuditEntry::outcome, shown("Whether it was done, or refused."))
          .field("actor", &AuditEntry::actor,
                 shown("Who did it: a user's id; `school`: a job, a command or the start; `nobody`: without a token.",
                       "0197a3c2-8f4e-7b11-9c55-3d2a6f1e8b40"))
          .field("subject", &AuditEntry::subject,
                 shown("The id of what it was done to.", "0197a3c2-8f4e-7b11-9c55-3d2a6f1e8b41"))
          .field("address", &AuditEntry::address, shown("The client's network address; empty: none.", "192.0.2.7"))
          .field("session", &AuditEntry::session, shown("The actor's session."))
          .field("details", &AuditEntry::details,
                 shown("What changed.", Object{{"role", from_to("student", "instructor")}}))
          .field("previous_hash", &AuditEntry::previous_hash, shown("`hash` of the row before; 64 zeros in the first."))
          .field("hash", &AuditEntry::hash,
                 shown("SHA-256 of this object without `hash`, as JSON with sorted members and without blanks."))
          .index({"action", "position"})
          .index({"actor", "position"})
          .index({"subject", "position"})
          .index({"address", "position"})
          .index({"time"});
  return schema;
}

const Schema& AuditHead::schema() {
  static const Schema schema = define<AuditHead>("AuditHead", "Where the audit log ends.")
                                   .table("audit_head")
                                   .key("id", &AuditHead::id)
                                   .field("position", &AuditHead::position)
                                   .field("hash", &AuditHead::hash);
  return schema;
}

const Schema& AuditFilter::schema() {
  static const Schema schema =
      define<AuditFilter>("AuditFilter", "Which rows of the audit log.")
          .flatten(&AuditFilter::page)
          .field("action", &AuditFilter::action,
                 {.doc = "Only this action; with a dot at its end, all that begin so.",
                  .max_length = 100,
                  .example = "user."})
          .field("outcome", &AuditFilter::outcome, {.doc = "Only what was done, or only what was refused."})
          .field("actor", &AuditFilter::actor,
                 {.doc = "Only by this user; or `school`, or `nobody`.", .max_length = 36})
          .field("subject", &AuditFilter::subject, {.doc = "Only what was done to this."})
          .field("address", &AuditFilter::address, {.doc = "Only from this address.", .max_length = 64})
          .field("since", &AuditFilter::since, {.doc = "Only at this time or later."})
          .field("until", &AuditFilter::until, {.doc = "Only before this time."});
  return schema;
}

const Schema& AuditCheck::schema() {
  static const Schema schema =
      define<AuditCheck>("AuditCheck", "What the audit log is checked against.")
          .field("expect", &AuditCheck::expect,
                 {.doc = "`position:hash` of a row that was kept elsewhere: whether it is still there, unchanged.",
                  .max_length = 100,
                  .example = "17:" + AuditPoint().hash});
  return schema;
}

const Schema& AuditBreak::schema() {
  static const Schema schema =
      define<AuditBreak>("AuditBreak", "Where the audit log is not as it was written.")
          .field("position", &AuditBreak::position, {.doc = "The place of the row.", .example = 17})
          .field(
              "fault", &AuditBreak::fault,
              {.doc = "`gap`: the row is missing, or one stands where none was; `link`: it does not hold the hash of "
                      "the one before; `content`: it does not say what it was hashed with; `head`: rows were cut off "
                      "at the end, or put there; `expected`: it is not the one that was expected."})
          .field("message", &AuditBreak::message, {.doc = "The same for people."});
  return schema;
}

const Schema& AuditReport::schema() {
  static const Schema schema =
      define<AuditReport>("AuditReport", "What a check of the audit log has found.")
          .field("intact", &AuditReport::intact, {.doc = "Whether every row is as it was written."})
          .field("rows", &AuditReport::rows, {.doc = "Rows found good, from the first on.", .example = 16})
          .field("position", &AuditReport::position, {.doc = "The place of the last of them.", .example = 16})
          .field("hash", &AuditReport::hash, {.doc = "Its hash.", .example = AuditPoint().hash})
          .field("first_break", &AuditReport::first_break, {.doc = "What is wrong behind them."});
  return schema;
}

}  // namespace lms
