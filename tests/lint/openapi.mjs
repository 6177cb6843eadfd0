// Has Redocly, an outside judge, read the OpenAPI document that the server prints, in each format of errors.
//   node openapi.mjs LMS_SERVER      exit 1 if it finds a fault
//   node openapi.mjs --self-test     a faulty document must be noticed
// Skipped (77) where the npm packages are not installed.
import { execFileSync } from "node:child_process";

const { createConfig, lintFromString } = await import("@redocly/openapi-core").then(
  (module) => module.default,
  () => {
    console.log("needs `npm ci` in tests/lint; packaging/install-dependencies.sh --tests does it");
    process.exit(77);
  },
);

async function faultsOf(document) {
  // Our router prefers a fixed segment to a parameter, so `verify/{code}` and `{id}/revoke` do not clash.
  const rules = { "no-ambiguous-paths": "off" };
  const config = await createConfig({ extends: ["recommended-strict"], rules });
  const problems = await lintFromString({ source: document, absoluteRef: "openapi.json", config });
  return problems.map(({ ruleId, message, location }) => `${location[0]?.pointer ?? ""}: ${message} (${ruleId})`);
}

if (process.argv[2] === "--self-test") {
  const faults = await faultsOf(JSON.stringify({ openapi: "3.1.0", info: { title: "A" }, paths: { "/a/{b}": { get: {} } } }));
  if (faults.length === 0) {
    console.log("a faulty document was not noticed");
    process.exit(1);
  }
} else {
  const print = (format) => {
    const env = { ...process.env, ERROR_FORMAT: format };
    return execFileSync(process.argv[2], ["openapi"], { encoding: "utf-8", maxBuffer: 1 << 26, env });
  };
  const faults = [];
  for (const format of ["detail", "flat", "rich"])
    faults.push(...(await faultsOf(print(format))).map((fault) => `${format}: ${fault}`));
  console.log(faults.join("\n") || "the documents are clean");
  process.exit(faults.length ? 1 : 0);
}
