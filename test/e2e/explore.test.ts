import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { packageRoot } from "../../src/core/index.js";
import { parseExploreResults } from "../../src/report/index.js";

const folder = mkdtempSync(join(tmpdir(), "fixynn-explore-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const main = join(packageRoot, "dist", "src", "cli", "main.js");

function explore(...args: readonly string[]) {
  const env = { ...process.env, FIXYNN_CACHE: join(folder, "cache") };
  return spawnSync(process.execPath, [main, "explore", ...args], { env, cwd: folder, encoding: "utf8" });
}

const small = [
  "--folding",
  "auto",
  "auto:4",
  "--requantization",
  "own",
  "--period",
  "5",
  "--freeze",
  "conv1",
  "conv_pw_1",
];

test("explore without a run takes the default backbone, and answers within an area", () => {
  const { stdout, stderr, status } = explore(...small, "--max-area", "0.5");
  expect(stderr.split("\n").filter((line) => line.startsWith("fixynn:"))).toEqual([]);
  expect(status).toBe(0);
  expect(stdout).toContain("The deepest freeze within bounds");
  expect(stdout).toContain("conv_pw_1, auto");
  const out = join(folder, "runs", "explore");
  for (const name of ["explore.html", "explore.md", "explore.csv", "explore-pareto.svg", "explore-area.svg"])
    expect(existsSync(join(out, name))).toBe(true);
  const results = parseExploreResults(JSON.parse(readFileSync(join(out, "explore.json"), "utf8")));
  expect(results.answers[0]).toMatchObject({ isFound: true, freezePoint: "conv_pw_1" });
  expect(results.cache.found).toBe(0);

  const again = JSON.parse(explore(...small, "--json").stdout) as { cache: { computed: number } };
  expect(again.cache.computed).toBe(0);
}, 600_000);

test("explore says in one line what is wrong", () => {
  const wrong = join(folder, "wrong.json");
  writeFileSync(wrong, "{");
  const lines = (...args: readonly string[]): string => {
    const { stderr, status } = explore(...args);
    expect(status).toBe(2);
    return stderr
      .split("\n")
      .filter((line) => line.startsWith("fixynn:"))
      .join();
  };
  expect(lines("nowhere")).toMatch(/FX7094 nowhere: no such run/);
  expect(lines(folder)).toMatch(/FX7094 .*cannot read the run/);
  expect(lines(wrong)).toMatch(/FX8003/);
  expect(lines("--folding", "sideways")).toMatch(/FX7092 sideways: no folding/);
  expect(lines("--clock", "2")).toMatch(/FX7092/);
  expect(lines("--freeze", "conv_pw_99")).toMatch(/FX7093 .*conv_pw_99.*possible/);
}, 300_000);
