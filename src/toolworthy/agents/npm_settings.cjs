// Prints what the user's npm is set to: registries with their credentials, proxy, certificate authorities, as JSON.
// Runs on the host, under the npm that we bring, whose own code reads .npmrc and the environment. Argument: npm's folder.
"use strict";
const path = require("node:path");
const npmPath = process.argv[2];
const inside = (name) => require(path.join(npmPath, "node_modules", "@npmcli", "config", name));
const Config = inside("lib/index.js");
const { definitions, flatten, shorthands } = inside("lib/definitions");

async function main() {
  const config = new Config({ npmPath, definitions, flatten, shorthands, argv: [], warn: false });
  await config.load();
  const flat = config.flat;
  const registry = (url) => {
    const found = config.getCredentialsByURI(url);
    const authorization = found.token ? `Bearer ${found.token}` : found.auth ? `Basic ${found.auth}` : "";
    return { url, authorization };
  };
  const registries = { "": registry(config.get("registry")) };
  for (const [name, url] of Object.entries(flat)) {
    const scope = /^(@.+):registry$/.exec(name);
    if (scope) registries[scope[1]] = registry(url);
  }
  const proxy = flat.httpsProxy || flat.proxy || "";
  const standard = String(definitions.registry.default);
  console.log(JSON.stringify({ registries, standard, proxy: String(proxy), ca: [flat.ca ?? []].flat(), strict: flat.strictSSL !== false }));
}

main().catch((error) => {
  console.error(error.message);
  process.exitCode = 1;
});
