#include <cstdio>
#include <iostream>
#include <string>

#include <termios.h>
#include <unistd.h>

#include "commands.hpp"
#include "failure.hpp"
#include "setup.hpp"

namespace lms::server {

namespace {

/// A terminal that does not show what is typed.
class SilentTerminal {
 public:
  SilentTerminal() {
    tcgetattr(STDIN_FILENO, &before_);
    termios silent = before_;
    silent.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent);
  }
  ~SilentTerminal() { tcsetattr(STDIN_FILENO, TCSAFLUSH, &before_); }
  SilentTerminal(const SilentTerminal&) = delete;
  SilentTerminal& operator=(const SilentTerminal&) = delete;

 private:
  termios before_{};
};

std::string read_line() {
  std::string line;
  if (!std::getline(std::cin, line)) throw Failure(ExitCode::usage, "No password was given.");
  if (!line.empty() && line.back() == '\r') line.pop_back();
  return line;
}

std::string ask(const char* question) {
  const SilentTerminal silent;  // first: it drops what was typed before
  std::fputs(question, stderr);
  std::string answer = read_line();
  std::fputc('\n', stderr);
  return answer;
}

std::string password(bool from_stdin) {
  if (from_stdin) return read_line();
  if (isatty(STDIN_FILENO) == 0)
    throw Failure(ExitCode::usage, "There is no terminal to ask for the password on; give it with --password-stdin.");
  std::string first = ask("Password: ");
  if (first != ask("Once more: ")) throw Failure(ExitCode::failure, "The two are not the same.");
  return first;
}

}  // namespace

void create_admin(const CommonOptions& common, const CreateAdminOptions& options) {
  const LoadedSettings loaded = read_settings(common);
  const auto account = parse<NewUser>(Object{{"email", options.email},
                                             {"password", password(options.password_stdin)},
                                             {"full_name", options.name},
                                             {"role", role::admin}});
  const auto school = open_school(loaded.settings);
  const User admin = school->users().create(Principal::system(), account);
  std::printf("%s  %s\n", admin.id.text().c_str(), admin.email.c_str());
}

}  // namespace lms::server
