#include "auth/key_routes.hpp"

namespace lms {

namespace {

/// For OpenAPI; the members of a key differ by its kind.
struct JsonWebKeySet {
  std::vector<Value> keys;

  static const Schema& schema() {
    static const Schema schema =
        define<JsonWebKeySet>("JsonWebKeySet", "Public keys, as RFC 7517 has them.")
            .field(
                "keys", &JsonWebKeySet::keys,
                {.doc = "The key that signs new tokens, then those that signed earlier ones. Ed25519 keys have `crv` "
                        "and `x` (RFC 8037), RSA keys `n` and `e`; all have `kty`, `alg`, `use` and `kid`, by which "
                        "tokens name their key."});
    return schema;
  }
};

}  // namespace

void add_key_routes(Router& router, const Tokens& tokens) {
  router.add({.method = http::Method::get,
              .path = "/.well-known/jwks.json",
              .operation = "getTokenKeys",
              .tag = "auth",
              .summary = "Public keys that verify access tokens",
              .description =
                  "No key is here while tokens are signed with a secret (`ALGORITHM=HS256`). The same keys sign "
                  "tokens for other purposes, so check that the claim `typ` is `access`. Whoever meets a "
                  "`kid` that is not in a set they have kept should ask again before refusing the token.",
              .allow = Anyone{},
              .weight = Weight::none,
              .output = &JsonWebKeySet::schema(),
              .absolute = true,
              .ignores_token = true,
              .handler = [&](Call&) {
                auto response = json_text_response(200, tokens.jwks());
                response.headers.set("Cache-Control", "public, max-age=900");
                return response;
              }});
}

}  // namespace lms
