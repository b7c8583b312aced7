import type { NodeName } from "../../graph/index.js";
import { ACTIVATION_BANKS, type EngineConfig, engineShape } from "../config.js";
import { fits, type Instruction, OPERATIONS, SPACES, transferFields } from "../isa/index.js";
import type { Placement, Step, Tensor, Tile } from "./buffers.js";
import { layerValues, scheduleOf, sizesOf, tooLarge } from "./layer-fields.js";
import type { Operation, Rectangle } from "./operation.js";
import { WeightImage, type WeightMode, weightMode } from "./weight-image.js";

/** Where a tensor lies in external memory. */
export type Home = { readonly space: keyof typeof SPACES; readonly offset: number };

/** Bank addresses [from, to). */
type Area = { readonly from: number; readonly to: number };
type Access = { readonly reads: readonly Area[]; readonly writes: readonly Area[] };

const meet = (a: readonly Area[], b: readonly Area[]): boolean =>
  a.some((x) => b.some((y) => x.from < y.to && y.from < x.to));
const conflict = (a: Access, b: Access): boolean =>
  meet(a.writes, b.writes) || meet(a.writes, b.reads) || meet(a.reads, b.writes);

type Context = {
  readonly config: EngineConfig;
  readonly tensors: readonly Tensor[];
  readonly homes: ReadonlyMap<NodeName, Home>;
  readonly spilled: ReadonlySet<NodeName>;
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

  /** Write a layer: its loads, descriptors and stores, tile by tile; the next tile's loads come before the layer that they run beside. */
  step(
    step: Step,
    index: number,
  ): {
    readonly descriptors: readonly [number, number];
    readonly externalBytes: number;
    readonly tiles: number;
  } {
    const { placement, tensors, spilled, homes } = this.#context;
    const begin = this.#instructions.length;
    let moved = 0;
    const { sources, target, output, source } = step.operations[0]!;
    const names = [...new Set(sources)];
    const tiling = placement.tilings[index];
    const tiles: readonly Tile[] = tiling?.tiles ?? [
      { top: 0, bottom: output.height, loads: [{ from: 0, to: source.height }] },
    ];
    for (const tensor of tensors)
      if (tensor.external && !spilled.has(tensor.name) && tensor.first === index)
        moved += this.#transfer(
          "load",
          tensor.name,
          placement.starts.get(tensor.name)!,
          0,
          tensor.geometry.height,
        );
    const load = (tile: number): void => {
      const rows = tiles[tile]?.loads[0];
      if (rows === undefined) return;
      names.forEach((name, i) => {
        if (spilled.has(name))
          moved += this.#transfer(
            "load",
            name,
            tiling!.sources[i]![tile % tiling!.sources[i]!.length]!,
            rows.from,
            rows.to,
          );
      });
    };
    const planned = tiles.flatMap(({ top, bottom }, tile) =>
      step.operations.flatMap((operation): Planned[] => {
        const rectangle = {
          ...operation.rectangle,
          top: Math.max(top, operation.rectangle.top),
          bottom: Math.min(bottom, operation.rectangle.bottom),
        };
        return rectangle.top < rectangle.bottom ? [{ operation, rectangle, tile }] : [];
      }),
    );
    const schedules = planned.map(({ operation, rectangle }) =>
      scheduleOf(operation, rectangle, this.#context.config),
    );
    const modes = planned.map(({ operation }, i) =>
      weightMode(operation, schedules[i]!, this.#context.config),
    );
    load(0);
    let kept = false;
    planned.forEach(({ operation, rectangle, tile }, i) => {
      const isLastOfTile = planned[i + 1]?.tile !== tile;
      const ahead = tiling?.copies === 2;
      if (ahead && (i === 0 || planned[i - 1]!.tile !== tile)) load(tile + 1);
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
      if (!ahead && isLastOfTile) load(tile + 1);
      if (isLastOfTile && spilled.has(target)) {
        const { top, bottom } = tiles[tile]!;
        moved += this.#transfer("store", target, tiling!.target[tile % tiling!.target.length]!, top, bottom);
      }
    });
    if (homes.has(target) && !spilled.has(target))
      moved += this.#transfer("store", target, placement.starts.get(target)!, 0, output.height);
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
    const { config, placement, spilled, tensors } = this.#context;
    const { operation, rectangle, tile, tileIndex, index } = what;
    const { wordBytes } = engineShape(config);
    const tiling = placement.tilings[index];
    const from = sizesOf(operation.source, wordBytes);
    const to = sizesOf(operation.output, wordBytes);
    const names = [...new Set(operation.sources)];
    const copies = tiling?.copies ?? 1;
    const reads: Area[] = [];
    const rows = tile.loads[0]!;
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
      const words = (Math.ceil(rows.to / ACTIVATION_BANKS) - block(rows.from)) * from.rowWords;
      reads.push({ from: start, to: start + words });
      return { start: start - block(rows.from) * from.rowWords, inSlot: false };
    });
    const isSpilled = spilled.has(operation.target);
    const buffer = isSpilled
      ? tiling!.target[tileIndex % tiling!.target.length]!
      : placement.starts.get(operation.target)!;
    const words = isSpilled
      ? (Math.ceil(tile.bottom / ACTIVATION_BANKS) - block(tile.top)) * to.rowWords
      : to.bankWords;
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
    const target = isSpilled ? buffer - block(tile.top) * to.rowWords : buffer;
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

  #transfer(kind: "load" | "store", name: NodeName, start: number, top: number, bottom: number): number {
    const { config, tensors, homes } = this.#context;
    const { wordBytes } = engineShape(config);
    const { rowWords } = sizesOf(tensors.find((one) => one.name === name)!.geometry, wordBytes);
    const home = homes.get(name)!;
    const rows = bottom - top;
    const words = (Math.ceil(bottom / ACTIVATION_BANKS) - Math.floor(top / ACTIVATION_BANKS)) * rowWords;
    const area = [{ from: start, to: start + words }];
    const access: Access = kind === "load" ? { reads: [], writes: area } : { reads: area, writes: [] };
    const beats = Math.ceil((rows * rowWords * wordBytes) / config.axiDataBytes);
    const fields = {
      operation: OPERATIONS[kind],
      waitLayers: this.#layers.findLastIndex((earlier) => conflict(access, earlier)) + 1,
      waitTransfers: 0,
      space: SPACES[home.space],
      offset: home.offset + top * rowWords * wordBytes,
      start,
      startBank: top % ACTIVATION_BANKS,
      rows,
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
