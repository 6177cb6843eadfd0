#include <array>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <system_error>

#include "commands.hpp"
#include "failure.hpp"
#include "setup.hpp"
#include "text_file.hpp"

namespace lms::server {

namespace {

std::unique_ptr<Lms> open_existing_school(const CommonOptions& common) {
  const Settings settings = read_settings(common).settings;
  require_database(settings);
  return open_school(settings);
}

UserId find_person(Lms& school, const std::string& person) {
  if (const auto id = UserId::parse(person)) return school.users().get(Principal::system(), *id).id;
  const auto user = school.users().find_by_email(Principal::system(), person);
  if (!user) throw Failure(ExitCode::failure, "Nobody here has the address " + person + ".");
  return user->id;
}

/// `7: invalid  ada@example.org`, and what is wrong with it in lines of its own.
void print_row(const ImportedRow& row) {
  std::printf("%lld: %s  %s\n", static_cast<long long>(row.line), std::string(name_of(row.outcome)).c_str(),
              row.email.c_str());
  for (const ImportFault& fault : row.faults) {
    const std::string column = fault.loc.size() > 2 ? fault.loc[2].as_string() + " " : "";
    std::printf("    %s%s\n", column.c_str(), fault.msg.c_str());
  }
}

std::string read_file(const std::string& file) {
  try {
    return read_text_file(file);
  } catch (const std::system_error& error) {
    throw Failure(ExitCode::no_input, file + " cannot be read: " + error.code().message());
  }
}

}  // namespace

void import_users(const CommonOptions& common, const ImportUsersOptions& options) {
  const std::string csv = read_file(options.file);
  const auto school = open_existing_school(common);
  UserImportReport report;
  try {
    report =
        school->user_imports().run(Principal::system(), csv, {.dry_run = options.dry_run, .update = options.update});
  } catch (const Error& error) {
    if (error.code() != ErrorCode::invalid) throw;
    throw Failure(ExitCode::bad_input,
                  explained(error, options.file == "-" ? "standard input: " : options.file + ": "));
  }
  for (const ImportedRow& row : report.rows)
    if (options.all || row.outcome == ImportOutcome::invalid) print_row(row);
  std::printf("%s%lld created, %lld updated, %lld there already, %lld invalid\n",
              report.dry_run ? "Nothing was changed. It would be: " : "", static_cast<long long>(report.created),
              static_cast<long long>(report.updated), static_cast<long long>(report.existing),
              static_cast<long long>(report.invalid));
  if (report.invalid > 0)
    throw Failure(ExitCode::bad_input, std::to_string(report.invalid) +
                                           (report.invalid == 1 ? " row is" : " rows are") + " invalid; the others " +
                                           (report.dry_run ? "would be imported." : "were imported."));
}

void export_user(const CommonOptions& common, const ExportUserOptions& options) {
  std::error_code unknown;  // told when it is written
  if (!options.force && options.file != "-" && std::filesystem::is_regular_file(options.file, unknown))
    throw Failure(ExitCode::cannot_create, options.file + " exists; --force overwrites it.");
  const auto school = open_existing_school(common);
  const auto document =
      school->personal_data().export_person(Principal::system(), find_person(*school, options.person));
  std::string text;
  std::array<char, 64 * 1024> buffer;
  while (const std::size_t size = document->read(buffer)) text.append(buffer.data(), size);
  try {
    write_text_file(options.file, text, Readers::owner);
  } catch (const std::system_error& error) {
    throw Failure(ExitCode::cannot_create, options.file + " cannot be written: " + error.code().message());
  }
}

void erase_user(const CommonOptions& common, const EraseUserOptions& options) {
  const auto school = open_existing_school(common);
  const UserId id = find_person(*school, options.person);
  if (!options.yes) throw Failure(ExitCode::usage, "Nothing brings an erased person back; say --yes if you mean it.");
  const ErasureRequest request{options.keep_certificates ? CertificateFate::keep : CertificateFate::revoke};
  const Erasure erasure = school->personal_data().erase(Principal::system(), id, request);
  school->personal_data().finish(erasure);
  std::printf("%s\n", id.text().c_str());
}

}  // namespace lms::server
