#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include <lms/lms.hpp>

#include "commands.hpp"
#include "http1/options.hpp"

/// What commands need before they can do anything: settings, a database, a school.
namespace lms::server {

/// Whether a command signs tokens, and its operator must know that SECRET_KEY was made up.
enum class SecretKey { unused, signs };

/// Reads the settings of this process; its warnings are those that matter to the command, and are not told yet.
/// @throws Failure bad_settings; unavailable if Vault cannot be asked
LoadedSettings load_process_settings(const CommonOptions& common, SecretKey key);

/// The same, and says on standard error what an operator should know about them.
LoadedSettings read_settings(const CommonOptions& common, SecretKey key = SecretKey::unused);

/// What is wrong, as lines for an operator, each with `where` in front.
std::string explained(const Error& error, const std::string& where = "");

/// Address, threads and limits of the front as the settings have them.
http1::Http1Options http_options(const Settings& settings);

/// What a database is opened for: a command logs what goes wrong, a service all that the settings ask for.
enum class Purpose { command, service };

/// The log that the settings ask for, on standard error.
std::shared_ptr<LogSink> open_log(const Settings& settings, Purpose purpose);

/// Who takes the mails: the server that the settings name; null if they name none.
/// @throws Failure bad_settings
std::shared_ptr<Mailer> open_mailer(const Settings& settings, std::shared_ptr<const Clock> clock);

/// The backends that the settings name, with that log or, if it is null, the one they ask for.
/// @throws Failure unavailable, bad_settings
Backends open_backends(const Settings& settings, Purpose purpose, std::shared_ptr<LogSink> log = nullptr);

/// @throws Failure unavailable if the settings name a database file that is not there.
void require_database(const Settings& settings);
void require_database(const std::string& path);

/// The database as an operator knows it: a file, `memory`.
std::string name_of_database(const Settings& settings);

/// A school for one command. Makes no first admin.
std::unique_ptr<Lms> open_school(Settings settings);

/// `http://127.0.0.1:8000`
std::string address_of(const Settings& settings, std::int64_t port);

/// Tells an operator on standard error that and how a command gets on.
void say(const std::string& text);
void warn(const std::string& text);

}  // namespace lms::server
