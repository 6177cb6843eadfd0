#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <memory>
#include <string>

#include "commands.hpp"
#include "failure.hpp"
#include "setup.hpp"

namespace lms::server {

namespace {

std::string read_all(const std::string& file) {
  if (file == "-") return {std::istreambuf_iterator<char>(std::cin), {}};
  std::ifstream in(file, std::ios::binary);
  std::string text{std::istreambuf_iterator<char>(in), {}};
  if (!in.is_open() || in.bad() || std::filesystem::is_directory(file))
    throw Failure(ExitCode::no_input, file + " cannot be read: " + std::strerror(in.is_open() ? EISDIR : errno));
  return text;
}

/// All or nothing: whoever reads the file sees a whole one.
void write_all(const std::string& file, const std::string& text) {
  if (file == "-") {
    std::fwrite(text.data(), 1, text.size(), stdout);
    return;
  }
  const std::string part = file + ".part";
  std::ofstream out(part, std::ios::binary | std::ios::trunc);
  out << text;
  out.close();
  std::error_code error;
  if (out) std::filesystem::rename(part, file, error);
  if (!out || error) {
    const int cause = error ? error.value() : errno;
    std::filesystem::remove(part, error);
    throw Failure(ExitCode::cannot_create, file + " cannot be written: " + std::strerror(cause));
  }
}

Principal owner(Lms& school, const std::optional<std::string>& email) {
  if (!email) return Principal::system();
  const auto user = school.users().find_by_email(Principal::system(), *email);
  if (!user) throw Failure(ExitCode::failure, "Nobody here has the address " + *email + ".");
  return {user->id, user->role, std::make_shared<const Roles>()};
}

Course import_package(Lms& school, const Principal& who, const std::string& text) {
  try {
    return school.packages().import_package(who, parse_json(text));
  } catch (const Error& error) {
    if (error.code() != ErrorCode::invalid) throw;
    throw Failure(ExitCode::bad_input, explained(error));
  }
}

}  // namespace

void import_course(const CommonOptions& common, const ImportOptions& options) {
  const std::string text = read_all(options.file);
  CommandSchool school(common);
  const Principal who = owner(*school, options.instructor);
  const Course course = import_package(*school, who, text);
  std::printf("%s  %s\n", course.id.text().c_str(), course.slug.c_str());
  if (!options.publish) return;
  try {
    school->courses().publish(who, course.id);
  } catch (const Error& error) {
    throw Failure(ExitCode::failure, course.slug + " is in as a draft, but was not published: " + error.what());
  }
}

void export_course(const CommonOptions& common, const ExportOptions& options) {
  require_database(read_settings(common).settings);
  CommandSchool school(common);
  const Value package = school->packages().export_package(Principal::system(), options.course);
  write_all(options.file, to_json(package, 2) + "\n");
}

}  // namespace lms::server
