#include "text_file.hpp"

#include <array>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <system_error>

#include <sys/stat.h>
#include <unistd.h>

namespace lms::server {

namespace {

using File = std::unique_ptr<std::FILE, int (*)(std::FILE*)>;

[[noreturn]] void fail() {
  throw std::system_error(errno, std::generic_category());
}

File open(const std::string& path, const char* mode) {
  File file(std::fopen(path.c_str(), mode), &std::fclose);
  if (!file) fail();
  return file;
}

std::string read_all(std::FILE* file) {
  std::string text;
  std::array<char, 64 * 1024> buffer;
  while (const std::size_t size = std::fread(buffer.data(), 1, buffer.size(), file)) text.append(buffer.data(), size);
  if (std::ferror(file) != 0) fail();
  return text;
}

void write_all(std::FILE* file, const std::string& text) {
  if (std::fwrite(text.data(), 1, text.size(), file) != text.size() || std::fflush(file) != 0) fail();
}

}  // namespace

std::string read_text_file(const std::string& path) {
  return read_all(path == "-" ? stdin : open(path, "rb").get());
}

void write_text_file(const std::string& path, const std::string& text, Readers readers) {
  if (path == "-") return write_all(stdout, text);
  if (std::filesystem::is_other(path)) return write_all(open(path, "wb").get(), text);
  const std::string part = path + '.' + std::to_string(getpid()) + ".part";
  try {
    const File file = open(part, "wbx");
    if (readers == Readers::owner && fchmod(fileno(file.get()), S_IRUSR | S_IWUSR) != 0) fail();
    write_all(file.get(), text);
    if (fsync(fileno(file.get())) != 0) fail();
    std::filesystem::rename(part, path);
  } catch (const std::system_error&) {
    std::error_code ignored;
    std::filesystem::remove(part, ignored);
    throw;
  }
}

}  // namespace lms::server
