import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { loadMobileNet, loadPhotos } from "../bench/mobilenet.js";
import { sha256, writeFileAtomic } from "../src/core/index.js";
import {
  cellTableOf,
  countsOf,
  type LayerCounts,
  type MeasuredEnergy,
  measuredLayers,
  measureFront,
  readTechnology,
} from "../src/cost/index.js";
import { codeVersion } from "../src/flow/index.js";
import { compileFrontEnd } from "../src/hw/index.js";

/** How the front is built: all constants at once, or folded to the rate that each layer needs. */
export type FrontForm = "folded" | "parallel";
/** A technology whose cells ship, and the clock that the front is pipelined for. */
export type PaperTechnology = { readonly name: string; readonly clockMhz: number };

/**
 * The clocks that fronts are compiled for. 100 MHz in sky130 is the clock of the other benchmarks; ASAP7's table takes the smallest adder, whose
 * slew is long, so 500 MHz leaves about as many full adders between two registers.
 */
export const paperTechnologies: readonly PaperTechnology[] = [
  { name: "sky130hd", clockMhz: 100 },
  { name: "asap7", clockMhz: 500 },
];

/** What of a compiled front the costs need. */
export type CompiledFront = {
  readonly technology: string;
  readonly clockMhz: number;
  readonly form: FrontForm;
  readonly seconds: number;
  readonly layers: readonly LayerCounts[];
  /** Photos behind {@link CompiledFront.measured}. */
  readonly photos: number;
  /** Energy of a layer a frame by timed simulation, where it is small enough for it. */
  readonly measured: Readonly<Record<string, MeasuredEnergy>>;
};

/** Photos that windows are taken from: a frame is 50,176 pixels, so few photos hold many windows. */
const PHOTOS = 4;
/** Largest layer that is simulated with delays, in gates and flip-flops. */
const MOST_CELLS = 250_000;

/**
 * Compile all 27 convolutions of the quantized MobileNet at 224×224 and measure their energy by timed simulation on photos, or read what an
 * earlier call kept.
 *
 * @param folder where compiled counts are kept
 */
export async function compileFront(
  { name, clockMhz }: PaperTechnology,
  form: FrontForm,
  folder: string,
): Promise<CompiledFront> {
  const technology = readTechnology(name);
  const { network, freezePoint } = loadMobileNet();
  const clock = { periodPs: 1e6 / clockMhz, cells: cellTableOf(technology) };
  const key = sha256(JSON.stringify({ clock, form, freezePoint, code: codeVersion() })).slice(0, 16);
  const path = join(folder, `front-${name}-${form}-${key}.json`);
  if (existsSync(path)) return JSON.parse(readFileSync(path, "utf8")) as CompiledFront;
  process.stderr.write(`compiling the ${form} front for ${name} at ${clockMhz} MHz\n`);
  const start = performance.now();
  const front = compileFrontEnd(network, freezePoint, {
    ...(form === "folded" ? { folding: { kind: "auto" as const } } : {}),
    clock,
  });
  const images = await loadPhotos(network, PHOTOS);
  const measured = await measureFront(
    front,
    technology,
    { images, count: PHOTOS },
    {
      maximumCells: MOST_CELLS,
      onLayer: (done, total) => process.stderr.write(`simulated ${done} of ${total} layers\n`),
    },
  );
  const compiled: CompiledFront = {
    technology: name,
    clockMhz,
    form,
    seconds: (performance.now() - start) / 1000,
    layers: front.layers.map(({ node, stats }) => countsOf(node.name, stats)),
    photos: PHOTOS,
    measured: Object.fromEntries(measuredLayers(measured)),
  };
  writeFileAtomic(path, `${JSON.stringify(compiled)}\n`);
  return compiled;
}
