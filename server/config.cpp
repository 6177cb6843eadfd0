#include <algorithm>
#include <cstdio>

#include "commands.hpp"
#include "setup.hpp"
#include "text_file.hpp"

namespace lms::server {

namespace {

void print_effective(const LoadedSettings& loaded) {
  std::size_t width = 0;
  for (const EffectiveSetting& setting : loaded.effective)
    width = std::max(width, setting.name.size() + 1 + setting.value.size());
  width = std::min<std::size_t>(width, 60);
  for (const EffectiveSetting& setting : loaded.effective)
    std::printf("%-*s  # %s\n", static_cast<int>(width), (setting.name + "=" + setting.value).c_str(),
                std::string(name_of(setting.source)).c_str());
}

}  // namespace

void print_config(const CommonOptions& common, const ConfigOptions& options) {
  if (options.markdown)
    write_text_file("-", settings_markdown());
  else if (options.example)
    write_text_file("-", settings_example());
  else
    print_effective(read_settings(common, SecretKey::signs));
}

void print_openapi(const CommonOptions& common) {
  const Settings settings = read_settings(common).settings;
  const Lms school(settings);
  write_text_file("-", school.openapi(2) + "\n");
}

}  // namespace lms::server
