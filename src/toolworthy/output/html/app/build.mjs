// Bundles src/ into ../built: page.js, page.css, and the licences of the libraries that are inside.
import { build } from "esbuild";
import { existsSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

const built = await build({
  entryPoints: [{ in: "src/main.tsx", out: "page" }, { in: "src/page.css", out: "page" }],
  bundle: true,
  minify: true,
  format: "iife",
  target: "es2022",
  outdir: "../built",
  legalComments: "none",
  alias: { react: "preact/compat", "react-dom": "preact/compat" },
  jsx: "automatic",
  jsxImportSource: "preact",
  define: { "process.env.NODE_ENV": '"production"' },
  metafile: true,
  logLevel: "info",
});

const packages = new Set();
for (const input of Object.keys(built.metafile.inputs)) {
  if (!input.includes("node_modules/")) continue;
  let folder = dirname(input);
  while (!existsSync(join(folder, "package.json")) || !JSON.parse(readFileSync(join(folder, "package.json"))).version)
    folder = dirname(folder);
  packages.add(folder);
}
const licences = [...packages].sort().map((folder) => {
  const { name, version, license } = JSON.parse(readFileSync(join(folder, "package.json")));
  const file = readdirSync(folder).find((entry) => /^licen[cs]e/i.test(entry));
  const text = file ? readFileSync(join(folder, file), "utf8").trim() : "";
  return `${name} ${version} (${license})\n\n${text}\n`;
});
writeFileSync("../built/LICENCES.txt", licences.join(`\n${"-".repeat(78)}\n\n`));
