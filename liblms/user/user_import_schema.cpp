#include <lms/user_import.hpp>

#include "user/user_row.hpp"

namespace lms {

namespace {

/// A column is held to what the field is held to elsewhere.
FieldOptions as_in(const Schema& schema, std::string_view field) {
  return *schema.find(field);
}

}  // namespace

const Schema& UserRow::schema() {
  static const Schema schema =
      define<UserRow>("UserRow", "A row of an import.")
          .field("email", &UserRow::email, as_in(NewUser::schema(), "email"))
          .field("full_name", &UserRow::full_name, as_in(NewUser::schema(), "full_name"))
          .field("role", &UserRow::role, as_in(NewUser::schema(), "role"))
          .field("language", &UserRow::language, as_in(Profile::schema(), "language"))
          .field("timezone", &UserRow::timezone, as_in(Profile::schema(), "timezone"))
          .field("is_active", &UserRow::is_active, {.doc = "False: nobody can sign in yet."})
          .field("password", &UserRow::password, as_in(NewUser::schema(), "password"))
          .field("password_hash", &UserRow::password_hash, {.access = Access::write_only, .max_length = 512});
  return schema;
}

const Schema& UserImportOptions::schema() {
  static const Schema schema =
      define<UserImportOptions>("UserImportOptions", "What an import may do.")
          .field("dry_run", &UserImportOptions::dry_run,
                 {.doc = "Say what would become of every row, and change nothing."})
          .field("update", &UserImportOptions::update,
                 {.doc = "Bring name, language, time zone and role of accounts that exist to what their rows say."});
  return schema;
}

const Schema& ImportFault::schema() {
  static const Schema schema =
      define<ImportFault>("ImportFault", "One thing that is wrong with a row.")
          .field("loc", &ImportFault::loc,
                 {.doc = "`body`, the line and the column.", .example = Array{"body", 7, "email"}})
          .field("msg", &ImportFault::msg, {.example = "must be a mail address such as ada@example.org"})
          .field("type", &ImportFault::type, {.example = "value_error.email"});
  return schema;
}

const Schema& ImportedRow::schema() {
  static const Schema schema =
      define<ImportedRow>("ImportedRow", "What became of a row.")
          .field("line", &ImportedRow::line, {.doc = "Where it begins in the file, from 1.", .example = 7})
          .field("email", &ImportedRow::email, {.doc = "As it stands in the file.", .example = "amina@example.org"})
          .field("outcome", &ImportedRow::outcome, {.doc = "`exists`: the account was left as it is."})
          .field("user_id", &ImportedRow::user_id,
                 {.doc = "The account; null for what is invalid, or would be created."})
          .field("faults", &ImportedRow::faults);
  return schema;
}

const Schema& UserImportReport::schema() {
  static const Schema schema =
      define<UserImportReport>("UserImportReport", "What became of every row of an import.")
          .field("dry_run", &UserImportReport::dry_run, {.doc = "Nothing was changed."})
          .field("created", &UserImportReport::created, {.example = 28})
          .field("updated", &UserImportReport::updated)
          .field("existing", &UserImportReport::existing, {.doc = "Accounts that were left as they are."})
          .field("invalid", &UserImportReport::invalid)
          .field("faults_left_out", &UserImportReport::faults_left_out,
                 {.doc = "There were more than 1,000 faults; the rows say `invalid` all the same."})
          .field("rows", &UserImportReport::rows, {.doc = "In the order of the file.", .max_length = 50'000});
  return schema;
}

namespace audited {
const AuditAction user_imported{"user.imported", "An account was made from a row of a file."};
}  // namespace audited

}  // namespace lms
