#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

/// The commands of lms-server. Each returns when it has done its work; what goes wrong is thrown.
namespace lms::server {

/// What every command takes.
struct CommonOptions {
  std::optional<std::string> database;  ///< in place of DATABASE_URL
};

void serve(const CommonOptions& common);

struct MigrateOptions {
  bool status = false;  ///< say what is applied, change nothing
};
void migrate(const CommonOptions& common, const MigrateOptions& options);

/// Any of these makes a large school in place of the written one; what is left out gets a default.
struct DemoOptions {
  std::optional<std::int64_t> users = {};
  std::optional<std::int64_t> courses = {};
  std::optional<std::int64_t> lessons = {};
  std::optional<std::int64_t> questions = {};
  std::optional<std::int64_t> enrollments = {};  ///< at most, in all
  std::optional<std::string> export_folder = {};

  bool large() const { return users || courses || lessons || questions || enrollments || export_folder; }
};
void make_demo(const CommonOptions& common, const DemoOptions& options);

struct CopyOptions {
  std::string file;    ///< the backup
  bool force = false;  ///< overwrite what exists
};
/// Writes the database into a file, also while it is served.
void back_up(const CommonOptions& common, const CopyOptions& options);
/// Puts a backup in the place of the database.
void restore(const CommonOptions& common, const CopyOptions& options);

struct CreateAdminOptions {
  std::string email;
  std::string name;
  bool password_stdin = false;  ///< otherwise it is asked for on the terminal
};
void create_admin(const CommonOptions& common, const CreateAdminOptions& options);

struct AuditVerifyOptions {
  std::optional<std::string> expect;  ///< a row that has to be there, as the command has printed it
};
/// Checks every row of the audit log, and prints the last one's place and hash.
void verify_audit(const CommonOptions& common, const AuditVerifyOptions& options);

struct AuditListOptions {
  std::optional<std::string> action, actor, subject, address, since, until;
  bool refused = false;  ///< only what was
  std::optional<std::int64_t> limit;
};
/// Prints rows of the audit log as JSON, one a line, newest first.
void list_audit(const CommonOptions& common, const AuditListOptions& options);

struct ImportOptions {
  std::string file;                       ///< `-`: standard input
  std::optional<std::string> instructor;  ///< mail address of the owner
  std::optional<std::string> slug;        ///< in place of the package's
  bool publish = false;
};
void import_course(const CommonOptions& common, const ImportOptions& options);

struct ExportOptions {
  std::string course;      ///< id or slug
  std::string file = "-";  ///< `-`: standard output
  bool force = false;      ///< overwrite a file that exists
};
void export_course(const CommonOptions& common, const ExportOptions& options);

struct ImportUsersOptions {
  std::string file;  ///< CSV; `-`: standard input
  bool dry_run = false;
  bool update = false;  ///< bring profile and role of accounts that exist to what their rows say
  bool all = false;     ///< print every row, not only those that are invalid
};
/// Makes accounts of a file, and prints what became of its rows.
void import_users(const CommonOptions& common, const ImportUsersOptions& options);

struct ExportUserOptions {
  std::string person;      ///< id or mail address
  std::string file = "-";  ///< `-`: standard output
  bool force = false;      ///< overwrite a file that exists
};
/// Writes everything that the school holds about a person.
void export_user(const CommonOptions& common, const ExportUserOptions& options);

struct EraseUserOptions {
  std::string person;  ///< id or mail address
  bool keep_certificates = false;
  bool yes = false;  ///< it is meant
};
/// Erases a person, and all at once.
void erase_user(const CommonOptions& common, const EraseUserOptions& options);

struct SendTestMailOptions {
  std::string to;
  std::string language = "en";
};
/// Sends a mail at once, without queue and database, and prints what the mail server said.
void send_test_mail(const CommonOptions& common, const SendTestMailOptions& options);

struct CheckOptions {
  std::string url;                 ///< where the server is: https://school.example.org
  std::string prefix = "/api/v1";  ///< what API_V1_PREFIX is there
  std::string ca_file = {};        ///< PEM file of the authorities that vouch for it; empty: the system's
  std::int64_t flood = 0;          ///< requests that are sent to see whether limits stop them
  std::chrono::seconds timeout{10};
  bool json = false;
};
/// Looks at a running server as a stranger can: headers, limits, health, access, documentation.
void check(const CheckOptions& options);

struct CryptoOptions {
  std::optional<std::string> value = {};  ///< none: see the command; `-`: standard input
};
/// A new key for ENCRYPTION_KEY.
void generate_key();
/// These three print what becomes of one value, by the keys of ENCRYPTION_KEY. Without it they read standard input.
void encrypt_value(const CommonOptions& common, const CryptoOptions& options);
void decrypt_value(const CommonOptions& common, const CryptoOptions& options);
/// Without a value: the whole database.
void rotate(const CommonOptions& common, const CryptoOptions& options);

void print_openapi(const CommonOptions& common);

struct ConfigOptions {
  bool markdown = false;  ///< the page docs/settings.md
  bool example = false;   ///< the file .env.example
};
void print_config(const CommonOptions& common, const ConfigOptions& options);

}  // namespace lms::server
