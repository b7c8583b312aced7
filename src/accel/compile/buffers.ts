import { FixynnError } from "../../core/index.js";
import type { NodeName } from "../../graph/index.js";
import { ACTIVATION_BANKS, type EngineConfig, engineShape } from "../config.js";
import { DESCRIPTOR_BYTES } from "../isa/index.js";
import { sizesOf } from "./layer-fields.js";
import type { Geometry } from "./operation.js";
import {
  type Area,
  blockWords,
  gapsBetween,
  roomOf,
  type Step,
  type Tile,
  type Tiling,
  tilesOf,
  tilingOf,
  transferBytes,
  weightBytes,
} from "./tiles.js";

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

/** Bank addresses of the tensors on chip, and the tiles of layers that touch spilled ones. */
export type Placement = {
  readonly spilled: ReadonlySet<NodeName>;
  readonly starts: ReadonlyMap<NodeName, number>;
  readonly tilings: readonly (Tiling | undefined)[];
};

/** Where a tensor lies while it lives. */
type Place = number | "spilled";

/** What is decided up to a step: where the tensors lie that live on, and how that came. */
type State = {
  readonly places: ReadonlyMap<NodeName, Place>;
  readonly cost: number;
  readonly before?: State;
  readonly births: readonly (readonly [NodeName, Place])[];
  readonly tiling: Tiling | undefined;
};

/** States that go on from a step: the cheapest, and those with nothing on chip. */
const MOST_STATES = 512;

/**
 * Decide which tensors stay on chip and where, so that external traffic is least: a shortest path over the layers. A tensor stays on chip over its life
 * (from its birth on, at the lowest or the highest address with room) or is spilled: written once, read by each layer that needs it in row tiles, rows that two tiles share twice.
 * A state is where the living tensors lie; its cost counts loads, stores, weights (again for every tile where the ring cannot keep them) and
 * descriptors. The least is exact for tiles as {@link tilingOf} cuts them, as long as no more than 512 states live side by side.
 *
 * @throws FixynnError FX5111 when a layer has no room for a single row with all tensors spilled
 */
export function placeTensors(
  steps: readonly Step[],
  tensors: readonly Tensor[],
  config: EngineConfig,
): Placement {
  const search = new Search(tensors, config);
  let states: readonly State[] = [{ places: new Map(), cost: 0, births: [], tiling: undefined }];
  for (const [i, step] of steps.entries()) {
    states = search.after(states, step, i);
    if (states.length === 0) throw noRoom(step, tensors, config);
  }
  return placementOf(states.reduce((best, state) => (state.cost < best.cost ? state : best)));
}

class Search {
  readonly #tensors: readonly Tensor[];
  readonly #byName: ReadonlyMap<NodeName, Tensor>;
  readonly #config: EngineConfig;
  readonly #room: Area;
  /** Bytes of weights by step, number and height of tiles. */
  readonly #weights = new Map<string, number>();

  constructor(tensors: readonly Tensor[], config: EngineConfig) {
    this.#tensors = tensors;
    this.#byName = new Map(tensors.map((tensor) => [tensor.name, tensor]));
    this.#config = config;
    this.#room = roomOf(config);
  }

  /** The cheapest way to each state behind a layer. */
  after(states: readonly State[], step: Step, index: number): readonly State[] {
    const born = this.#tensors.filter(({ first, inSlot }) => first === index && !inSlot);
    const best = new Map<string, State>();
    for (const state of states)
      for (const births of this.#births(born, this.#areas(state.places))) {
        const next = this.#step(state, births, step, index);
        if (next === undefined) continue;
        const key = JSON.stringify([...next.places].sort(([a], [b]) => (a < b ? -1 : 1)));
        const known = best.get(key);
        if (known === undefined || next.cost < known.cost) best.set(key, next);
      }
    const found = [...best.values()].sort((a, b) => a.cost - b.cost);
    const allSpilled = ({ places }: State): boolean => [...places.values()].every((one) => one === "spilled");
    return found.filter((state, i) => i < MOST_STATES || allSpilled(state));
  }

