#!/usr/bin/env node
// @ts-check
// Prepares a fresh clone: installs the locked dependencies and builds dist/ when they are missing or stale.
// `npm start`, `npm test` and `npm run bench` all begin here, because install scripts are switched off in .npmrc.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(fileURLToPath(import.meta.url));
const installStamp = join(root, "node_modules", ".fixynn-lock-sha256");
const buildStamp = join(root, "dist", ".source-sha256");

const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
const supported = (major === 20 && minor >= 19) || (major === 22 && minor >= 12) || major > 22;
if (!supported) {
  console.error(`fixynn needs Node ^20.19 or >=22.12; this is ${process.version}`);
  process.exit(2);
}

/**
 * List the files below a folder, sorted, so that their hash is stable.
 * @param {string} folder
 * @returns {string[]}
 */
function filesBelow(folder) {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}

/**
 * Hash files by name and content.
 * @param {string[]} files
 * @returns {string}
 */
function hashFiles(files) {
  const hash = createHash("sha256");
  for (const file of files)
    hash.update(relative(root, file)).update("\0").update(readFileSync(file)).update("\0");
  return hash.digest("hex");
}

/**
 * Run a command in the project folder; stop with its exit code when it fails.
 * @param {string} command
 * @param {string[]} args
 */
function run(command, args) {
  const result = spawnSync(command, args, {
    cwd: root,
    stdio: "inherit",
    shell: process.platform === "win32",
  });
  if (result.error) console.error(`${command}: ${result.error.message}`);
  if (result.status !== 0) process.exit(result.status ?? 1);
}

/** @param {string} stamp */
const stampOf = (stamp) => (existsSync(stamp) ? readFileSync(stamp, "utf8") : "");

const lock = hashFiles([join(root, "package-lock.json")]);
if (stampOf(installStamp) !== lock) {
  console.log("fixynn: installing dependencies (once; about 0.9 GB, most of it Yosys and ONNX Runtime)");
  run("npm", ["ci", "--no-progress"]);
  writeFileSync(installStamp, lock);
}

const isBuilt = (/** @type {string} */ file) => !file.endsWith(".test.ts");
const sources = ["src", "bench", "reproduce", "web"]
  .flatMap((folder) => filesBelow(join(root, folder)))
  .filter(isBuilt);
const sourceHash = hashFiles([
  ...sources,
  join(root, "tsconfig.json"),
  join(root, "tsconfig.build.json"),
  join(root, "tsconfig.web.json"),
  join(root, "package.json"),
]);
if (process.argv.includes("--build") || stampOf(buildStamp) !== sourceHash) {
  console.log("fixynn: building");
  rmSync(join(root, "dist"), { recursive: true, force: true });
  const bin = join(root, "node_modules", ".bin");
  run(join(bin, "tsc"), ["-p", "tsconfig.build.json"]);
  run(join(bin, "tsc"), ["-p", "tsconfig.web.json"]);
  // `npx fixynn` runs this file itself.
  chmodSync(join(root, "dist", "src", "cli", "main.js"), 0o755);
  mkdirSync(join(root, "dist", "kernels"), { recursive: true });
  for (const kernel of readdirSync(join(root, "src", "kernels")).filter((name) => name.endsWith(".ts"))) {
    const wasm = join("dist", "kernels", kernel.replace(/\.ts$/, ".wasm"));
    run(join(bin, "asc"), [
      join("src", "kernels", kernel),
      "-o",
      wasm,
      "-O3",
      "--noAssert",
      "--runtime",
      "stub",
      "--enable",
      "simd",
    ]);
  }
  writeFileSync(buildStamp, sourceHash);
}
