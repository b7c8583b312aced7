import { describe, expect, it, type TestContext } from "vitest";
import { nodeName } from "../src/graph/index.js";
import {
  compileFrontEnd,
  emitFrontEnd,
  emitVerilog,
  type FrontEnd,
  type FrontFolding,
  TESTBENCH_MODULE,
  TOP_MODULE,
} from "../src/hw/index.js";
import {
  executeQuantNetwork,
  isolateQuantLayer,
  quantInput,
  truncateQuantNetwork,
} from "../src/quant/index.js";
import { SHORT_RUNS, verifyFrontEnd } from "../src/sim/index.js";
import { isFull, requireFull, requireTool } from "./helpers/environment.js";
import { type MobileNet, requireMobileNet } from "./helpers/mobilenet.js";
import { runFiles } from "./helpers/verilator.js";

const FREEZE_POINT = nodeName("Conv2d_13_pointwise");
/** Two folded layers among the first five. */
const SMALL: FrontFolding = {
  kind: "given",
  layers: new Map([
    [nodeName("Conv2d_2_depthwise"), { kind: "folded", lanes: 4, inputs: 9 }],
    [nodeName("Conv2d_2_pointwise"), { kind: "folded", lanes: 8, inputs: 16 }],
  ]),
};
/** Photos that TensorFlow Lite judges, too. */
const JUDGED = 2;

function report(context: TestContext, what: string, started: number): void {
  process.stderr.write(
    `${context.task.name}: ${what}, ${((performance.now() - started) / 1000).toFixed(0)} s\n`,
  );
}

/** Read the front's Verilog back by Yosys, simulate each layer and the chain, and compare all layers with TensorFlow Lite. */
async function prove(
  context: TestContext,
  options: { readonly through: string; readonly folding: FrontFolding; readonly photos: number },
): Promise<FrontEnd> {
  const started = performance.now();
  const { network, photos, judge } = await requireMobileNet(context);
  const freezePoint = nodeName(options.through);
  const front = compileFrontEnd(network, freezePoint, { folding: options.folding });
  report(context, "compiled", started);
  const images = await photos(options.photos);
  const verdict = await verifyFrontEnd({
    files: emitVerilog(front),
    network: truncateQuantNetwork(network, freezePoint),
    layers: front.layers.map(({ node, name }) => ({ node: node.name, module: name })),
    images,
    count: options.photos,
    stalledImages: 2,
    whole: { module: TOP_MODULE, images: options.photos },
  });
  report(context, `${verdict.values} values`, started);
  expect(verdict.mismatches).toBe(0);
  expect(verdict.cyclesPerFrame).toBeLessThanOrEqual(front.cyclesPerFrame);
  expect(verdict.whole).toMatchObject({ images: options.photos, cyclesPerFrame: front.cyclesPerFrame });
  const pixels = images.subarray(0, (images.length / options.photos) * JUDGED);
  for (const { node } of front.layers) {
    const theirs = judge(node.name, pixels, JUDGED);
    const ours = Uint8Array.from(verdict.layerOutputs.get(node.name)!.subarray(0, theirs.length));
    expect(Buffer.compare(ours, theirs), node.name).toBe(0);
  }
  report(context, "judged", started);
  return front;
}

/** Run one layer's emitted modules in Verilator, random pauses on both sides, on what the layer before gives for photos. */
async function proveInVerilator(
  { network, photos }: MobileNet,
  front: FrontEnd,
  layer: string,
  flags: readonly string[] = [],
): Promise<string> {
  const name = nodeName(layer);
  const sole = isolateQuantLayer(network, name);
  const before = quantInput(sole).name;
  const { parallelism } = front.layers.find((one) => one.node.name === name)!.stats;
  const alone = compileFrontEnd(sole, name, {
    folding: { kind: "given", layers: new Map([[name, parallelism]]) },
  });
  // The same text as in the front.
  const all = emitVerilog(front);
  for (const [file, text] of emitVerilog(alone))
    if (file !== `${TOP_MODULE}.sv`) expect(text === all.get(file), file).toBe(true);
  const images = await photos(1);
  const golden = executeQuantNetwork(network, images, 1, { outputs: [before, name] });
  const inputs = before === quantInput(network).name ? images : golden.get(before)!;
  const files = emitFrontEnd(alone, {
    vectors: { inputs, outputs: golden.get(name)!, count: 1 },
  });
  const verdict = await runFiles(files, TESTBENCH_MODULE, { flags, timeoutSeconds: 1200 });
  expect(verdict.passed, verdict.output).toBe(true);
  return `built in ${verdict.buildSeconds.toFixed(0)} s, run in ${verdict.runSeconds.toFixed(0)} s`;
}

describe("the quantized MobileNet's front at 224×224: Verilog, integer network and TensorFlow Lite give the same bytes", () => {
  it("5 layers, some folded, each and in a chain", async (context) => {
    await prove(context, { through: "Conv2d_2_pointwise", folding: SMALL, photos: JUDGED });
  }, 300_000);

  it("all 27 layers, folded to one pixel a cycle, each and in one chain, 16 photos", async (context) => {
    requireFull(context);
    const front = await prove(context, { through: FREEZE_POINT, folding: { kind: "auto" }, photos: 16 });
    // (H + 1)·W + 1 steps of the first layer: the frame time of the parallel front.
    expect(front.cyclesPerFrame).toBe(50_401);
  }, 1_200_000);

  it("all 27 layers, fully parallel, each and in one chain", async (context) => {
    requireFull(context);
    const front = await prove(context, { through: FREEZE_POINT, folding: { kind: "none" }, photos: JUDGED });
    expect(front.cyclesPerFrame).toBe(50_401);
  }, 1_800_000);
});

describe("single layers of the quantized MobileNet in Verilator, with random pauses", () => {
  it("one parallel and one folded layer", async (context) => {
    requireTool(context, "verilator");
    const net = await requireMobileNet(context);
    // Few multipliers, or the C++ takes long to compile.
    const layers = new Map([
      [nodeName("Conv2d_2_pointwise"), { kind: "folded", lanes: 2, inputs: 8 }],
    ] as const);
    const front = compileFrontEnd(net.network, nodeName("Conv2d_2_pointwise"), {
      folding: isFull ? SMALL : { kind: "given", layers },
    });
    const started = performance.now();
    for (const layer of ["Conv2d_1_depthwise", "Conv2d_2_pointwise"])
      report(context, `${layer} ${await proveInVerilator(net, front, layer, SHORT_RUNS)}`, started);
  }, 300_000);

  for (const [kind, through, layers] of [
    ["auto", FREEZE_POINT, ["Conv2d_0", "Conv2d_6_pointwise", "Conv2d_7_depthwise", "Conv2d_13_pointwise"]],
    ["none", "Conv2d_6_depthwise", ["Conv2d_3_pointwise", "Conv2d_6_depthwise"]],
  ] as const) {
    it(`larger ones, folding ${kind}`, async (context) => {
      requireFull(context);
      requireTool(context, "verilator");
      const net = await requireMobileNet(context);
      const front = compileFrontEnd(net.network, nodeName(through), { folding: { kind } });
      for (const layer of layers) {
        const started = performance.now();
        report(context, `${layer} ${await proveInVerilator(net, front, layer)}`, started);
      }
    }, 3_600_000);
  }
});
