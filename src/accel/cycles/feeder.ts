import { type EngineConfig, engineShape, PARAMETER_BYTES } from "../config.js";
import type { LayerValues } from "../interpret/decode.js";
import type { Agenda } from "./agenda.js";
import type { EngineLatencies } from "./latencies.js";
import { type FeedWork, feedsOf } from "./loops.js";

/** What the feeder works with. */
export type FeederContext = {
  readonly agenda: Agenda;
  readonly latencies: EngineLatencies;
  readonly config: EngineConfig;
  /** Cycles in which the ring's words come, as far as they are known. */
  readonly arrivals: readonly number[];
  /** Some words can be asked for again from this cycle on. */
  readonly released: (words: number) => void;
  /** A pass may start with the next block from this cycle on. */
  readonly blockReady: () => void;
  /** All weights of the layer are read, so many words of the stream for the first time; the next layer may come from this cycle on. */
  readonly layerFed: (newWords: number) => void;
};

/** The feeder of a frame: takes parameters and blocks from the ring, a lane a cycle, as soon as words and destination are there. */
export class Feeder {
  readonly #context: FeederContext;
  /** Lanes of a ring word, for each kind. */
  readonly #lanes: Readonly<Record<FeedWork["kind"], number>>;
  readonly #words: Readonly<Record<FeedWork["kind"], number>>;
  #feeds: Iterator<FeedWork> | undefined;
  #feed: FeedWork | undefined;
  /** Words of the feed that are read. */
  #done = 0;
  /** Earliest cycle of the next read. */
  #nextAt = 0;
  #position = 0;
  /** The first word that was never read, now and when the layer began. */
  #fresh = 0;
  #freshBefore = 0;
  #layerStart = 0;
  #blocksStart = 0;
  /** Cycle from which on the shadow registers may be written; undefined while a block waits in them. */
  #shadowAt: number | undefined;
  /** Cycles from which on banks of parameters are free. */
  #parameterBanks: number[];

  constructor(context: FeederContext) {
    const { cPar, kPar } = context.config;
    const { ringWordBytes } = engineShape(context.config);
    const { now } = context.agenda;
    this.#context = context;
    this.#lanes = { parameters: ringWordBytes / PARAMETER_BYTES, block: ringWordBytes / cPar };
    this.#words = { parameters: kPar / this.#lanes.parameters, block: kPar / this.#lanes.block };
    this.#shadowAt = now;
    this.#parameterBanks = [now, now];
  }

  /** Begin a layer that arrives in this cycle. */
  layer(values: LayerValues): void {
    this.#feeds = feedsOf(values);
    this.#layerStart = this.#position;
    this.#freshBefore = this.#fresh;
    this.#nextAt = this.#context.agenda.now + this.#context.latencies.layerToFeed;
    this.#nextFeed();
    this.advance();
  }

  /** A pass with the block in the shadow registers makes its first fetch in this cycle. */
  claimed(): void {
    this.#shadowAt = this.#context.agenda.now + this.#context.latencies.fetchToShadow;
    this.advance();
  }

  /** A bank of parameters is free from this cycle on. */
  parametersFree(): void {
    this.#parameterBanks.push(this.#context.agenda.now);
    this.advance();
  }

  /** Read as far as it is known when. */
  advance(): void {
    while (this.#feed !== undefined && this.#begin() && this.#readWords()) this.#end();
  }

  /** Whether the destination of the feed is free, and since when. */
  #begin(): boolean {
    if (this.#done > 0) return true;
    const free = this.#feed?.kind === "block" ? this.#shadowAt : this.#parameterBanks[0];
    if (free === undefined) return false;
    this.#nextAt = Math.max(this.#nextAt, free);
    return true;
  }

  #readWords(): boolean {
    const { agenda, latencies, arrivals, released } = this.#context;
    const { kind, release } = this.#feed!;
    for (; this.#done < this.#words[kind]; this.#done++) {
      const arrival = arrivals[this.#position];
      if (arrival === undefined) return false;
      const read = Math.max(this.#nextAt, Math.ceil(arrival) + latencies.beatToRing);
      this.#nextAt = read + this.#lanes[kind];
      this.#position++;
      this.#fresh = Math.max(this.#fresh, this.#position);
      if (!release) continue;
      agenda.at(read + latencies.ringToRequest, () => released(1));
    }
    return true;
  }

  #end(): void {
    const { agenda, latencies, blockReady, layerFed } = this.#context;
    const { kind, goesTo } = this.#feed!;
    const lastRead = this.#nextAt - 1;
    if (kind === "block") {
      this.#shadowAt = undefined;
      agenda.at(lastRead + latencies.shadowToStart, blockReady);
    } else {
      this.#parameterBanks.shift();
      this.#blocksStart = this.#position;
    }
    if (goesTo === "blocks") this.#position = this.#blocksStart;
    if (goesTo === "layer") this.#position = this.#layerStart;
    this.#nextFeed();
    if (this.#feed === undefined) {
      const words = this.#fresh - this.#freshBefore;
      agenda.at(lastRead + 1, () => layerFed(words));
    }
  }

  #nextFeed(): void {
    const next = this.#feeds?.next();
    this.#feed = next === undefined || next.done === true ? undefined : next.value;
    this.#done = 0;
  }
}
