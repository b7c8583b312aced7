import { type EngineConfig, engineShape } from "../config.js";
import type { TransferValues } from "../interpret/decode.js";
import type { Agenda } from "./agenda.js";
import type { EngineLatencies } from "./latencies.js";
import type { ReadPort } from "./read-port.js";

/** What the transfer unit works with. */
export type TransferContext = {
  readonly agenda: Agenda;
  readonly latencies: EngineLatencies;
  readonly config: EngineConfig;
  readonly port: ReadPort;
  /** From a burst's last beat on the port to its response. */
  readonly writeLatencyCycles: number;
};

/** The transfer unit: one load or store after the other. */
export class Transfers {
  readonly #context: TransferContext;
  /** Words that earlier stores have read, and the store at work: words, cycles a word, begin. */
  #read = 0;
  #store = { words: 0, cycles: 1, begin: 0 };

  constructor(context: TransferContext) {
    this.#context = context;
  }

  /** Words that stores have read until now. */
  storeReads(): number {
    const { words, cycles, begin } = this.#store;
    const passed = Math.floor((this.#context.agenda.now - begin) / cycles);
    return this.#read + Math.max(0, Math.min(words, passed));
  }

  /** Begin a load that is taken in this cycle; `ended` is called when it is complete. */
  load({ beats }: TransferValues, ended: () => void): void {
    const { agenda, latencies, config, port } = this.#context;
    const beatCycles = Math.max(1, config.axiDataBytes / engineShape(config).wordBytes);
    let left = beats;
    let room = 2 * config.burstBeats;
    let asking = false;
    let nextAt = agenda.now + latencies.transferToRequest;
    let leftAt = 0;
    const advance = (): void => {
      const burst = Math.min(left, config.burstBeats);
      if (asking || burst === 0 || burst > room) return;
      asking = true;
      room -= burst;
      left -= burst;
      agenda.at(nextAt, () =>
        port.request("loads", burst, ({ first, last }) => {
          asking = false;
          nextAt = agenda.now + latencies.loadToLoad;
          // A beat leaves the FIFO when its words are written.
          const begin = Math.max(first + latencies.beatToWrite, leftAt);
          leftAt = Math.ceil(Math.max(last + latencies.beatToWrite + beatCycles, begin + burst * beatCycles));
          const after = leftAt;
          if (left === 0) agenda.at(after + latencies.transferToEnd - 1, ended);
          agenda.at(after + latencies.writeToRequest, () => {
            room += burst;
            advance();
          });
          advance();
        }),
      );
    };
    advance();
  }

  /** Begin a store that is taken in this cycle; `ended` is called when it is complete. */
  store({ rows, rowWords }: TransferValues, ended: () => void): void {
    const { agenda, latencies, config, port, writeLatencyCycles } = this.#context;
    const beatsPerWord = engineShape(config).wordBytes / config.axiDataBytes;
    const words = rows * rowWords;
    this.#read = this.storeReads();
    const begin = agenda.now + latencies.transferToRequest;
    const cycles = Math.max(1, beatsPerWord * port.cyclesPerBeat);
    this.#store = { words, cycles, begin };
    const lastBeat = begin + words * cycles + latencies.readToBeat;
    agenda.at(Math.ceil(lastBeat) + writeLatencyCycles + latencies.transferToEnd, ended);
  }
}
