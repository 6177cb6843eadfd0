#include <lms/error.hpp>
#include <lms/settings.hpp>
#include <lms/testing/seeded_random.hpp>

#include "fuzz/target.hpp"

using namespace lms;

/// A `.env` of any bytes gives settings or faults, and the faults never show a secret.
int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static testing::SeededRandom random;
  const std::string_view text = fuzz::text_of(data, size);
  const std::string secret = "Hunter2Hunter2Hunter2";
  const std::string dotenv = "SECRET_KEY=" + secret + "\n" + std::string(text);
  for (const std::string_view file : {std::string_view(text), std::string_view(dotenv)}) {
    try {
      SettingSources sources{.dotenv = std::string(file)};
      sources.ask_vault = [](const Settings&) -> EnvironmentVariables { throw unavailable("host_unreachable", "no"); };
      sources.read_file = [&](const std::string&, std::size_t most) { return secret.substr(0, most); };
      const LoadedSettings loaded = load_settings(sources, random);
      for (const EffectiveSetting& setting : loaded.effective)
        fuzz::promise(setting.value.find(secret) == std::string::npos || text.find(secret) != std::string_view::npos,
                      "a secret is not shown");
    } catch (const Error& error) {
      fuzz::promise(!error.faults().empty() || error.code() == ErrorCode::unavailable, "a refusal names its faults");
      for (const Fault& fault : error.faults())
        fuzz::promise(fault.message.find(secret) == std::string::npos || text.find(secret) != std::string_view::npos,
                      "a fault does not show a secret");
    }
  }
  return 0;
}
