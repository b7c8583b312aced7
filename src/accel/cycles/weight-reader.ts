import { type EngineConfig, engineShape } from "../config.js";
import type { WeightEntry } from "../interpret/decode.js";
import { WEIGHT_ENTRY_BYTES } from "../isa/index.js";
import type { Agenda } from "./agenda.js";
import type { EngineLatencies } from "./latencies.js";
import type { Beats, MemoryPort } from "./memory-port.js";

/** What the weight reader works with. */
export type WeightReaderContext = {
  readonly agenda: Agenda;
  readonly latencies: EngineLatencies;
  readonly config: EngineConfig;
  readonly port: MemoryPort;
  /** Called when the times of more words are known. */
  readonly arrived: () => void;
};

/** The weight reader of a frame: goes through the list, an entry ahead, and asks for bursts as long as the ring has room for them and few are under way. */
export class WeightReader {
  /** Cycle of the beat on the port that completes a ring word, by the word's number in the stream. */
  readonly arrivals: number[] = [];
  readonly #list: readonly WeightEntry[];
  readonly #context: WeightReaderContext;
  readonly #beatsPerWord: number;
  #beatsInWord = 0;
  #room: number;
  #entry = 0;
  /** The entry after the one in hand is there. */
  #entryReady = false;
  #run = { beats: 0, left: 0, repeat: 0 };
  /** Earliest cycle of the next request. */
  #nextAt = 0;
  #asking = false;
  /** Earliest cycle in which the next run is taken. */
  #takeAt = 0;
  /** Bursts whose last beat is still to come, and how many may be. */
  #underWay = 0;
  readonly #mostUnderWay: number;

  constructor(list: readonly WeightEntry[], context: WeightReaderContext) {
    const { ringWordBytes, ringWords, weightBursts } = engineShape(context.config);
    this.#list = list;
    this.#context = context;
    this.#beatsPerWord = ringWordBytes / context.config.axiDataBytes;
    this.#room = ringWords * this.#beatsPerWord;
    this.#mostUnderWay = weightBursts;
  }

  /** Ask for the first entry in this cycle. */
  start(): void {
    this.#fetchEntry();
  }

  /** Some ring words are free for requests from this cycle on. */
  release(words: number): void {
    this.#room += words * this.#beatsPerWord;
    this.#advance();
  }

  #fetchEntry(): void {
    const { agenda, port, config, latencies } = this.#context;
    if (this.#entry >= this.#list.length) return;
    const beats = Math.max(1, WEIGHT_ENTRY_BYTES / config.axiDataBytes);
    port.request("weightList", beats, ({ at }) => {
      agenda.at(at(beats - 1) + latencies.entryToTake, () => {
        this.#entryReady = true;
        this.#advance();
      });
    });
  }

  #advance(): void {
    const { agenda, latencies, config, port } = this.#context;
    if (this.#asking) return;
    if (this.#run.left === 0 && !this.#nextRun()) return;
    const beats = Math.min(config.burstBeats, this.#run.left);
    if (beats > this.#room || this.#underWay === this.#mostUnderWay) return;
    // The room for a short burst is known a cycle late, unless there is room for a whole one.
    const late = beats < config.burstBeats && this.#room < config.burstBeats ? latencies.shortBurst : 0;
    this.#asking = true;
    this.#underWay++;
    this.#room -= beats;
    this.#run.left -= beats;
    agenda.at(Math.max(this.#nextAt, agenda.now) + late, () =>
      port.request("weights", beats, (burst) => {
        const ended = this.#run.left === 0;
        if (ended) this.#takeAt = agenda.now + latencies.runToTake;
        this.#nextAt = ended
          ? this.#takeAt + latencies.takeToRequest
          : agenda.now + latencies.requestToRequest;
        this.#asking = false;
        agenda.at(burst.at(beats - 1) + latencies.weightsToRequest, () => {
          this.#underWay--;
          this.#advance();
        });
        this.#note(burst);
        this.#advance();
      }),
    );
  }

  /** Begin the run again, or take the next entry; false if there is none yet. */
  #nextRun(): boolean {
    if (this.#run.repeat > 0) {
      this.#run = { ...this.#run, left: this.#run.beats, repeat: this.#run.repeat - 1 };
      return true;
    }
    if (!this.#entryReady) return false;
    const { agenda, latencies } = this.#context;
    const { beats, repeat } = this.#list[this.#entry]!;
    this.#run = { beats, left: beats, repeat: repeat - 1 };
    this.#entryReady = false;
    this.#entry++;
    const takenAt = Math.max(agenda.now, this.#takeAt);
    this.#nextAt = Math.max(this.#nextAt, takenAt + latencies.takeToRequest);
    agenda.at(takenAt + latencies.takeToList, () => this.#fetchEntry());
    return true;
  }

  #note({ count, at }: Beats): void {
    for (let i = 0; i < count; i++)
      if (++this.#beatsInWord === this.#beatsPerWord) {
        this.#beatsInWord = 0;
        this.arrivals.push(at(i));
      }
    this.#context.arrived();
  }
}
