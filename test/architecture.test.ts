import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve, sep } from "node:path";
import { describe, expect, test } from "vitest";
import { packageRoot } from "../src/core/index.js";

/** Which rooms each room may import, directly; DESIGN section 3. What these import is allowed as well. */
const IMPORTS: Readonly<Record<string, readonly string[]>> = {
  core: [],
  tensor: ["core"],
  graph: ["tensor"],
  importers: ["graph", "quant"],
  data: ["tensor"],
  train: ["graph", "data"],
  quant: ["graph", "data"],
  transfer: ["train", "quant"],
  arith: ["core"],
  hw: ["quant", "arith"],
  accel: ["quant", "hw"],
  sim: ["hw"],
  cost: ["hw", "accel", "sim"],
  explore: ["cost", "train"],
  report: ["core"],
  flow: [
    "importers",
    "data",
    "train",
    "quant",
    "transfer",
    "arith",
    "hw",
    "accel",
    "sim",
    "cost",
    "explore",
    "report",
  ],
  cli: ["flow"],
  server: ["flow"],
};

const source = join(packageRoot, "src");

/** All rooms that a room may import, transitively. */
function allowed(room: string): ReadonlySet<string> {
  const result = new Set([room]);
  for (const name of result) for (const next of IMPORTS[name] ?? []) result.add(next);
  return result;
}

const files = readdirSync(source, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile() && entry.name.endsWith(".ts"))
  .map((entry) => join(entry.parentPath, entry.name))
  .filter((file) => !relative(source, file).startsWith(`kernels${sep}`));

/** The relative imports of a file, as absolute paths. */
function importsOf(file: string): string[] {
  const text = readFileSync(file, "utf8");
  const specifiers = [...text.matchAll(/(?:from|import)\s*\(?\s*"(\.[^"]+)"/g)].map((match) => match[1]!);
  return specifiers.map((specifier) => resolve(dirname(file), specifier));
}

const roomOf = (path: string): string => relative(source, path).split(sep)[0] ?? "";

describe("architecture", () => {
  test("every room is known", () => {
    const rooms = new Set(files.map(roomOf).filter((name) => !name.endsWith(".ts")));
    expect([...rooms].filter((name) => IMPORTS[name] === undefined)).toEqual([]);
  });

  test("rooms import only the rooms before them", () => {
    const violations: string[] = [];
    for (const file of files) {
      const room = roomOf(file);
      if (room.endsWith(".ts")) continue;
      const may = allowed(room);
      for (const target of importsOf(file)) {
        const inSource = !relative(source, target).startsWith("..");
        const isTestHelper = !inSource && file.endsWith(".test.ts");
        if (isTestHelper || (inSource && may.has(roomOf(target)))) continue;
        // A test may judge its room by a later one (the simulator judges the hardware, say).
        if (file.endsWith(".test.ts")) continue;
        violations.push(`${relative(source, file)} imports ${relative(source, target)}`);
      }
    }
    expect(violations).toEqual([]);
  });

  test("another room is imported through its index only", () => {
    const violations: string[] = [];
    for (const file of files.filter((name) => !name.endsWith(".test.ts"))) {
      for (const target of importsOf(file)) {
        const foreign = roomOf(target) !== roomOf(file) && !roomOf(file).endsWith(".ts");
        if (foreign && !/[\\/]index\.js$/.test(target)) {
          violations.push(`${relative(source, file)} imports ${relative(source, target)}`);
        }
      }
    }
    expect(violations).toEqual([]);
  });

  test("dependencies are pinned to exact versions", () => {
    const manifest = JSON.parse(readFileSync(join(packageRoot, "package.json"), "utf8")) as Record<
      string,
      unknown
    >;
    for (const field of ["dependencies", "devDependencies"]) {
      for (const [name, version] of Object.entries(manifest[field] as Record<string, string>)) {
        expect(`${name}@${version}`).toMatch(/@\d+\.\d+\.\d+$/);
      }
    }
    expect(manifest["engines"]).toEqual({ node: "^20.19 || >=22.12" });
  });
});
