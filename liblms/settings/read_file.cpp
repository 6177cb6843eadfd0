#include <cerrno>
#include <cstdio>
#include <memory>
#include <string>
#include <system_error>

#include <lms/settings.hpp>

namespace lms {

std::string read_start_of_file(const std::string& path, std::size_t most) {
  const auto fail = [] { throw std::system_error(errno, std::generic_category()); };
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "rbe"), &std::fclose);
  if (!file) fail();
  std::setvbuf(file.get(), nullptr, _IONBF, 0);  // no copy of a secret stays in a buffer
  std::string text(most, '\0');
  text.resize(std::fread(text.data(), 1, text.size(), file.get()));
  if (std::ferror(file.get()) != 0) fail();
  return text;
}

}  // namespace lms
