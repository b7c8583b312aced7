import { cpus } from "node:os";
import { CheckFailedError } from "../src/core/index.js";
import { createFloatExecutor, type Graph, simplify } from "../src/graph/index.js";
import { importModel } from "../src/importers/index.js";
import { type ExecuteForm, executeQuantNetwork, type QuantNetwork, quantize } from "../src/quant/index.js";
import { loadMobileNet } from "./mobilenet.js";
import { type Photos, readPhotos, SIDE, sharedPath } from "./photos.js";
import type { BenchRow, BenchTable } from "./table.js";

const IMAGES = 16;
const ROUNDS = 15;
/** Images of a round in plain form, which is slow. */
const PLAIN_IMAGES = 2;
/** Batches of ONNX Runtime; the faster one is the peer. */
const BATCHES = [1, 16] as const;

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1]!;

/** @throws CheckFailedError when a value of any layer differs between the forms */
function checkForms(name: string, network: QuantNetwork, { pixels, count }: Photos): void {
  const outputs = network.nodes.map((node) => node.name);
  const plain = executeQuantNetwork(network, pixels, count, { outputs, form: "plain" });
  const fast = executeQuantNetwork(network, pixels, count, { outputs });
  for (const layer of outputs) {
    const [a, b] = [plain.get(layer)!, fast.get(layer)!];
    const at = a.findIndex((value, i) => value !== b[i]);
    if (at >= 0) {
      throw new CheckFailedError(
        "FX9008",
        `value ${at} is ${b[at]} in fast form and ${a[at]} in plain form`,
        {
          place: `layer ${layer} of ${name}`,
        },
      );
    }
  }
}

/** Something whose speed is measured: runs some images, returns how many. */
type Contender = { readonly name: string; readonly run: () => number | Promise<number> };

function executor(
  name: string,
  network: QuantNetwork,
  { pixels, count }: Photos,
  form: ExecuteForm,
): Contender {
  const images = form === "plain" ? PLAIN_IMAGES : count;
  const used = pixels.subarray(0, images * SIDE * SIDE * 3);
  return {
    name: form === "plain" ? `${name}, plain form` : name,
    run() {
      executeQuantNetwork(network, used, images, { form });
      return images;
    },
  };
}

/** Images a second of time that passed, and of CPU time: the same on an idle machine, steadier on a busy one. */
type Rate = { readonly wall: number; readonly cpu: number };

/** Speed of each contender, in turns: medians of the rounds. */
async function measure(contenders: readonly Contender[]): Promise<ReadonlyMap<string, Rate>> {
  const rates = new Map(contenders.map(({ name }): [string, Rate[]] => [name, []]));
  for (let round = -1; round < ROUNDS; round++) {
    for (const { name, run } of contenders) {
      const start = performance.now();
      const cpuStart = process.cpuUsage();
      const images = await run();
      const { user, system } = process.cpuUsage(cpuStart);
      const rate = {
        wall: (1000 * images) / (performance.now() - start),
        cpu: (1e6 * images) / (user + system),
      };
      // The first round warms up.
      if (round >= 0) rates.get(name)!.push(rate);
    }
  }
  const medians = (values: readonly Rate[]): Rate => ({
    wall: median(values.map(({ wall }) => wall)),
    cpu: median(values.map(({ cpu }) => cpu)),
  });
  return new Map([...rates].map(([name, values]) => [name, medians(values)]));
}

function floatContender(
  graph: Graph,
  { pixels, count }: Photos,
  batch: number,
): Contender & { close(): Promise<void> } {
  const float = createFloatExecutor(graph, { batch, threads: 1 });
  const images = pixels.slice();
  return {
    name: `batch ${batch}`,
    async run() {
      await float.run(images, count);
      return count;
    },
    close: () => float.close(),
  };
}

/**
 * Measure the integer executor on MobileNetV1-0.25 at 224×224, one thread: the published quantized network, and the Keras network quantized in `lean`
 * mode; beside ONNX Runtime on the float network, one thread, in turns in the same run, medians. Every layer of both networks
 * is first compared between fast and plain form on the photos used.
 *
 * @throws CheckFailedError FX9008 when the forms differ, FixynnError FX9002 when the shared photos are absent
 */
export async function run(): Promise<BenchTable> {
  const photos = await readPhotos(IMAGES);
  const file = sharedPath("models", "mobilenet_v1_025_224_keras", "mobilenet_v1_0.25_224.h5");
  const graph = simplify(await importModel(file, { encoding: { scale: 1 / 127.5, offset: -1 } }));
  const networks = [
    ["published quantized network", loadMobileNet().network],
    ["Keras network, lean", await quantize(graph, { calibration: photos })],
  ] as const;
  for (const [name, network] of networks) checkForms(name, network, photos);

  const floats = BATCHES.map((batch) => floatContender(graph, photos, batch));
  const fast = networks.map(([name, network]) => executor(name, network, photos, "fast"));
  const plain = executor(...networks[0], photos, "plain");
  const rates = await measure([...fast, ...floats, plain]);
  await Promise.all(floats.map((float) => float.close()));

  const rows = (
    [
      ["wall", "speed"],
      ["cpu", "speed by CPU time"],
    ] as const
  ).flatMap(([clock, metric]) => {
    const speed = ({ name }: Contender): number => rates.get(name)![clock];
    const best = floats.reduce((a, b) => (speed(a) > speed(b) ? a : b));
    const peer = { name: `ONNX Runtime float, ${best.name}`, value: speed(best) };
    return [...fast, plain].map((contender): BenchRow => {
      const value = speed(contender);
      return { name: contender.name, metric, value, unit: "images/s", peer, ratio: value / peer.value };
    });
  });
  return { bench: "golden", machine: `${cpus()[0]?.model ?? "unknown"}, 1 thread`, rows };
}
