import { mkdirSync, readFileSync } from "node:fs";
import { dirname } from "node:path";
import { sha256, writeFileAtomic } from "../../core/index.js";
import { measuredLayers, type Technology } from "../../cost/index.js";
import type { NodeName } from "../../graph/index.js";
import { compileFrontEnd, emitFrontEnd, type FrontEnd, frontEndDesign } from "../../hw/index.js";
import {
  executeQuantNetwork,
  type QuantNetwork,
  quantNetworkToJson,
  truncateQuantNetwork,
} from "../../quant/index.js";
import type { FlowContext } from "../context.js";
import type { FrozenFront } from "../fronts.js";
import { inputBytes, type LoadedDataset } from "./data.js";
import { type MeasuredLayers, measureOne } from "./energy.js";
import type { PreparedBackbone } from "./front.js";

/** Test images whose bytes ship with the testbench. */
const VECTOR_IMAGES = 4;

type FreezeValue = Omit<FrozenFront, "freezePoint" | "files" | "compiled" | "measured"> & {
  readonly files: readonly string[];
};

/** Compile a front and emit its deliverable, with test images of the first dataset as vectors. */
async function freezeOne(
  context: FlowContext,
  network: QuantNetwork,
  freezePoint: NodeName,
  dataset: LoadedDataset,
): Promise<Omit<FrozenFront, "measured">> {
  const { run, onProgress } = context;
  const front = truncateQuantNetwork(network, freezePoint);
  let known: FrontEnd | undefined;
  const compile = (): FrontEnd => {
    if (known !== undefined) return known;
    const job = `compile front ${freezePoint}`;
    onProgress({ job, done: 0, total: 1, unit: "fronts" });
    known = compileFrontEnd(front, freezePoint);
    onProgress({ job, done: 1, total: 1, unit: "fronts" });
    return known;
  };
  const dir = `rtl/${freezePoint}`;
  const side = front.nodes[0]!.output.shape[0]!;
  const step = await run.step<FreezeValue>(
    `freeze/${freezePoint}`,
    { front: quantNetworkToJson(front), data: dataset.key },
    () => {
      const compiled = compile();
      const { bytes, count } = inputBytes(dataset.dataset.test, side, VECTOR_IMAGES);
      const outputs = executeQuantNetwork(front, bytes, count).get(freezePoint)!;
      const files = emitFrontEnd(compiled, { vectors: { inputs: bytes, outputs, count } });
      let lines = 0;
      for (const [name, text] of files) {
        const path = run.path(dir, name);
        mkdirSync(dirname(path), { recursive: true });
        writeFileAtomic(path, text);
        if (name.endsWith(".sv")) lines += text.split("\n").length - 1;
      }
      return {
        files: [...files.keys()],
        rtl: { dir, modules: frontEndDesign(compiled).modules.length, lines },
        layers: compiled.layers.map(({ name, node, stats }) => ({ name: node.name, module: name, stats })),
      };
    },
  );
  const files = new Map(step.value.files.map((name) => [name, readFileSync(run.path(dir, name), "utf8")]));
  return { ...step.value, freezePoint, files, compiled: compile };
}

/** Compile the front of every freeze point, which all datasets share, and measure the energy of its layers. */
export async function freezeAll(
  context: FlowContext,
  points: readonly NodeName[],
  prepared: PreparedBackbone,
  datasets: readonly LoadedDataset[],
  technology: Technology,
): Promise<readonly FrozenFront[]> {
  const fronts: FrozenFront[] = [];
  let measured: MeasuredLayers = new Map();
  for (const point of points) {
    const frozen = await freezeOne(context, prepared.front, point, datasets[0]!);
    const network = truncateQuantNetwork(prepared.front, point);
    const job = { ...{ network, freezePoint: point, technology, datasets }, compiled: frozen.compiled };
    measured = new Map([...measured, ...(await measureOne(context, job, measured))]);
    fronts.push({ ...frozen, measured: measuredLayers(measured) });
  }
  return fronts;
}

/** Hash of everything that was emitted. */
export function filesKey(files: ReadonlyMap<string, string>): string {
  return sha256([...files].map(([name, text]) => `${name} ${sha256(text)}`).join("\n"));
}
