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

std::string read_package_text(const std::string& file) {
  try {
    return read_text_file(file);
  } catch (const std::system_error& error) {
    throw Failure(ExitCode::no_input, file + " cannot be read: " + error.code().message());
  }
}

Principal owner(Lms& school, const std::optional<std::string>& email) {
  if (!email) return Principal::system();
  const auto user = school.users().find_by_email(Principal::system(), *email);
  if (!user) throw Failure(ExitCode::failure, "Nobody here has the address " + *email + ".");
  return {user->id, user->role, std::make_shared<const Roles>()};
}

std::string name_of_file(const std::string& file) {
  return file == "-" ? "standard input" : file;
}

/// A malformed text's fault says line and column; its place, an offset, would say less.
Value parse_package(const std::string& file, const std::string& text) {
  try {
    return parse_json(text);
  } catch (const Error& error) {
    throw Failure(ExitCode::bad_input, name_of_file(file) + ": " + error.faults().front().message);
  }
}

Value read_package(const ImportOptions& options) {
  Value package = parse_package(options.file, read_package_text(options.file));
  if (options.slug && package["course"].is_object()) {
    Object course = package["course"].as_object();
    course.set("slug", *options.slug);
    package.as_object().set("course", std::move(course));
  }
  return package;
}

Course import_package(Lms& school, const Principal& who, const ImportOptions& options, const Value& package) {
  try {
    return school.packages().import_package(who, package);
  } catch (const Error& error) {
    if (error.code() == ErrorCode::invalid)
      throw Failure(ExitCode::bad_input, explained(error, name_of_file(options.file) + ": "));
    if (error.reason() == "slug_taken")
      throw Failure(ExitCode::failure, std::string(error.what()) + " Import it under another with --slug.");
    throw;
  }
}

}  // namespace

void import_course(const CommonOptions& common, const ImportOptions& options) {
  const Value package = read_package(options);
  const auto school = open_school(read_settings(common).settings);
  const Principal who = owner(*school, options.instructor);
  const Course course = import_package(*school, who, options, package);
  std::printf("%s  %s\n", course.id.text().c_str(), course.slug.c_str());
  if (!options.publish) return;
  try {
    school->courses().publish(who, course.id);
  } catch (const Error& error) {
    throw Failure(ExitCode::failure, course.slug + " is in as a draft, but was not published: " + error.what());
  }
}

void export_course(const CommonOptions& common, const ExportOptions& options) {
  std::error_code unknown;  // told when it is written
  if (!options.force && options.file != "-" && std::filesystem::is_regular_file(options.file, unknown))
    throw Failure(ExitCode::cannot_create, options.file + " exists; --force overwrites it.");
  const Settings settings = read_settings(common).settings;
  require_database(settings);
  const auto school = open_school(settings);
  const Value package = school->packages().export_package(Principal::system(), options.course);
  try {
    write_text_file(options.file, to_json(package, 2) + "\n");
  } catch (const std::system_error& error) {
    throw Failure(ExitCode::cannot_create, options.file + " cannot be written: " + error.code().message());
  }
}

}  // namespace lms::server