  #areas(places: Iterable<readonly [NodeName, Place]>): readonly Area[] {
    return [...places].flatMap(([name, place]) =>
      place === "spilled" ? [] : [{ from: place, to: place + this.#words(name) }],
    );
  }

  #words(name: NodeName): number {
    return sizesOf(this.#byName.get(name)!.geometry, engineShape(this.#config).wordBytes).bankWords;
  }

  /** All ways to place the tensors that are born. */
  #births(
    born: readonly Tensor[],
    taken: readonly Area[],
  ): readonly (readonly (readonly [NodeName, Place])[])[] {
    const [tensor, ...rest] = born;
    if (tensor === undefined) return [[]];
    const words = this.#words(tensor.name);
    const gaps = gapsBetween(taken, this.#room).filter(({ from, to }) => to - from >= words);
    const ends = gaps.length === 0 ? [] : [gaps[0]!.from, gaps.at(-1)!.to - words];
    const places: readonly Place[] = [...new Set(ends), "spilled"];
    return places.flatMap((place) => {
      const area = place === "spilled" ? [] : [{ from: place, to: place + words }];
      return this.#births(rest, [...taken, ...area]).map((more) => [[tensor.name, place] as const, ...more]);
    });
  }

  #weightBytes(step: Step, index: number, tiles: readonly Tile[]): number {
    const key = `${index} ${tiles.length} ${tiles[0]!.output.to}`;
    const known = this.#weights.get(key) ?? weightBytes(step, tiles, this.#config);
    this.#weights.set(key, known);
    return known;
  }

  #step(state: State, births: State["births"], step: Step, index: number): State | undefined {
    const places = new Map([...state.places, ...births]);
    const { sources, target, output } = step.operations[0]!;
    const names = [...new Set(sources)];
    const spills = {
      sources: names.map((name) => places.get(name) === "spilled"),
      target: places.get(target) === "spilled",
    };
    const isTiled = spills.target || spills.sources.some(Boolean);
    const tiling = isTiled ? tilingOf(step, spills, this.#areas(places), this.#config) : undefined;
    if (isTiled && tiling === undefined) return undefined;
    const tiles = tiling?.tiles ?? tilesOf(step.operations[0]!, output.height);
    const moved = (name: NodeName, rows: number): number =>
      transferBytes(this.#byName.get(name)!.geometry, rows, this.#config);
    let cost = state.cost + this.#weightBytes(step, index, tiles);
    cost += tiles.length * step.operations.length * DESCRIPTOR_BYTES;
    names.forEach((name, i) => {
      if (spills.sources[i]) for (const { source } of tiles) cost += moved(name, source.to - source.from);
    });
    for (const [name, place] of births) {
      const { geometry, external, stored } = this.#byName.get(name)!;
      if (place !== "spilled" && (external || stored)) cost += moved(name, geometry.height);
    }
    if (spills.target) for (const tile of tiles) cost += moved(target, tile.output.to - tile.output.from);
    const living = [...places].filter(([name]) => this.#byName.get(name)!.last > index);
    return { places: new Map(living), cost, before: state, births, tiling };
  }
}

function placementOf(end: State): Placement {
  const starts = new Map<NodeName, number>();
  const spilled = new Set<NodeName>();
  const tilings: (Tiling | undefined)[] = [];
  for (let state = end; state.before !== undefined; state = state.before) {
    tilings.unshift(state.tiling);
    for (const [name, place] of state.births)
      if (place === "spilled") spilled.add(name);
      else starts.set(name, place);
  }
  return { spilled, starts, tilings };
}

function noRoom(step: Step, tensors: readonly Tensor[], config: EngineConfig): FixynnError {
  const operation = step.operations[0]!;
  const { wordBytes } = engineShape(config);
  const { from, to } = roomOf(config);
  const inSlot = new Set(tensors.flatMap((tensor) => (tensor.inSlot ? [tensor.name] : [])));
  const readers = [...new Set(operation.sources)].filter((name) => !inSlot.has(name)).length;
  const rows = tilesOf(operation, 1);
  const words = (of: Geometry, each: (tile: (typeof rows)[number]) => Parameters<typeof blockWords>[0]) =>
    Math.max(...rows.map((tile) => blockWords(each(tile), sizesOf(of, wordBytes).rowWords)));
  const needed =
    readers * words(operation.source, ({ source }) => source) +
    words(operation.output, ({ output }) => output);
  const bytes = ACTIVATION_BANKS * wordBytes;
  return new FixynnError(
    "FX5111",
    `not even a tile of one row fits: ${needed * bytes} bytes needed, ${(to - from) * bytes} available`,
    { place: `layer ${step.node}`, hint: "enlarge activationBufferBytes" },
  );
}
