import { readFileSync } from "node:fs";
import { parseResults, type SweepEntry } from "../src/report/index.js";

/** What the default job must show, beyond its schema; used by CI. */
const MIN_FREEZE_POINTS = 5;
const MIN_DESIGNS = 2;
const MIN_RTL_IMAGES = 32;
const MIN_INT8_IMAGES = 2000;
const MIN_HARDWARE_IMAGES = 128;
const MIN_SYSTEM_IMAGES = 4;
const MAX_CYCLE_MODEL_ERROR = 0.05;
const MIN_UNFROZEN_ACCURACY = 0.75;
const MAX_INT8_LOSS = 0.01;

const [file] = process.argv.slice(2);
if (file === undefined) {
  console.error("usage: node dist/bench/check-default-job.js RESULTS.JSON");
  process.exit(2);
}
const results = parseResults(JSON.parse(readFileSync(file, "utf8")), file);
const failures: string[] = [];
const demand = (condition: boolean, what: string): void => {
  if (!condition) failures.push(what);
};

function checkSystem({ freezePoint, system }: SweepEntry): void {
  const at = `${freezePoint.layer}, whole chip`;
  demand(system !== undefined, `${at}: not simulated`);
  if (system === undefined) return;
  for (const { simulator, outcome } of system.judges ?? [])
    demand(outcome !== "different", `${at}: ${simulator} says ${outcome}`);
  demand(system.mismatches === 0, `${at}: ${system.mismatches} mismatches`);
  for (const {
    dataset,
    images,
    values,
    cyclesPerFrame,
    predictedCyclesPerFrame,
    switching,
  } of system.tasks) {
    demand(images >= MIN_SYSTEM_IMAGES && values > images, `${at}, ${dataset}: ${images} images only`);
    const error = Math.abs(predictedCyclesPerFrame / cyclesPerFrame - 1);
    demand(error <= MAX_CYCLE_MODEL_ERROR, `${at}, ${dataset}: the cycle model is off by ${error}`);
    demand(switching.registerWrites === 1, `${at}, ${dataset}: ${switching.registerWrites} writes to switch`);
  }
}

function checkDesign({ freezePoint, rtl, datasets = [], cost, layers = [] }: SweepEntry): void {
  const at = freezePoint.layer;
  const verified = rtl?.verified;
  demand(verified !== undefined, `${at}: not verified`);
  demand(verified?.mismatches === 0, `${at}: ${verified?.mismatches} mismatches`);
  demand((verified?.images ?? 0) >= MIN_RTL_IMAGES, `${at}: verified on ${verified?.images} images only`);
  demand(cost !== undefined && cost.areaMm2.total > 0 && cost.energyPerFrameUj > 0, `${at}: no cost`);
  demand(cost?.front?.tier === "simulated", `${at}: energy is ${cost?.front?.tier}`);
  const range = cost?.energyPerFrameRangeUj;
  demand(range !== undefined && range.low < range.nominal && range.nominal < range.high, `${at}: no range`);
  for (const { name, frozen, glitchFactor } of layers)
    demand(!frozen || glitchFactor !== undefined, `${at}: ${name} was not simulated with delays`);
  for (const { name, accuracy } of datasets) {
    const images = accuracy.hardware?.images ?? 0;
    demand(images >= MIN_HARDWARE_IMAGES, `${at}, ${name}: hardware on ${images} images only`);
  }
}

function checkEntry({ freezePoint, datasets = [] }: SweepEntry): void {
  const at = freezePoint.layer;
  demand(datasets.length > 0, `${at}: no datasets`);
  for (const { name, accuracy } of datasets) {
    const { unfrozen, float, int8 } = accuracy;
    const row = `${at}, ${name}`;
    demand((unfrozen?.value ?? 0) >= MIN_UNFROZEN_ACCURACY, `${row}: unfrozen accuracy ${unfrozen?.value}`);
    demand((int8?.images ?? 0) >= MIN_INT8_IMAGES, `${row}: int8 on ${int8?.images} images only`);
    const loss = (float?.value ?? 1) - (int8?.value ?? 0);
    demand(loss <= MAX_INT8_LOSS, `${row}: int8 loses ${(100 * loss).toFixed(2)} points`);
  }
}

const sweep = results.sweep ?? [];
demand(sweep.length >= MIN_FREEZE_POINTS, `${sweep.length} freeze points`);
const designs = sweep.filter(({ rtl }) => rtl !== undefined);
demand(designs.length >= MIN_DESIGNS, `${designs.length} designs`);
const deepest = Math.max(0, ...designs.map(({ freezePoint }) => freezePoint.frozenMacs));
demand(2 * deepest >= (results.backbone?.macs ?? Number.POSITIVE_INFINITY), "no design has half of the MACs");
for (const entry of sweep) checkEntry(entry);
for (const entry of designs) {
  checkDesign(entry);
  checkSystem(entry);
}
for (const failure of failures) console.error(`results.json: ${failure}`);
console.log(
  `${file}: ${failures.length === 0 ? "as the default job must be" : `${failures.length} failures`}`,
);
process.exitCode = failures.length === 0 ? 0 : 1;
