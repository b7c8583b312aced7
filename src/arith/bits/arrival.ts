import type { Pin } from "./bit-netlist.js";
import type { ClockTarget } from "./cell-table.js";

/** Slack against rounding. */
const EPSILON_PS = 1e-6;

/** When bits are there: in which clock cycle, and how long after its edge. What was made in an earlier cycle comes from a register. */
export class Arrivals {
  readonly stage: number[] = [0];
  readonly time: number[] = [0];
  /** Earliest and latest time in a cycle. */
  readonly startPs: number;
  readonly endPs: number;
  longestPathPs = 0;
  readonly #inverterPs: number;
  readonly #periodPs: number;

  constructor({ periodPs, cells }: ClockTarget) {
    this.startPs = cells.register.clockToOutputPs;
    this.endPs = periodPs - cells.register.setupPs + EPSILON_PS;
    this.#inverterPs = cells.inverter.delayPs;
    this.#periodPs = periodPs;
  }

  set(bit: number, stage: number, time: number): void {
    this.stage[bit] = stage;
    this.time[bit] = time;
    this.longestPathPs = Math.max(this.longestPathPs, time - this.startPs);
  }

  stageOf(pin: Pin): number {
    return this.stage[pin >> 1]!;
  }

  /** Time in a stage at which a pin is there. Constants always are. */
  at(pin: Pin, stage: number): number {
    const bit = pin >> 1;
    if (bit === 0) return 0;
    return (this.stage[bit] === stage ? this.time[bit]! : this.startPs) + (pin & 1) * this.#inverterPs;
  }

  /** Time since the inputs' edge at which a pin is there. */
  absolute(pin: Pin): number {
    const stage = this.stageOf(pin);
    return (stage === 0 ? 0 : stage * this.#periodPs) + this.at(pin, stage);
  }

  /** Latest pin's time in a stage. */
  last(pins: Iterable<Pin>, stage: number): number {
    let last = this.startPs;
    for (const pin of pins) last = Math.max(last, this.at(pin, stage));
    return last;
  }

  /** First stage in which a gate that reads these pins can be done before the next edge, and when it begins there. */
  begin(pins: readonly Pin[], delayPs: number): readonly [stage: number, time: number] {
    let stage = 0;
    for (const pin of pins) stage = Math.max(stage, this.stageOf(pin));
    const time = this.last(pins, stage);
    return time + delayPs <= this.endPs ? [stage, time] : [stage + 1, this.last(pins, stage + 1)];
  }
}
