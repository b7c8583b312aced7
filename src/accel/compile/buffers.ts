import { FixynnError } from "../../core/index.js";
import type { NodeName } from "../../graph/index.js";
import { ACTIVATION_BANKS, type EngineConfig, engineShape } from "../config.js";
import { sizesOf } from "./layer-fields.js";
import type { Geometry, Operation } from "./operation.js";

/** A tensor and the steps (layers) over which it lives. */
export type Tensor = {
  readonly name: NodeName;
  readonly geometry: Geometry;
  readonly inSlot: boolean;
  /** Lies in memory before the first layer. */
  readonly external: boolean;
  readonly first: number;
  readonly last: number;
  readonly consumers: readonly number[];
  /** Must be stored in any case. */
  readonly stored: boolean;
};

/** What a layer does: its operations read and write the same tensors. */
export type Step = { readonly node: NodeName; readonly operations: readonly Operation[] };

/** Rows of outputs, and the rows of a spilled source that they need. */
export type Tile = {
  readonly top: number;
  readonly bottom: number;
  readonly loads: readonly { readonly from: number; readonly to: number }[];
};

/** Row tiles of a layer and where its tile buffers begin. */
export type Tiling = {
  /** Buffers a spilled tensor: 2 let transfers run beside layers, 1 is for a single tile or little room. */
  readonly copies: 1 | 2;
  readonly tiles: readonly Tile[];
  readonly sources: readonly (readonly number[])[];
  readonly target: readonly number[];
};

/** Bank addresses of the tensors on chip, and the tiles of layers that touch spilled ones. */
export type Placement = {
  readonly starts: ReadonlyMap<NodeName, number>;
  readonly tilings: readonly (Tiling | undefined)[];
};

const gcd = (a: number, b: number): number => (b === 0 ? a : gcd(b, a % b));

/** Rows from one that may begin a transfer to the next: offsets are multiples of a burst. */
export function rowGrain(geometry: Geometry, config: EngineConfig): number {
  const { wordBytes, burstBytes } = engineShape(config);
  return burstBytes / gcd(burstBytes, sizesOf(geometry, wordBytes).rowWords * wordBytes);
}

type Gap = { from: number; to: number };

/**
 * Decide which tensors stay on chip and where, so that external traffic is least: best-first search over sets of spilled tensors, cheapest set first. A set
 * that leaves a layer without room is extended by each tensor that lives on chip there; the first that fits is the cheapest, as every extension costs more.
 * A spilled tensor costs its bytes once when stored and once for each reader; rows that tiles read twice are not counted.
 *
 * @throws FixynnError FX5111 when no set fits
 */
export function placeTensors(
  steps: readonly Step[],
  tensors: readonly Tensor[],
  config: EngineConfig,
): { readonly spilled: ReadonlySet<NodeName>; readonly placement: Placement } {
  const { wordBytes } = engineShape(config);
  const byName = new Map(tensors.map((tensor) => [tensor.name, tensor]));
  const costOf = (name: NodeName): number => {
    const { geometry, consumers, stored, external } = byName.get(name)!;
    const transfers = consumers.length + (stored || external ? 0 : 1) - (external ? 1 : 0);
    return transfers * geometry.height * sizesOf(geometry, wordBytes).rowWords * wordBytes + 1;
  };
  const keyOf = (set: readonly NodeName[]): string => [...set].sort().join("\n");
  const queue: { readonly set: readonly NodeName[]; readonly cost: number }[] = [{ set: [], cost: 0 }];
  const seen = new Set<string>([""]);
  let failed: Failure | undefined;
  for (let tries = 0; queue.length > 0 && tries < 20_000; tries++) {
    let index = 0;
    for (let i = 1; i < queue.length; i++) if (queue[i]!.cost < queue[index]!.cost) index = i;
    const [{ set, cost }] = queue.splice(index, 1) as [(typeof queue)[number]];
    const spilled = new Set(set);
    const placed = tryPlacement(steps, tensors, spilled, config);
    if (!("step" in placed)) return { spilled, placement: placed };
    failed = placed;
    for (const tensor of tensors) {
      if (tensor.inSlot || spilled.has(tensor.name)) continue;
      if (tensor.first > placed.step || tensor.last < placed.step) continue;
      const next = [...set, tensor.name];
      const key = keyOf(next);
      if (seen.has(key)) continue;
      seen.add(key);
      queue.push({ set: next, cost: cost + costOf(tensor.name) });
    }
  }
  const perWord = ACTIVATION_BANKS * wordBytes;
  throw new FixynnError(
    "FX5111",
    `not even a tile fits: ${failed!.needed * perWord} bytes needed, ${failed!.available * perWord} available`,
    {
      place: `layer ${steps[failed!.step]!.node}`,
      hint: "enlarge activationBufferBytes",
    },
  );
}

type Failure = { readonly step: number; readonly needed: number; readonly available: number };

