import { ACTIVATION_BANKS, type EngineShape, type Geometry, type Operation } from "../../accel/index.js";
import { sum } from "../../core/index.js";
import { geometryOfShape } from "./operation.js";
import type { AcceleratorLayer } from "./types.js";

/** What a layer's tensors move over the memory port, bytes, and how. */
export type TensorTraffic = {
  readonly loadBytes: number;
  readonly storeBytes: number;
  /** Layer descriptors: row tiles that it is worked in, 1 where all lies on chip. */
  readonly tiles: number;
  /** Its transfers run before and behind the array, not beside it: tensors moved whole, or tiles with a single buffer. */
  readonly isSerial: boolean;
};

/** Where a network's tensors lie. */
export type TensorPlan = {
  /** Where the first layer's input comes from. */
  readonly input: "stream" | "memory";
  /** Bytes that whoever makes the input writes to memory, when it does not come by the stream. */
  readonly inputBytes: number;
  readonly layers: readonly TensorTraffic[];
};

const NO_TRAFFIC: TensorTraffic = { loadBytes: 0, storeBytes: 0, tiles: 0, isSerial: false };

type Sizes = { readonly wordBytes: number };

const rowWords = ({ width, channels }: Geometry, { wordBytes }: Sizes): number =>
  width * Math.ceil(channels / wordBytes);
/** Addresses of every bank that some rows take. */
const bankWordsOf = (geometry: Geometry, rows: number, sizes: Sizes): number =>
  Math.ceil(rows / ACTIVATION_BANKS) * rowWords(geometry, sizes);
const bytesOf = (geometry: Geometry, rows: number, sizes: Sizes): number =>
  rows * rowWords(geometry, sizes) * sizes.wordBytes;

/** Rows of the source that a tile of so many output rows needs. */
const sourceRows = ({ kernel, stride, source }: Operation, rows: number): number =>
  Math.min(source.height, (rows - 1) * stride.height + kernel.height);

type Tiling = Pick<TensorTraffic, "tiles" | "isSerial">;
const WHOLE: Tiling = { tiles: 1, isSerial: false };

/**
 * Find the fewest row tiles whose buffers fit: two buffers a tensor in memory, so that transfers run beside the array, or where not even a row has room for that,
 * one. Tiles that begin within a block of four rows may take a block more.
 */
function tilesOf(
  operation: Operation,
  external: { readonly sources: number; readonly target: boolean },
  room: number,
  sizes: Sizes,
): Tiling | undefined {
  const { output, source } = operation;
  const blocks = (geometry: Geometry, rows: number, of: number): number =>
    bankWordsOf(
      geometry,
      Math.min(rows + (rows < of ? ACTIVATION_BANKS - 1 : 0), of + ACTIVATION_BANKS - 1),
      sizes,
    );
  for (const copies of [2, 1])
    for (let count = 1, before = 0; count <= output.height; count++) {
      const rows = Math.ceil(output.height / count);
      if (rows === before) continue;
      before = rows;
      const words =
        external.sources * blocks(source, sourceRows(operation, rows), source.height) +
        (external.target ? blocks(output, rows, output.height) : 0);
      const used = count === 1 ? 1 : copies;
      if (used * words <= room) return { tiles: Math.ceil(output.height / rows), isSerial: used === 1 };
    }
  return undefined;
}

/**
 * Decide which tensors stay on chip, layer after layer, near what the compiler's search comes to. An output stays when it fits beside what else must stay, else it is stored
 * and read again in row tiles, rows that two tiles share twice. Words are as wide as the array, so a pixel of few channels takes a whole one.
 *
 * The first input comes by the stream where two frames of it fit the activation memory and that moves no more bytes; else it is written to memory by whoever makes it.
 * The last output leaves the chip on both sides of a comparison and is not counted.
 *
 * @param operations of the layers
 * @returns undefined when some layer has no room for a row
 */
export function planTensors(
  layers: readonly AcceleratorLayer[],
  operations: readonly (Operation | undefined)[],
  shape: Pick<EngineShape, "wordBytes" | "bankWords">,
): TensorPlan | undefined {
  const streamed = planWith("stream", layers, operations, shape);
  if (streamed !== undefined && movedBytes(streamed) === 0) return streamed;
  const stored = planWith("memory", layers, operations, shape);
  if (streamed === undefined || stored === undefined) return streamed ?? stored;
  return movedBytes(streamed) <= movedBytes(stored) ? streamed : stored;
}

const movedBytes = ({ inputBytes, layers }: TensorPlan): number =>
  inputBytes + sum(layers.map(({ loadBytes, storeBytes }) => loadBytes + storeBytes));

