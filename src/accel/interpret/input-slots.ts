import { ACTIVATION_BANKS, type EngineConfig, engineShape } from "../config.js";
import type { AccessLog } from "./access-log.js";
import type { ActivationMemory } from "./activations.js";
import { failure, type Place } from "./failures.js";

/**
 * The slots of the stream input. An image comes as soon as its slot is free; it is the program's from the layer on that waits for it to the one that
 * releases it.
 */
export class InputSlots {
  readonly #config: EngineConfig;
  readonly #memory: ActivationMemory;
  readonly #images: readonly Uint8Array[];
  /** Number of the image that is held, or waits to be. */
  #current = 0;
  #held = false;

  /** @param images frames of pixels, H × W × C, in the order in which they come */
  constructor(config: EngineConfig, memory: ActivationMemory, images: readonly Uint8Array[]) {
    this.#config = config;
    this.#memory = memory;
    this.#images = images;
    for (let slot = 0; slot < config.inputSlots; slot++) this.#receive(slot);
  }

  /** Bank address of the current slot. */
  get start(): number {
    return (this.#current % this.#config.inputSlots) * engineShape(this.#config).slotWords;
  }

  /**
   * Wait for an image.
   *
   * @throws CheckFailedError FX5120 when none comes
   */
  wait(place: Place): void {
    if (this.#config.input === null) throw failure("hang", place, "the engine has no stream input");
    if (this.#current >= this.#images.length)
      throw failure("hang", place, `waits for image ${this.#current} of ${this.#images.length}`);
    this.#held = true;
  }

  /**
   * Let the next image but the slots' number come.
   *
   * @throws CheckFailedError FX5122 when no layer has waited for the image
   */
  release(place: Place): void {
    if (!this.#held) throw failure("race", place, "releases an image for which no layer has waited");
    this.#held = false;
    this.#current++;
    this.#receive(this.#current + this.#config.inputSlots - 1);
  }

  /**
   * Check that nothing was touched of a slot that the program does not hold.
   *
   * @throws CheckFailedError FX5122
   */
  check(log: AccessLog, place: Place): void {
    const { slotWords, bankWords, wordBytes } = engineShape(this.#config);
    for (let slot = 0; slot < this.#config.inputSlots; slot++) {
      if (this.#held && slot === this.#current % this.#config.inputSlots) continue;
      for (let bank = 0; bank < ACTIVATION_BANKS; bank++) {
        const from = (bank * bankWords + slot * slotWords) * wordBytes;
        if (log.touches(from, from + slotWords * wordBytes))
          throw failure(
            "race",
            place,
            `touches slot ${slot} of the stream input without waiting for its image`,
          );
      }
    }
  }

  #receive(number: number): void {
    const image = this.#images[number];
    const { input, inputSlots } = this.#config;
    if (image === undefined || input === null) return;
    const start = (number % inputSlots) * engineShape(this.#config).slotWords;
    this.#memory.setTensor({ ...input, start }, image, { frame: number, descriptor: 0 });
  }
}
