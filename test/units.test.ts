import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { expect, test } from "vitest";
import { packageRoot } from "../src/core/index.js";

/** Words of physical quantities: a numeric field with one of them needs a unit at the end of its name. */
const quantity =
  /area|energy|power|leakage|delay|slew|setup|hold|period|frequency|clock|time|latency|capacitance|load|voltage|supply|length|slope/i;

/** Units that names end with, alone or before `Per…`. */
const unit =
  /(Um2|Mm2|Um|Nm|V|Ps|Ns|Us|Ms|Seconds|Pj|Uj|Nw|Mw|W|Ff|Pf|Mhz|Hz|Kb|Bytes|Bits|Cycles|Tops|fF|nW|ps|pJ)(Per[A-Z]\w*)?$/;

/** Endings of pure numbers: counts, factors, shares and ratios. */
const dimensionless =
  /(Ratio|Factor|Shares?|Spread|Scaling|Toggles|Loads|Gates|Count|Exponent|Index|Shape|Fanout|FanOut|Edges|PerWatt|PerMm2)$/;

/** Fields whose unit is stated by the type that they are in. */
const exceptions: ReadonlyMap<string, string> = new Map([
  ["cost/scaling.ts area", "a factor from one node to another"],
  ["cost/scaling.ts energy", "a factor from one node to another"],
  ["cost/scaling.ts delay", "a factor from one node to another"],
  ["cost/scaling.ts leakage", "a factor from one node to another"],
  ["cost/liberty.ts slews", "of a file, in the file's own units"],
  ["cost/liberty.ts loads", "of a file, in the file's own units"],
  ["cost/structural/parts.ts clock", "a part of a record whose name has the unit (energyPj.clock)"],
  ["cost/structural/parts.ts leakage", "a part of a record whose name has the unit (energyPj.leakage)"],
  ["cost/accelerator/parts/modules.ts latency", "pipeline stages, a count"],
]);

const source = join(packageRoot, "src");
const files = ["cost", "explore"].flatMap((room) => {
  try {
    return readdirSync(join(source, room), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && /(?<!\.test)\.ts$/.test(entry.name))
      .map((entry) => join(entry.parentPath, entry.name));
  } catch {
    return [];
  }
});

const isBare = (name: string): boolean =>
  quantity.test(name) && !unit.test(name) && !dimensionless.test(name);

test("the rule tells names with a unit from bare ones", () => {
  expect(["area", "readEnergy", "delay", "clockRate", "supply"].filter(isBare)).toHaveLength(5);
  expect(
    ["areaUm2", "readPj", "delayPs", "clockMhz", "energyPjPerAccessedBit", "areaSpread"].filter(isBare),
  ).toEqual([]);
});

test("every numeric field of costs that is a physical quantity has its unit in its name", () => {
  const bare: string[] = [];
  let fields = 0;
  const field =
    /^\s*(?:readonly )?(\w+)\??: (?:number|Range|readonly number\[\]|amount\b.*)(?: \| (?:null|undefined))?[;,]/gm;
  for (const file of files) {
    const place = relative(source, file).replaceAll("\\", "/");
    for (const [, name = ""] of readFileSync(file, "utf8").matchAll(field)) {
      fields++;
      if (isBare(name) && !exceptions.has(`${place} ${name}`)) bare.push(`${place} ${name}`);
    }
  }
  expect(fields).toBeGreaterThan(200);
  expect(bare).toEqual([]);
});
