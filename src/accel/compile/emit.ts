import type { NodeName } from "../../graph/index.js";
import { ACTIVATION_BANKS, type EngineConfig, engineShape } from "../config.js";
import { fits, type Instruction, OPERATIONS, SPACES, transferFields } from "../isa/index.js";
import type { Placement, Tensor } from "./buffers.js";
import { layerValues, scheduleOf, sizesOf, tooLarge } from "./layer-fields.js";
import type { Operation, Rectangle } from "./operation.js";
import { type Area, blockWords, type Rows, rowBytesOf, type Step, type Tile, tilesOf } from "./tiles.js";
import { WeightImage, type WeightMode, weightMode } from "./weight-image.js";

/** Where a tensor lies in external memory. */
export type Home = {
  readonly space: keyof typeof SPACES;
  readonly offset: number;
  /** Bytes from row to row. */
  readonly rowPitchBytes: number;
};

type Access = { readonly reads: readonly Area[]; readonly writes: readonly Area[] };

const meet = (a: readonly Area[], b: readonly Area[]): boolean =>
  a.some((x) => b.some((y) => x.from < y.to && y.from < x.to));
const conflict = (a: Access, b: Access): boolean =>
  meet(a.writes, b.writes) || meet(a.writes, b.reads) || meet(a.reads, b.writes);

type Context = {
  readonly config: EngineConfig;
  readonly tensors: readonly Tensor[];
  readonly homes: ReadonlyMap<NodeName, Home>;
  readonly placement: Placement;
};

/** A layer descriptor to come: all but how its weights are kept. */
type Planned = { readonly operation: Operation; readonly rectangle: Rectangle; readonly tile: number };

/** Writes descriptors in order. What each must wait for follows from the areas that earlier ones touch. */
export class Emitter {
  readonly weights: WeightImage;
  readonly #context: Context;
  readonly #instructions: Instruction[] = [];
  readonly #layers: Access[] = [];
  readonly #transfers: Access[] = [];
  #inputWaited = false;

  constructor(context: Context) {
    this.#context = context;
    this.weights = new WeightImage(context.config);
  }