/** A living tensor: where it lies, and the last layer that reads it. */
type Tensor = {
  readonly geometry: Geometry;
  readonly place: "slot" | "chip" | "memory";
  readonly last: number;
  /** The layer that makes it. */
  readonly made: number;
};

/** For each layer, the names of what it reads, seen through reshapes, and the last reader of each. */
function readersOf(layers: readonly AcceleratorLayer[], origin: string) {
  const known = new Map<string, string>();
  const last = new Map<string, number>();
  let before = origin;
  const reads = layers.map((layer, i) => {
    const names = (layer.inputs ?? [before]).map((name) => known.get(name) ?? origin);
    known.set(layer.name, layer.kind === "other" ? (names[0] ?? origin) : layer.name);
    before = layer.name;
    if (layer.kind !== "other") for (const name of names) last.set(name, i);
    return names;
  });
  return { reads, last };
}

function planWith(
  input: TensorPlan["input"],
  layers: readonly AcceleratorLayer[],
  operations: readonly (Operation | undefined)[],
  { wordBytes, bankWords }: Pick<EngineShape, "wordBytes" | "bankWords">,
): TensorPlan | undefined {
  const sizes = { wordBytes };
  const wholeWords = (geometry: Geometry): number => bankWordsOf(geometry, geometry.height, sizes);
  const first = layers.find((layer) => layer.kind !== "other");
  if (first === undefined) return { input: "stream", inputBytes: 0, layers: layers.map(() => NO_TRAFFIC) };
  const end = layers.findLastIndex((layer) => layer.kind !== "other");
  const image = geometryOfShape(first.inputShape);
  const slots = input === "stream" ? 2 * wholeWords(image) : 0;
  if (slots > bankWords) return undefined;
  const room = bankWords - slots;
  const { reads, last } = readersOf(layers, ORIGIN);
  const living = new Map<string, Tensor>([
    [
      ORIGIN,
      {
        geometry: image,
        place: input === "stream" ? "slot" : "memory",
        last: last.get(ORIGIN) ?? 0,
        made: 0,
      },
    ],
  ]);
  const result: TensorTraffic[] = [];
  for (const [i, layer] of layers.entries()) {
    const operation = operations[i];
    if (operation === undefined) {
      result.push(NO_TRAFFIC);
      continue;
    }
    const { source, output } = operation;
    const plan = () => {
      const chips = [...living.values()].filter(({ place }) => place === "chip");
      const free = room - sum(chips.map(({ geometry }) => wholeWords(geometry)));
      const sources = reads[i]!.filter((name) => living.get(name)?.place === "memory").length;
      const beside = free - wholeWords(output);
      const kept = beside >= 0 ? tilesOf(operation, { sources, target: false }, beside, sizes) : undefined;
      if (kept !== undefined) return { sources, isKept: true, tiling: sources === 0 ? WHOLE : kept };
      const tiling = tilesOf(operation, { sources, target: true }, free, sizes);
      return tiling && { sources, isKept: false, tiling };
    };
    let planned = plan();
    // What was kept so far leaves no room for a row: the largest is stored where it was made.
    while (planned === undefined) {
      const largest = [...living]
        .filter(([, { place }]) => place === "chip")
        .sort(([, a], [, b]) => wholeWords(b.geometry) - wholeWords(a.geometry))[0];
      if (largest === undefined) return undefined;
      const [name, tensor] = largest;
      living.set(name, { ...tensor, place: "memory" });
      const { geometry, made } = tensor;
      const before = result[made]!;
      result[made] = { ...before, storeBytes: before.storeBytes + bytesOf(geometry, geometry.height, sizes) };
      planned = plan();
    }
    const { sources, isKept, tiling } = planned;
    const { tiles } = tiling;
    const sharedRows = Math.max(0, operation.kernel.height - operation.stride.height) * (tiles - 1);
    result.push({
      loadBytes: sources * bytesOf(source, source.height + sharedRows, sizes),
      storeBytes: isKept || i === end ? 0 : bytesOf(output, output.height, sizes),
      ...tiling,
    });
    for (const [name, tensor] of living) if (tensor.last <= i) living.delete(name);
    const place = isKept ? "chip" : "memory";
    living.set(layer.name, { geometry: output, place, last: last.get(layer.name) ?? i, made: i });
  }
  return { input, inputBytes: input === "memory" ? elementsOf(image) : 0, layers: result };
}

/** Name of the network's input among the tensors. */
const ORIGIN = "";

const elementsOf = ({ height, width, channels }: Geometry): number => height * width * channels;
