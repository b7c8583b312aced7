/** When frames come over the stream input. */
export type InputTiming = {
  /** From a frame's first pixel to its last one in the slot; the next frame's first pixel comes right behind, if a slot is free. */
  readonly cyclesPerFrame: number;
  /** Cycle of the first frame's first pixel, negative when it comes before the engine starts; 0 unless told. */
  readonly firstCycle?: number;
};

/** Slots of the stream input: each frame comes as soon as the one before is there and a slot is free. */
export class FrameInput {
  readonly #timing: InputTiming | undefined;
  readonly #slots: number;
  /** Cycles in which frames were released, and in which they are there. */
  readonly #releases: number[] = [];
  readonly #there: number[] = [];

  constructor(slots: number, timing: InputTiming | undefined) {
    this.#slots = slots;
    this.#timing = timing;
  }

  /** Cycle in which the oldest frame is there; 0 without timing. */
  oldestAt(): number {
    if (this.#timing === undefined) return 0;
    const { cyclesPerFrame, firstCycle = 0 } = this.#timing;
    for (let frame = this.#there.length; frame <= this.#releases.length; frame++) {
      const before = this.#there[frame - 1] ?? firstCycle;
      const slotFree = this.#releases[frame - this.#slots] ?? Number.NEGATIVE_INFINITY;
      this.#there.push(Math.max(before, slotFree) + cyclesPerFrame);
    }
    return this.#there[this.#releases.length]!;
  }

  /** The oldest frame's slot is free from `cycle` on. */
  release(cycle: number): void {
    this.oldestAt();
    this.#releases.push(cycle);
  }
}