  finish(): readonly Instruction[] {
    return [...this.#instructions, { kind: "end" }];
  }

  /**
   * Write a layer: its loads, descriptors and stores, tile by tile. With two buffers a tile's store and the loads of the tile after the next come behind the
   * next tile's descriptors, beside which they run; what a descriptor waits for never holds up one that could go on.
   */
  step(
    step: Step,
    index: number,
  ): {
    readonly descriptors: readonly [number, number];
    readonly externalBytes: number;
    readonly tiles: number;
  } {
    const { placement, tensors, homes, config } = this.#context;
    const { spilled, starts } = placement;
    const begin = this.#instructions.length;
    let moved = 0;
    const { sources, target, output } = step.operations[0]!;
    const names = [...new Set(sources)];
    const tiling = placement.tilings[index];
    const tiles = tiling?.tiles ?? tilesOf(step.operations[0]!, output.height);
    for (const { external, first, name, geometry } of tensors)
      if (external && !spilled.has(name) && first === index)
        moved += this.#transfer("load", name, starts.get(name)!, { from: 0, to: geometry.height });
    const load = (tile: number): void => {
      const rows = tiles[tile]?.source;
      if (rows === undefined || tiling === undefined) return;
      names.forEach((name, i) => {
        const buffers = tiling.sources[i]!;
        if (spilled.has(name)) moved += this.#transfer("load", name, buffers[tile % buffers.length]!, rows);
      });
    };
    const store = (tile: number): void => {
      const rows = tiles[tile]?.output;
      if (rows === undefined || tiling === undefined || !spilled.has(target)) return;
      moved += this.#transfer("store", target, tiling.target[tile % tiling.target.length]!, rows);
    };
    const planned = tiles.flatMap(({ output: rows }, tile) =>
      step.operations.flatMap((operation): Planned[] => {
        const { rectangle } = operation;
        const top = Math.max(rows.from, rectangle.top);
        const bottom = Math.min(rows.to, rectangle.bottom);
        return top < bottom ? [{ operation, rectangle: { ...rectangle, top, bottom }, tile }] : [];
      }),
    );
    const schedules = planned.map(({ operation, rectangle }) => scheduleOf(operation, rectangle, config));
    const modes = planned.map(({ operation }, i) => weightMode(operation, schedules[i]!, config));
    const ahead = tiling?.copies === 2;
    load(0);
    if (ahead) load(1);
    let kept = false;
    planned.forEach(({ operation, rectangle, tile }, i) => {
      const mode = modes[i]!;
      const next = modes[i + 1];
      const keep = next !== undefined && mode.canKeep && next.canKeep && sameRuns(mode, next);
      if (!kept) for (const run of mode.runs) this.weights.add(run);
      kept = keep;
      this.#layer({
        operation,
        rectangle,
        tile: tiles[tile]!,
        index,
        tileIndex: tile,
        keep,
        mode,
        schedule: schedules[i]!,
        isLast: i === planned.length - 1,
      });
      if (planned[i + 1]?.tile === tile) return;
      store(ahead ? tile - 1 : tile);
      if (!ahead || tile > 0) load(tile + 1);
    });
    if (ahead) store(tiles.length - 1);
    if (homes.has(target) && !spilled.has(target))
      moved += this.#transfer("store", target, starts.get(target)!, { from: 0, to: output.height });
    return { descriptors: [begin, this.#instructions.length], externalBytes: moved, tiles: tiles.length };
  }

  #layer(what: {
    readonly operation: Operation;
    readonly rectangle: Rectangle;
    readonly tile: Tile;
    readonly tileIndex: number;
    readonly index: number;
    readonly keep: boolean;
    readonly mode: WeightMode;
    readonly schedule: ReturnType<typeof scheduleOf>;
    readonly isLast: boolean;
  }): void {
    const { config, placement, tensors } = this.#context;
    const { spilled } = placement;
    const { operation, rectangle, tile, tileIndex, index } = what;
    const { wordBytes } = engineShape(config);
    const tiling = placement.tilings[index];
    const from = sizesOf(operation.source, wordBytes);
    const to = sizesOf(operation.output, wordBytes);
    const names = [...new Set(operation.sources)];
    const copies = tiling?.copies ?? 1;
    const reads: Area[] = [];
    const rows = tile.source;
    let bottom = operation.source.height;
    const block = (row: number): number => Math.floor(row / ACTIVATION_BANKS);
    const places = operation.sources.map((name) => {
      const tensor = tensors.find((one) => one.name === name)!;
      if (tensor.inSlot) return { start: 0, inSlot: true };
      if (!spilled.has(name)) {
        const start = placement.starts.get(name)!;
        reads.push({ from: start, to: start + from.bankWords });
        return { start, inSlot: false };
      }
      const start = tiling!.sources[names.indexOf(name)]![tileIndex % copies]!;
      bottom = rows.to;
      reads.push({ from: start, to: start + blockWords(rows, from.rowWords) });
      return { start: start - block(rows.from) * from.rowWords, inSlot: false };
    });
    const isSpilled = spilled.has(operation.target);
    const buffer = isSpilled
      ? tiling!.target[tileIndex % tiling!.target.length]!
      : placement.starts.get(operation.target)!;
    const words = isSpilled ? blockWords(tile.output, to.rowWords) : to.bankWords;
    const access = { reads, writes: [{ from: buffer, to: buffer + words }] };
    const slot = tensors.find(({ inSlot }) => inSlot);
    const readsSlot = places.some(({ inSlot }) => inSlot);
    const waitInput = readsSlot && !this.#inputWaited;
    this.#inputWaited ||= readsSlot;
    const flow = {
      waitLayers: 0,
      waitTransfers: this.#transfers.findLastIndex((earlier) => conflict(access, earlier)) + 1,
      waitInput: Number(waitInput),
      releaseInput: Number(slot !== undefined && what.isLast && index === slot.last),
      weightsStream: Number(what.mode.stream),
      weightsKeep: Number(what.keep),
      weightsShared: Number(what.mode.shared),
    };
    const target = isSpilled ? buffer - block(tile.output.from) * to.rowWords : buffer;
    const fields = layerValues(operation, {
      rectangle,
      schedule: what.schedule,
      places: { sources: places, bottom, target },
      flow,
      config,
    });
    this.#instructions.push({ kind: "layer", fields });
    this.#layers.push(access);
  }

  /** Move rows between a buffer and external memory; rows that do not follow one another there take a transfer each. */
  #transfer(kind: "load" | "store", name: NodeName, start: number, rows: Rows): number {
    const { config, tensors, homes } = this.#context;
    const { geometry } = tensors.find((one) => one.name === name)!;
    const { rowWords } = sizesOf(geometry, engineShape(config).wordBytes);
    const rowBytes = rowBytesOf(geometry, config);
    const { rowPitchBytes } = homes.get(name)!;
    const each = rowPitchBytes === rowBytes ? rows.to - rows.from : 1;
    const firstBlock = Math.floor(rows.from / ACTIVATION_BANKS);
    let bytes = 0;
    for (let from = rows.from; from < rows.to; from += each) {
      const words = (Math.floor(from / ACTIVATION_BANKS) - firstBlock) * rowWords;
      bytes += this.#rows(kind, name, start + words, { from, to: from + each });
    }
    return bytes;
  }

  #rows(kind: "load" | "store", name: NodeName, start: number, { from, to }: Rows): number {
    const { config, tensors, homes } = this.#context;
    const { geometry } = tensors.find((one) => one.name === name)!;
    const { rowWords } = sizesOf(geometry, engineShape(config).wordBytes);
    const { space, offset, rowPitchBytes } = homes.get(name)!;
    const area = [{ from: start, to: start + blockWords({ from, to }, rowWords) }];
    const access: Access = kind === "load" ? { reads: [], writes: area } : { reads: area, writes: [] };
    const beats = Math.ceil(((to - from) * rowBytesOf(geometry, config)) / config.axiDataBytes);
    const fields = {
      operation: OPERATIONS[kind],
      waitLayers: this.#layers.findLastIndex((earlier) => conflict(access, earlier)) + 1,
      waitTransfers: 0,
      space: SPACES[space],
      offset: offset + from * rowPitchBytes,
      start,
      startBank: from % ACTIVATION_BANKS,
      rows: to - from,
      rowWords,
      beats,
    };
    for (const [field, format] of Object.entries(transferFields)) {
      const value = fields[field as keyof typeof fields];
      if (!fits(format, value)) throw tooLarge(name, field, value);
    }
    this.#instructions.push({ kind, fields });
    this.#transfers.push(access);
    return beats * config.axiDataBytes;
  }
}

function sameRuns(a: WeightMode, b: WeightMode): boolean {
  return (
    a.shared === b.shared &&
    a.runs.length === b.runs.length &&
    a.runs.every(
      (run, i) => run.repeat === b.runs[i]!.repeat && Buffer.compare(run.bytes, b.runs[i]!.bytes) === 0,
    )
  );
}
