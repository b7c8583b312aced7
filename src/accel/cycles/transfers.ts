import type { TransferValues } from "../interpret/decode.js";
import { readFifoBeats } from "../rtl/transfer-load.js";
import { LoadedBursts } from "./loaded-bursts.js";
import { StoredWords } from "./stored-words.js";
import type { TransferContext } from "./transfer-context.js";

/** The transfer unit: one load or store after the other. */
export class Transfers {
  readonly #context: TransferContext;
  /** Words that earlier stores have read, and the store at work. */
  #read = 0;
  #store: StoredWords | undefined;

  constructor(context: TransferContext) {
    this.#context = context;
  }

  /** Words that stores have read until now, this cycle included. */
  storeReads(): number {
    return this.#read + (this.#store?.reads() ?? 0);
  }

  /** Begin a load that is taken in this cycle; `ended` is called when it is complete. */
  load({ beats, rows, rowWords }: TransferValues, ended: () => void): void {
    const { agenda, latencies, config, port } = this.#context;
    let left = beats;
    let room = readFifoBeats(config);
    let asking = false;
    let nextAt = agenda.now + latencies.transferToRequest;
    const written = (taken: number): void => {
      // The last word of these beats was written in the cycle before.
      const lastWrite = agenda.now - 1;
      if (left === 0 && !asking && bursts.isDone) agenda.at(lastWrite + latencies.transferToEnd, ended);
      agenda.at(lastWrite + latencies.writeToRequest, () => {
        room += taken;
        advance();
      });
    };
    const bursts = new LoadedBursts(this.#context, rows * rowWords, written);
    const advance = (): void => {
      const burst = Math.min(left, config.burstBeats);
      if (asking || burst === 0 || burst > room) return;
      asking = true;
      room -= burst;
      left -= burst;
      agenda.at(nextAt, () => {
        const asked = agenda.now;
        port.request("loads", burst, (granted) => {
          asking = false;
          nextAt = Math.max(asked + latencies.loadToLoad, agenda.now + latencies.grantToLoad);
          bursts.arrive(granted);
          advance();
        });
      });
    };
    advance();
  }

  /** Begin a store that is taken in this cycle, having waited for others or not; `ended` is called when it is complete. */
  store({ rows, rowWords }: TransferValues, waited: boolean, ended: () => void): void {
    this.#read = this.storeReads();
    this.#store = new StoredWords(this.#context, { words: rows * rowWords, waited }, ended);
  }
}
