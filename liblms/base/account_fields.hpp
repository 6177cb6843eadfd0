#pragma once

#include <string>
#include <utility>

#include <lms/schema.hpp>

/// Fields that several requests about accounts have.
namespace lms::account_fields {

inline FieldOptions email(std::string doc = "The address of the account.") {
  return {.doc = std::move(doc),
          .required = true,
          .max_length = 254,
          .format = Format::email,
          .example = "amina@example.org"};
}

inline FieldOptions full_name() {
  return {.doc = "The person's name as it stands on certificates.",
          .required = true,
          .min_length = 1,
          .max_length = 200,
          .format = Format::name,
          .example = "Amina Okafor",
          .search_weight = 4};
}

inline FieldOptions language() {
  return {.doc = "Preferred language.", .format = Format::language, .example = "pt-BR"};
}

inline FieldOptions timezone() {
  return {.doc = "A name of the IANA time zone database.",
          .max_length = 64,
          .format = Format::timezone,
          .example = "Europe/Madrid"};
}

inline FieldOptions password(std::string doc = "The password of the account.") {
  return {.doc = std::move(doc),
          .access = Access::write_only,
          .required = true,
          .max_length = 1'024,
          .format = Format::password,
          .example = "correct horse battery"};
}

inline FieldOptions new_password() {
  return password("At least `PASSWORD_MIN_LENGTH` characters, and not one of those that everybody would guess.");
}

/// A code of a second factor.
inline FieldOptions code(std::string doc = "The code; blanks and hyphens in it make no difference.") {
  return {.doc = std::move(doc), .access = Access::write_only, .required = true, .max_length = 64, .example = "287082"};
}

/// A signed token that is given back.
inline FieldOptions token(std::string doc) {
  return {.doc = std::move(doc),
          .access = Access::write_only,
          .required = true,
          .max_length = 4'096,
          .example = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.e30.c2lnbmF0dXJl"};
}

}  // namespace lms::account_fields
