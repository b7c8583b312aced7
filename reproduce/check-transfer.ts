import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseResults, type Results } from "../src/report/index.js";

/** What the transfer page must have, whatever the accuracies; used by CI on the quick form. */
const [out, runs] = process.argv.slice(2);
if (out === undefined || runs === undefined) {
  console.error("usage: node dist/reproduce/check-transfer.js OUT RUNS");
  process.exit(2);
}
const failures: string[] = [];
const demand = (condition: boolean, what: string): void => {
  if (!condition) failures.push(what);
};

function checkSweep(name: string, { sweep = [], backbone }: Results, page: string): void {
  demand(sweep.length >= 2, `${name}: ${sweep.length} freeze points`);
  let before = 0;
  for (const { freezePoint, datasets = [] } of sweep) {
    const at = `${name}, ${freezePoint.layer}`;
    demand(freezePoint.frozenMacs > before && freezePoint.frozenMacs < (backbone?.macs ?? 0), `${at}: MACs`);
    before = freezePoint.frozenMacs;
    demand(datasets.length > 0, `${at}: no datasets`);
    for (const dataset of datasets) {
      const row = `${at}, ${dataset.name}`;
      const { unfrozen, unfrozenInt8, float, int8 } = dataset.accuracy;
      for (const [network, one] of Object.entries({ unfrozen, unfrozenInt8, float, int8 }))
        demand(one !== undefined && one.images > 0, `${row}: no accuracy of ${network}`);
      for (const training of [dataset.training?.unfrozen, dataset.training?.tail])
        demand(
          (training?.trials?.length ?? 0) >= 3,
          `${row}: ${training?.trials?.length} learning rates tried`,
        );
      demand(
        dataset.training?.unfrozen?.imagesSeen === dataset.training?.tail?.imagesSeen,
        `${row}: other numbers of images seen`,
      );
      demand(page.includes(`| ${dataset.name} `), `${row}: not in the page`);
    }
    demand(page.includes(freezePoint.layer), `${at}: not in the page`);
  }
  for (const precision of ["float", "int8"]) {
    const plot = join(out!, `transfer-${name}-${precision}.svg`);
    demand(existsSync(plot) && readFileSync(plot, "utf8").includes("<polyline"), `${plot}: no plot`);
  }
}

const page = readFileSync(join(out, "transfer.md"), "utf8");
for (const name of ["float", "quantized"]) {
  const file = join(runs, name, "results.json");
  checkSweep(name, parseResults(JSON.parse(readFileSync(file, "utf8")), file), page);
}
for (const failure of failures) console.error(`transfer: ${failure}`);
console.log(`${out}: ${failures.length === 0 ? "as the page must be" : `${failures.length} failures`}`);
process.exitCode = failures.length === 0 ? 0 : 1;
