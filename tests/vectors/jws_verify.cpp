#include <iostream>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <lms/error.hpp>
#include <lms/schema.hpp>
#include <lms/value.hpp>

#include "auth/jws.hpp"
#include "base/encoding.hpp"
#include "base/signing_key.hpp"

/// jws-verify   Answers each line of standard input with one line: `valid` and the payload in base64url, or `invalid`
/// and why. A line is a JSON object, either
///   {"keys": [{"kid": …, "pem": …}, {"kid": …, "secret": base64url}], "jws": …}   a signature in its compact form, or
///   {"pem": …, "message": base64url, "signature": base64url}                      a bare one.
/// It verifies with what the library verifies tokens with, and nothing besides.
namespace {

using namespace lms;

std::string bytes_of(const Value& text) {
  if (auto bytes = from_base64url(text.as_string())) return *std::move(bytes);
  throw invalid({}, "no base64url", "value_error.base64url");
}

JwsKey key_of(const Value& given) {
  const std::string& kid = given["kid"].as_string();
  if (given["secret"].is_string()) return JwsKey::hs256(bytes_of(given["secret"]), "secret", kid);
  return {read_keys("pem", given["pem"].as_string()).at(0), kid};
}

std::string verdict(const Value& test) {
  if (test["pem"].is_string()) {
    const SigningKey key = read_keys("pem", test["pem"].as_string()).at(0);
    return key.verify(bytes_of(test["message"]), bytes_of(test["signature"])) ? "valid" : "invalid signature";
  }
  std::vector<JwsKey> keys;
  for (const Value& given : test["keys"].as_array()) keys.push_back(key_of(given));
  const auto opened = JwsKeyRing(std::move(keys)).open(test["jws"].as_string());
  if (const auto* fault = std::get_if<TokenFault>(&opened)) return "invalid " + std::string(name_of(*fault));
  return "valid " + to_base64url(std::get<std::string>(opened));
}

}  // namespace

int main() {
  std::string line;
  while (std::getline(std::cin, line)) {
    try {
      std::cout << verdict(parse_json(line)) << '\n';
    } catch (const Error& error) {
      std::cout << "invalid key: " << error.what() << '\n';
    }
  }
  return 0;
}
