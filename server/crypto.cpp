#include <chrono>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <system_error>

#include <unistd.h>

#include <lms/fernet.hpp>
#include <lms/reencryption.hpp>

#include "commands.hpp"
#include "failure.hpp"
#include "setup.hpp"
#include "text_file.hpp"

namespace lms::server {

namespace {

using namespace std::chrono_literals;
using std::chrono::steady_clock;

/// The keys of this process, for one value.
class Keys {
 public:
  explicit Keys(const Settings& settings) {
    if (settings.encryption_keys.empty())
      throw Failure(
          ExitCode::bad_settings,
          "ENCRYPTION_KEY is not set; make a key with `lms-server crypto generate-key` and keep it apart from "
          "the database.");
    fernet_.emplace(settings.encryption_keys, clock_, random_);
  }

  const Fernet* operator->() const { return &*fernet_; }

 private:
  SystemClock clock_;
  SystemRandom random_;
  std::optional<Fernet> fernet_;
};

/// Standard input without the line break that a shell ends it with.
std::string standard_input() {
  std::string text;
  try {
    text = read_text_file("-");
  } catch (const std::system_error& error) {
    throw Failure(ExitCode::no_input, "standard input cannot be read: " + error.code().message());
  }
  if (text.ends_with("\r\n"))
    text.resize(text.size() - 2);
  else if (text.ends_with('\n'))
    text.pop_back();
  return text;
}

std::string value_of(const CryptoOptions& options) {
  return options.value && *options.value != "-" ? *options.value : standard_input();
}

void print_line(const std::string& text) {
  write_text_file("-", text + "\n");
}

const std::string& require_known(const std::optional<std::string>& result) {
  if (!result) throw Failure(ExitCode::bad_input, "This is no token that a key of ENCRYPTION_KEY has made.");
  return *result;
}

std::string counted(std::size_t number, const std::string& thing) {
  return std::to_string(number) + ' ' + thing + (number == 1 ? "" : "s");
}

std::string described(const Reencryption& done) {
  return counted(done.records, "record") + ", " + counted(done.renewed, "field") + " renewed";
}

/// Tells how it gets on, once it takes long enough to wonder.
class Progress {
 public:
  void operator()(const Schema& schema, const Reencryption& so_far) {
    if (steady_clock::now() < next_) return;
    next_ = steady_clock::now() + 2s;
    say("  " + schema.table() + ": " + described(so_far));
  }

 private:
  steady_clock::time_point next_ = steady_clock::now() + 2s;
};

void rotate_database(const CommonOptions& common) {
  const Settings settings = read_settings(common).settings;
  const Keys keys(settings);  // first: without them nothing is opened
  require_database(settings);
  const auto school = open_school(settings);
  ReencryptionOptions options;
  options.on_progress = Progress();
  options.on_unreadable = [](const Schema& schema, const Value& key, const Field& field) {
    say("  " + schema.table() + ' ' + (key.is_string() ? key.as_string() : to_json(key)) + ": no key decrypts its " +
        field.name);
  };
  const Reencryption done = reencrypt(school->storage(), stored_schemas(), options);
  std::printf("%s: %s.\n", name_of_database(settings).c_str(), described(done).c_str());
  if (done.unreadable > 0)
    throw Failure(ExitCode::failure,
                  counted(done.unreadable, "field") +
                      " could not be decrypted and stay as they are. Add the key they were encrypted "
                      "with to the end of ENCRYPTION_KEY and run this again.");
}

}  // namespace

void generate_key() {
  SystemRandom random;
  print_line(Fernet::generate_key(random));
}

void encrypt_value(const CommonOptions& common, const CryptoOptions& options) {
  const Keys keys(read_settings(common).settings);
  print_line(keys->encrypt(value_of(options)));
}

void decrypt_value(const CommonOptions& common, const CryptoOptions& options) {
  const Keys keys(read_settings(common).settings);
  const auto value = keys->decrypt(value_of(options));
  // A file and a pipe get the very bytes back.
  if (isatty(STDOUT_FILENO) != 0)
    print_line(require_known(value));
  else
    write_text_file("-", require_known(value));
}

void rotate(const CommonOptions& common, const CryptoOptions& options) {
  if (!options.value) return rotate_database(common);
  const Keys keys(read_settings(common).settings);
  print_line(require_known(keys->rotate(value_of(options))));
}

}  // namespace lms::server
