#include <malloc.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <string>
#include <string_view>
#include <thread>

#include <CLI/CLI.hpp>

#include <lms/backends/sqlite.hpp>
#include <lms/lms.hpp>

#include "commands.hpp"
#include "failure.hpp"
#include "setup.hpp"

namespace {

using namespace lms;
using namespace lms::server;

constexpr std::string_view footer =
    "Settings come from the environment and from .env in the working directory; `lms-server config` prints them.\n"
    "\n"
    "Exit codes: 0 done, 1 failed, 2 wrong usage, 65 a file that is no course package, backup or list of people,\n"
    "rows of a list that are wrong, or no token of these keys, 66 a file that cannot be read, 69 the database, the\n"
    "port, the mail server, Vault or a server to check cannot be used, 73 a file that cannot be written or exists,\n"
    "78 a bad setting.";

void complain(std::string_view text) {
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    std::fprintf(stderr, "lms-server: %.*s\n", static_cast<int>(end), text.data());
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

ExitCode exit_code_of(const Error& error) {
  const auto& faults = error.faults();
  if (!faults.empty() && !faults.front().loc.empty() && faults.front().loc.front() == PathStep(std::string("settings")))
    return ExitCode::bad_settings;
  const bool no_database = error.code() == ErrorCode::unavailable || error.reason() == "schema_too_new";
  return no_database ? ExitCode::unavailable : ExitCode::failure;
}

/// glibc keeps eight heaps for each core, and what one thread allocates and another frees leaves holes in all of them.
void bound_heaps() {
#ifdef __GLIBC__
  mallopt(M_ARENA_MAX, static_cast<int>(std::max(1U, std::thread::hardware_concurrency())));
#endif
}

}  // namespace

int main(int argc, char** argv) {
  bound_heaps();
  turn_off_sqlite_memory_statistics();
  CommonOptions common;
  MigrateOptions migration;
  DemoOptions demo;
  CopyOptions copy;
  CreateAdminOptions admin;
  AuditVerifyOptions audit_verify;
  AuditListOptions audit_list;
  ImportOptions to_import;
  ExportOptions to_export;
  ImportUsersOptions people_in;
  ExportUserOptions person_out;
  EraseUserOptions erasure;
  SendTestMailOptions test_mail;
  ConfigOptions config;
  CheckOptions inspection;
  CryptoOptions crypto;

  CLI::App app("Runs a school: courses, quizzes, certificates and their REST API.", "lms-server");
  app.set_version_flag("--version", "lms-server " + std::string(version()));
  app.footer(std::string(footer));
  app.require_subcommand(0, 1);
  app.fallthrough();
  app.add_option("--database", common.database, "Use this database in place of DATABASE_URL")->type_name("URL");

  app.add_subcommand("serve", "Serve the school over HTTP until SIGTERM or SIGINT (the default)")->callback([&] {
    serve(common);
  });

  auto* migrate_command = app.add_subcommand("migrate", "Bring the database's structure up to date");
  migrate_command->add_flag("--status", migration.status, "Only say what is applied");
  migrate_command->callback([&] { migrate(common, migration); });

  auto* backup_command = app.add_subcommand("backup", "Copy the database into a file, also while it is served");
  backup_command->add_option("file", copy.file, "The backup")->required();
  backup_command->add_flag("--force", copy.force, "Overwrite the file if it exists");
  backup_command->callback([&] { back_up(common, copy); });

  auto* restore_command = app.add_subcommand("restore", "Put a backup in the place of the database");
  restore_command->add_option("file", copy.file, "The backup")->required();
  restore_command->add_flag("--force", copy.force, "Replace the database if it exists");
  restore_command->callback([&] { restore(common, copy); });

  auto* demo_command =
      app.add_subcommand("demo", "Make a demo school, with three courses and twenty students, in an empty database");
  demo_command->footer("Any of these options makes a large school instead, for load generators.");
  demo_command->add_option("--users", demo.users, "Accounts of a large school (1000 unless given)")
      ->check(CLI::Range(3, 1'000'000));
  demo_command->add_option("--courses", demo.courses, "Its courses; students are in the first half (200)")
      ->check(CLI::Range(2, 100'000));
  demo_command->add_option("--lessons", demo.lessons, "Lessons of a course (20)")->check(CLI::Range(1, 1'000));
  demo_command->add_option("--questions", demo.questions, "Questions of a course's quiz (10)")
      ->check(CLI::Range(1, 200));
  demo_command
      ->add_option("--enrollments", demo.enrollments,
                   "Enrolments at most (1000000): students are in fewer courses then, in one at least")
      ->check(CLI::Range(1, 100'000'000));
  demo_command
      ->add_option("--export", demo.export_folder,
                   "Write users.txt, courses.txt, courses_open.txt, lessons.txt and quizzes.txt into this folder")
      ->type_name("DIR");
  demo_command->callback([&] { make_demo(common, demo); });

  auto* admin_command = app.add_subcommand("create-admin", "Make an account for an admin");
  admin_command->add_option("--email", admin.email, "Mail address to sign in with")->required();
  admin_command->add_option("--name", admin.name, "Full name")->required();
  admin_command->add_flag("--password-stdin", admin.password_stdin,
                          "Read the password from standard input instead of asking for it");
  admin_command->callback([&] { create_admin(common, admin); });

  auto* audit_command = app.add_subcommand("audit", "Check or read the audit log");
  audit_command->require_subcommand(1);
  auto* verify_command = audit_command->add_subcommand(
      "verify", "See that every row is as it was written; prints POSITION:HASH of the last one, to be kept elsewhere");
  verify_command->add_option("--expect", audit_verify.expect, "A row that has to be there, as printed before")
      ->type_name("POSITION:HASH");
  verify_command->callback([&] { verify_audit(common, audit_verify); });
  auto* list_command = audit_command->add_subcommand("list", "Print rows as JSON, one a line, newest first");
  list_command->add_option("--action", audit_list.action, "Only this action; `user.`: all that begin so");
  list_command->add_option("--actor", audit_list.actor, "Only by this user id; or `school`, or `nobody`");
  list_command->add_option("--subject", audit_list.subject, "Only what was done to this id");
  list_command->add_option("--address", audit_list.address, "Only from this network address");
  list_command->add_option("--since", audit_list.since, "Only at this time or later")->type_name("TIME");
  list_command->add_option("--until", audit_list.until, "Only before this time")->type_name("TIME");
  list_command->add_flag("--refused", audit_list.refused, "Only what was refused");
  list_command->add_option("--limit", audit_list.limit, "So many at most")
      ->check(CLI::Range(std::int64_t{1}, std::int64_t{1'000'000'000}));
  list_command->callback([&] { list_audit(common, audit_list); });

  auto* import_command = app.add_subcommand("import", "Bring in a course from a package");
  import_command->add_option("file", to_import.file, "JSON file; - for standard input")->required();
  import_command->add_option("--instructor", to_import.instructor, "Mail address of the instructor it shall belong to");
  import_command->add_option("--slug", to_import.slug, "Import it under this slug in place of the package's own");
  import_command->add_flag("--publish", to_import.publish, "Publish it at once");
  import_command->callback([&] { import_course(common, to_import); });

  auto* export_command = app.add_subcommand("export", "Write a course as a package");
  export_command->add_option("course", to_export.course, "Id or slug")->required();
  export_command->add_option("file", to_export.file, "JSON file; - for standard output")->capture_default_str();
  export_command->add_flag("--force", to_export.force, "Overwrite the file if it exists");
  export_command->callback([&] { export_course(common, to_export); });

  auto* people_command =
      app.add_subcommand("import-users", "Make accounts from a CSV file; prints rows that are invalid");
  people_command->add_option("file", people_in.file, "CSV file; - for standard input")->required();
  people_command->add_flag("--dry-run", people_in.dry_run, "Only say what would become of every row");
  people_command->add_flag("--update", people_in.update,
                           "Bring name, language, time zone and role of accounts that exist up to date");
  people_command->add_flag("--all", people_in.all, "Print every row");
  people_command->callback([&] { import_users(common, people_in); });

  auto* person_command = app.add_subcommand("export-user", "Write everything that the school holds about a person");
  person_command->add_option("person", person_out.person, "Id or mail address")->required();
  person_command->add_option("file", person_out.file, "JSON file; - for standard output")->capture_default_str();
  person_command->add_flag("--force", person_out.force, "Overwrite the file if it exists");
  person_command->callback([&] { export_user(common, person_out); });

  auto* erase_command = app.add_subcommand("erase-user", "Erase a person, for good");
  erase_command->add_option("person", erasure.person, "Id or mail address")->required();
  erase_command->add_flag("--keep-certificates", erasure.keep_certificates,
                          "Leave their certificates good, and the name on them");
  erase_command->add_flag("--yes", erasure.yes, "This is meant, and nothing brings it back");
  erase_command->callback([&] { erase_user(common, erasure); });

  auto* mail_command = app.add_subcommand("send-test-mail", "Send a mail at once and print what the mail server said");
  mail_command->add_option("--to", test_mail.to, "Mail address that it goes to")->required()->type_name("ADDRESS");
  mail_command->add_option("--language", test_mail.language, "What it is written in: en, de, es or one of your own")
      ->capture_default_str();
  mail_command->callback([&] { send_test_mail(common, test_mail); });

  auto* check_command =
      app.add_subcommand("check", "Look at a running server from outside: headers, limits, health, docs");
  check_command->footer("Ends with 0 if nothing failed, 1 if something did, 69 if the server cannot be reached.");
  check_command->add_option("url", inspection.url, "Its address: https://school.example.org")->required();
  check_command->add_option("--prefix", inspection.prefix, "What API_V1_PREFIX is there")->capture_default_str();
  check_command->add_option("--ca-file", inspection.ca_file, "PEM file of the authorities that vouch for it")
      ->type_name("FILE");
  check_command->add_option("--flood", inspection.flood, "Send so many requests to see whether limits stop them")
      ->check(CLI::Range(std::int64_t{1}, std::int64_t{100'000}));
  check_command->add_flag("--json", inspection.json, "Print JSON for machines");
  check_command->callback([&] { check(inspection); });

  auto* crypto_command = app.add_subcommand("crypto", "Encrypt, decrypt and change keys, with those of ENCRYPTION_KEY");
  crypto_command->require_subcommand(1);
  crypto_command->fallthrough();
  crypto_command->add_subcommand("generate-key", "Print a new key for ENCRYPTION_KEY")->callback([&] {
    generate_key();
  });
  auto* encrypt_command = crypto_command->add_subcommand("encrypt", "Print a text as a token of the first key");
  encrypt_command->add_option("text", crypto.value, "The text; standard input if it is left out or -");
  encrypt_command->callback([&] { encrypt_value(common, crypto); });
  auto* decrypt_command = crypto_command->add_subcommand("decrypt", "Print the text of a token");
  decrypt_command->add_option("token", crypto.value, "The token; standard input if it is left out or -");
  decrypt_command->callback([&] { decrypt_value(common, crypto); });
  auto* rotate_command =
      crypto_command->add_subcommand("rotate", "Bring the whole database, or one token, under the first key");
  rotate_command->add_option("token", crypto.value, "A token to do in place of the database; - for standard input");
  rotate_command->callback([&] { rotate(common, crypto); });

  app.add_subcommand("openapi", "Print the OpenAPI document of the API")->callback([&] { print_openapi(common); });

  auto* config_command = app.add_subcommand("config", "Print every setting in effect, and where it came from");
  auto* markdown = config_command->add_flag("--markdown", config.markdown, "Print the page docs/settings.md instead");
  config_command->add_flag("--example", config.example, "Print the file .env.example instead")->excludes(markdown);
  config_command->callback([&] { print_config(common, config); });

  try {
    app.parse(argc, argv);
    if (app.get_subcommands().empty()) serve(common);
    return static_cast<int>(ExitCode::ok);
  } catch (const CLI::ParseError& error) {
    const int code = app.exit(error);
    return code == 0 ? code : static_cast<int>(ExitCode::usage);
  } catch (const Failure& failure) {
    complain(failure.what());
    return static_cast<int>(failure.code());
  } catch (const Error& error) {
    complain(explained(error));
    return static_cast<int>(exit_code_of(error));
  } catch (const std::exception& error) {
    complain(error.what());
    return static_cast<int>(ExitCode::failure);
  }
}
