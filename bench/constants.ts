import { cpus } from "node:os";
import { join } from "node:path";
import { packageRoot } from "../src/core/index.js";
import { countFrontAdders } from "../src/cost/index.js";
import { nodeName, simplify } from "../src/graph/index.js";
import { importModel } from "../src/importers/index.js";
import {
  type CalibrationImages,
  compensateWeights,
  evaluateQuantNetwork,
  pruneWeights,
  type QuantNetwork,
  quantize,
  roundWeights,
  truncateQuantNetwork,
} from "../src/quant/index.js";
import { calibrationImages, readImages } from "./requantization.js";
import type { BenchRow, BenchTable } from "./table.js";

const TEST_IMAGES = 2000;
const MODEL = join(packageRoot, "models", "mobilenet-v1-025-48-cifar100.json");
const FREEZE_POINT = nodeName("conv_pw_7");

type Pass = (front: QuantNetwork, calibration: CalibrationImages) => QuantNetwork;

const PASSES: readonly { readonly name: string; readonly pass: Pass }[] = [
  { name: "as quantized", pass: (front) => front },
  ...[3, 2, 1].map((maxDigits) => ({
    name: `rounded to ${maxDigits} digit${maxDigits === 1 ? "" : "s"}`,
    pass: ((front, calibration) => roundWeights(front, { maxDigits, calibration })) satisfies Pass,
  })),
  ...[0.1, 0.2, 0.3, 0.4].map((share) => ({
    name: `pruned by ${100 * share} %`,
    pass: ((front, calibration) => pruneWeights(front, { share, calibration })) satisfies Pass,
  })),
  ...[0.8, 0.7, 0.6, 0.5, 0.4, 0.3].map((share) => ({
    name: `compensated, ${100 * share} % of the digits`,
    pass: ((front, calibration) => compensateWeights(front, { share, calibration })) satisfies Pass,
  })),
];

/**
 * Measure what cheaper constants save and cost before any retraining: the default backbone with its front up to conv_pw_7 changed, the rest
 * as it was, on the first 2,000 CIFAR-100 test images.
 *
 * @throws FixynnError FX9002 when the shared images are absent
 */
export async function run(): Promise<BenchTable> {
  const { train, test } = await readImages();
  const calibration = calibrationImages(train);
  const network = await quantize(simplify(await importModel(MODEL)), { calibration });
  const front = truncateQuantNetwork(network, FREEZE_POINT);
  const rows: BenchRow[] = [];
  const whole = countFrontAdders(front);
  for (const { name, pass } of PASSES) {
    const start = performance.now();
    const changed = pass(front, calibration);
    const seconds = (performance.now() - start) / 1000;
    const adders = changed === front ? whole : countFrontAdders(changed);
    const byName = new Map(changed.nodes.map((node) => [node.name, node]));
    const nodes = network.nodes.map((node) => byName.get(node.name) ?? node);
    const { top1, count } = await evaluateQuantNetwork({ ...network, nodes }, test, { limit: TEST_IMAGES });
    const row = (metric: string, value: number, unit: string): void => {
      rows.push({ name, metric, value, unit });
    };
    row("top-1", 100 * top1, `% of ${count} images`);
    row("digits", (100 * adders.digits) / whole.digits, `% of ${whole.digits}`);
    row("full adders", (100 * adders.fullAdders) / whole.fullAdders, `% of ${whole.fullAdders}`);
    row("additions", (100 * adders.additions) / whole.additions, `% of ${whole.additions}`);
    row("seconds", seconds, "s");
  }
  return { bench: "constants", machine: cpus()[0]?.model ?? "unknown", rows };
}