function tryPlacement(
  steps: readonly Step[],
  tensors: readonly Tensor[],
  spilled: ReadonlySet<NodeName>,
  config: EngineConfig,
): Placement | Failure {
  const { wordBytes, bankWords, slotWords } = engineShape(config);
  const base = slotWords * config.inputSlots * (config.input === null ? 0 : 1);
  const wordsOf = (tensor: Tensor): number => sizesOf(tensor.geometry, wordBytes).bankWords;
  const resident = tensors.filter(({ name, inSlot }) => !inSlot && !spilled.has(name));
  const placed: { tensor: Tensor; from: number; to: number }[] = [];
  const overlapping = (first: number, last: number): readonly Gap[] =>
    placed
      .filter(({ tensor }) => tensor.first <= last && tensor.last >= first)
      .map(({ from, to }) => ({ from, to }))
      .sort((a, b) => a.from - b.from);
  const firstFit = (taken: readonly Gap[], words: number): number | undefined => {
    let at = base;
    for (const { from, to } of [...taken].sort((a, b) => a.from - b.from)) {
      if (from - at >= words) return at;
      at = Math.max(at, to);
    }
    return bankWords - at >= words ? at : undefined;
  };
  for (const tensor of [...resident].sort((a, b) => wordsOf(b) - wordsOf(a))) {
    const words = wordsOf(tensor);
    const start = firstFit(overlapping(tensor.first, tensor.last), words);
    if (start === undefined) {
      // The fullest step of its life is where something must go.
      const load = (step: number): number =>
        resident.reduce((sum, one) => sum + (one.first <= step && one.last >= step ? wordsOf(one) : 0), 0);
      let step = Math.max(0, tensor.first);
      for (let i = step; i <= tensor.last && i < steps.length; i++) if (load(i) > load(step)) step = i;
      return { step, needed: load(step), available: bankWords - base };
    }
    placed.push({ tensor, from: start, to: start + words });
  }
  const byName = new Map(tensors.map((tensor) => [tensor.name, tensor]));
  const tilings: (Tiling | undefined)[] = [];
  for (const [i, step] of steps.entries()) {
    const { sources, target, output } = step.operations[0]!;
    const names = [...new Set(sources)];
    const fromSpilled = names.map((name) => spilled.has(name));
    const toSpilled = spilled.has(target);
    if (!toSpilled && !fromSpilled.some(Boolean)) {
      tilings.push(undefined);
      continue;
    }
    const grain = toSpilled || byName.get(target)!.stored ? rowGrain(output, config) : 1;
    let found: Tiling | undefined;
    let needed = 0;
    for (const most of [2, 1] as const)
      for (let count = 1, before = 0; count <= output.height && found === undefined; count++) {
        const rows = Math.ceil(Math.ceil(output.height / count) / grain) * grain;
        if (rows === before) continue;
        before = rows;
        const tiles = tilesOf(step.operations[0]!, rows, rowGrain(byName.get(names[0]!)!.geometry, config));
        const copies = tiles.length > 1 ? most : 1;
        const blocks = (from: number, to: number): number =>
          Math.ceil(to / ACTIVATION_BANKS) - Math.floor(from / ACTIVATION_BANKS);
        const sourceWords =
          Math.max(...tiles.map(({ loads }) => blocks(loads[0]!.from, loads[0]!.to))) *
          sizesOf(step.operations[0]!.source, wordBytes).rowWords;
        const targetWords =
          Math.max(...tiles.map(({ top, bottom }) => blocks(top, bottom))) *
          sizesOf(output, wordBytes).rowWords;
        const taken = [...overlapping(i, i)];
        const take = (words: number): number | undefined => {
          const start = firstFit(taken, words);
          if (start !== undefined) taken.push({ from: start, to: start + words });
          return start;
        };
        const sourceStarts = fromSpilled.map((is) =>
          Array.from({ length: is ? copies : 0 }, () => take(sourceWords)),
        );
        const targetStarts = Array.from({ length: toSpilled ? copies : 0 }, () => take(targetWords));
        needed = copies * (sourceWords * fromSpilled.filter(Boolean).length + (toSpilled ? targetWords : 0));
        const all = [...sourceStarts.flat(), ...targetStarts];
        if (all.every((start) => start !== undefined))
          found = { copies, tiles, sources: sourceStarts as number[][], target: targetStarts as number[] };
      }
    if (found === undefined) {
      const free = bankWords - base - overlapping(i, i).reduce((sum, { from, to }) => sum + to - from, 0);
      return { step: i, needed, available: free };
    }
    tilings.push(found);
  }
  return { starts: new Map(placed.map(({ tensor, from }) => [tensor.name, from])), tilings };
}

/** Cut the output into tiles of `rows` rows, and find the rows of the sources that each needs. */
function tilesOf(
  { output, source, kernel, stride, pad }: Operation,
  rows: number,
  grain: number,
): readonly Tile[] {
  return Array.from({ length: Math.ceil(output.height / rows) }, (_, i) => {
    const top = i * rows;
    const bottom = Math.min(top + rows, output.height);
    const first = Math.max(0, Math.min(top * stride.height - pad.top, source.height - 1));
    const end = Math.max(
      first + 1,
      Math.min(source.height, (bottom - 1) * stride.height - pad.top + kernel.height),
    );
    return { top, bottom, loads: [{ from: Math.floor(first / grain) * grain, to: end }] };
  });
}
