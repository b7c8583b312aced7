import { ACTIVATION_BANKS, type EngineConfig, engineShape, PARAMETER_BYTES } from "../config.js";
import { decodeFields, parameterFields } from "../isa/index.js";
import type { AccessLog } from "./access-log.js";
import type { ActivationMemory } from "./activations.js";
import { type ArrayPass, accumulate, multiplyWindows, multiplyWords, PADDING } from "./array.js";
import type { LayerCounters } from "./counters.js";
import type { LayerValues } from "./decode.js";
import { failure, type Place } from "./failures.js";
import { checkLayer } from "./layer-check.js";
import { type Requantization, requantize } from "./requantize.js";
import type { WeightRing } from "./weight-ring.js";

/** What a layer works with. */
export type LayerContext = {
  readonly config: EngineConfig;
  readonly memory: ActivationMemory;
  readonly ring: WeightRing;
  /** Bank address of the stream input's current slot. */
  readonly slotStart: number;
  /** Gets what is read and written; without it nothing is checked for races. */
  readonly log: AccessLog | undefined;
  readonly place: Place;
};

/** A row of a tensor: its bank, its words from the tensor's start, its coordinate. */
type RowPosition = { readonly bank: number; readonly words: number; readonly y: number };

/** Go down by some rows; `words` are those of ⌊rows / 4⌋ blocks of four rows. */
function down(from: RowPosition, rows: number, words: number, rowWords: number): RowPosition {
  const bank = from.bank + (rows % ACTIVATION_BANKS);
  const carry = bank >= ACTIVATION_BANKS ? rowWords : 0;
  return { bank: bank % ACTIVATION_BANKS, words: from.words + words + carry, y: from.y + rows };
}

/** Coordinates have 14 bits, two's complement. */
const coordinate = (value: number): number => (value << 18) >> 18;

/** A stripe: its size, and where it begins in source and target. */
type Stripe = {
  readonly rows: number;
  readonly columns: number;
  readonly source: RowPosition;
  readonly sourceX: number;
  readonly sourceColumnWords: number;
  readonly targetBank: number;
  readonly targetAddress: number;
  readonly last: boolean;
};

/**
 * Run a layer: all its loops, sums and results, with the weights that the ring holds next.
 *
 * @throws CheckFailedError FX5120 when it would wait for weights for ever, FX5121 for fields without meaning, FX5122 when it reads what it has written
 */
export function runLayer(values: LayerValues, context: LayerContext): LayerCounters {
  checkLayer(values, context.config, context.place);
  return new LayerRun(values, context).run();
}

class LayerRun {
  readonly #values: LayerValues;
  readonly #context: LayerContext;
  readonly #wordBytes: number;
  readonly #sums: Int32Array;
  readonly #block: Uint8Array;
  readonly #pass: ArrayPass & { outputs: number };
  /** Slots with a weight that is not 0: `used[slot]`, and the span of all of them. */
  readonly #used = { slots: new Uint8Array(64), from: 0, count: 0 };
  readonly #counters = { passes: 0, fetches: 0, outputs: 0, macs: 0, nonzeroMacs: 0 };

  constructor(values: LayerValues, context: LayerContext) {
    const { cPar, kPar, stripePixels } = context.config;
    this.#values = values;
    this.#context = context;
    this.#wordBytes = engineShape(context.config).wordBytes;
    this.#sums = new Int32Array(stripePixels * kPar);
    this.#block = new Uint8Array(cPar * kPar);
    this.#pass = {
      bytes: context.memory.bytes,
      padding: values.padding,
      operands: new Int32Array(stripePixels * Math.min(cPar, 16)),
      outputs: 0,
      weights: new Int16Array(cPar * kPar),
      cPar,
      kPar,
      sums: new Int32Array(stripePixels * kPar),
    };
  }

  run(): LayerCounters {
    const { ring, place } = this.#context;
    const v = this.#values;
    const layerStart = ring.position;
    const parameters = new Uint8Array(this.#context.config.kPar * PARAMETER_BYTES);
    for (let group = 0; group < v.groups; group++) {
      const lastUse = v.weightsShared === 0 || group === v.groups - 1;
      ring.read(parameters, lastUse && v.weightsKeep === 0, place);
      const requantizations = this.#requantizations(parameters);
      const blocksStart = ring.position;
      for (const stripe of this.#stripes()) {
        const release = v.weightsKeep === 0 && (v.weightsStream === 1 || (stripe.last && lastUse));
        this.#runPasses(stripe, group, release);
        this.#drain(stripe, group, requantizations);
        if (v.weightsStream === 0 && !stripe.last) ring.position = blocksStart;
      }
      if (!lastUse) ring.position = layerStart;
    }
    if (v.weightsKeep === 1) ring.position = layerStart;
    return this.#counters;
  }

  #requantizations(parameters: Uint8Array): Requantization[] {
    const { config, place } = this.#context;
    const { multiplierPasses, doubleRounding, tiesAway, zeroPoint, low, high } = this.#values;
    const reach = 2 ** Math.min(31, multiplierPasses * config.multiplierBits);
    return Array.from({ length: config.kPar }, (_, lane) => {
      const entry = decodeFields(parameterFields, parameters, lane * PARAMETER_BYTES);
      if (entry.multiplier >= reach)
        throw failure(
          "meaningless",
          place,
          `multiplier ${entry.multiplier} of lane ${lane} for ${multiplierPasses} passes of ${config.multiplierBits} bits`,
        );
      return {
        ...entry,
        doubleRounding: doubleRounding === 1,
        tiesAway: tiesAway === 1,
        zeroPoint,
        low,
        high,
      };
    });
  }

  *#stripes(): Generator<Stripe> {
    const v = this.#values;
    let source: RowPosition = { bank: v.originY & 3, words: 0, y: v.originY };
    let target: RowPosition = { bank: v.targetBank, words: 0, y: 0 };
    for (let row = 0; row < v.rowStripes; row++) {
      const lastRow = row === v.rowStripes - 1;
      for (let column = 0; column < v.columnStripes; column++) {
        const lastColumn = column === v.columnStripes - 1;
        yield {
          rows: lastRow ? v.lastStripeRows : v.stripeRows,
          columns: lastColumn ? v.lastStripeColumns : v.stripeColumns,
          source,
          sourceX: v.originX + column * v.stripeSourceColumns,
          sourceColumnWords: column * v.stripeSourceColumnWords,
          targetBank: target.bank,
          targetAddress: v.targetStart + target.words + column * v.stripeTargetColumnWords,
          last: lastRow && lastColumn,
        };
      }
      source = down(source, v.stripeSourceRows, v.stripeSourceRowWords, v.rowWords);
      target = down(target, v.stripeRows, v.stripeTargetRowWords, v.targetRowWords);
    }
  }

  #runPasses(stripe: Stripe, group: number, release: boolean): void {
    const v = this.#values;
    const { slotStart } = this.#context;
    const stepRows = v.fourRows === 1 ? ACTIVATION_BANKS : 1;
    for (let plane = 0; plane < v.planes; plane++) {
      const fromB = ((v.planeSource >> plane) & 1) === 1;
      const inSlot = (fromB ? v.sourceBInput : v.sourceAInput) === 1;
      const base = (fromB ? v.sourceBStart : v.sourceAStart) + (inSlot ? slotStart : 0);
      let row = stripe.source;
      for (let rowPass = 0; rowPass < v.rowPasses; rowPass++) {
        for (let columnPass = 0; columnPass < v.columnPasses; columnPass++)
          for (let channelPass = 0; channelPass < v.channelPasses; channelPass++) {
            const first = rowPass === 0 && columnPass === 0 && channelPass === 0;
            const columns = columnPass === v.columnPasses - 1 ? v.lastColumns : v.columns;
            this.#readBlock(columns, release);
            const slice = v.windowed === 1 ? group * this.#pass.kPar : channelPass * this.#pass.cPar;
            this.#gather(stripe, columns, row, {
              address:
                base +
                stripe.sourceColumnWords +
                columnPass * v.kernelColumnWords +
                Math.floor(slice / this.#wordBytes),
              x: stripe.sourceX + columnPass * v.columns,
              byte: slice % this.#wordBytes,
            });
            this.#multiply(columns, {
              begin: plane === 0 && first,
              scale: first && ((v.planeScale >> plane) & 1) === 1,
              maximum: v.maximum === 1,
            });
          }
        row = down(row, stepRows, v.fourRows === 1 ? v.rowWords : 0, v.rowWords);
      }
    }
  }

  /** Read a block of weights; those on slots that the pass does not fill must be 0. */
  #readBlock(columns: number, release: boolean): void {
    const { ring, config, place } = this.#context;
    const { weights, cPar } = this.#pass;
    const { weightZero, windowed, fourRows } = this.#values;
    ring.read(this.#block, release, place);
    const used = this.#used;
    used.slots.fill(0);
    for (let i = 0; i < weights.length; i++) {
      const byte = this.#block[i]!;
      weights[i] = config.weightBits === 9 ? byte - weightZero : (byte << 24) >> 24;
      if (weights[i] === 0) continue;
      const slot = i % cPar;
      used.slots[slot] = 1;
      if (windowed === 0) continue;
      if (slot >= 4 * columns || (fourRows === 0 && slot % 4 !== 0))
        throw failure(
          "meaningless",
          place,
          `weight ${weights[i]} on slot ${slot}, which the pass does not fill`,
        );
    }
    used.from = Math.max(0, used.slots.indexOf(1));
    used.count = used.slots.lastIndexOf(1) + 1 - used.from;
  }

  /** Find the operands of all outputs of a pass. */
  #gather(
    stripe: Stripe,
    columns: number,
    start: RowPosition,
    from: { readonly address: number; readonly x: number; readonly byte: number },
  ): void {
    const v = this.#values;
    const { operands } = this.#pass;
    const slots = this.#slots(columns);
    let row = start;
    let at = 0;
    for (let y = 0; y < stripe.rows; y++) {
      for (let x = 0; x < stripe.columns; x++) {
        const newest = x * v.emitEvery + columns - 1;
        for (let slot = 0; slot < slots; slot++) {
          const fetch = newest - (slot >> 2);
          const address = from.address + fetch * v.columnStepWords;
          operands[at] = this.#operand(row, slot & 3, address, from.x + fetch * v.columnStep, from.byte);
          this.#note(operands[at]!, slot);
          at++;
        }
      }
      row = down(row, v.strideRows, v.strideRowWords, v.rowWords);
    }
    const outputs = stripe.rows * stripe.columns;
    this.#pass.outputs = outputs;
    this.#counters.passes++;
    this.#counters.fetches += stripe.rows * ((stripe.columns - 1) * v.emitEvery + columns);
  }

  /** Slots of a lane that a pass fills; in channels mode the one word of all lanes. */
  #slots(columns: number): number {
    if (this.#values.windowed === 0) return 1;
    return Math.min(4 * columns, this.#pass.cPar, 16);
  }

  #operand(row: RowPosition, r: number, address: number, x: number, byte: number): number {
    const v = this.#values;
    const { memory, place } = this.#context;
    const y = coordinate(row.y + r);
    const column = coordinate(x);
    if ((r > 0 && v.fourRows === 0) || y < 0 || y >= v.height || column < 0 || column >= v.width)
      return PADDING;
    const bank = row.bank + r;
    const inBank = address + row.words + (bank >= ACTIVATION_BANKS ? v.rowWords : 0);
    return memory.wordAt(bank, inBank, place) * this.#wordBytes + byte;
  }

  /** Note what an operand reads, as far as a weight makes it matter. */
  #note(at: number, slot: number): void {
    const { log, place } = this.#context;
    if (log === undefined || at === PADDING) return;
    const { slots, from, count } = this.#used;
    if (this.#values.windowed === 0) log.read(at + from, count, place);
    else if (slots[slot] === 1) log.read(at, this.#pass.kPar, place);
  }

  #multiply(
    columns: number,
    how: { readonly begin: boolean; readonly scale: boolean; readonly maximum: boolean },
  ): void {
    const pass = this.#pass;
    const { outputs, kPar, cPar, weights } = pass;
    if (this.#values.windowed === 1) multiplyWindows(pass, this.#slots(columns));
    else multiplyWords(pass);
    if (how.maximum) this.#checkMaximum(pass.sums.subarray(0, outputs * kPar), how.scale);
    accumulate(this.#sums, pass.sums, outputs * kPar, how);
    const nonzero = weights.reduce((count, weight) => count + (weight === 0 ? 0 : 1), 0);
    this.#counters.macs += outputs * kPar * cPar;
    this.#counters.nonzeroMacs += outputs * nonzero;
  }

  /** The hardware compares bytes: other sums would be cut. */
  #checkMaximum(sums: Int32Array, scale: boolean): void {
    const wrong = sums.find((sum) => sum < 0 || sum > 255);
    if (wrong === undefined && !scale) return;
    const what = wrong === undefined ? "scaled sums" : `a sum of ${wrong}`;
    throw failure("meaningless", this.#context.place, `maximum of ${what}, which is for bytes`);
  }

  #drain(stripe: Stripe, group: number, requantizations: readonly Requantization[]): void {
    const v = this.#values;
    const { memory, log, place } = this.#context;
    const { kPar } = this.#pass;
    const slice = group * kPar;
    for (let y = 0, from = 0; y < stripe.rows; y++) {
      const bank = stripe.targetBank + y;
      const rowStart =
        stripe.targetAddress +
        Math.floor(slice / this.#wordBytes) +
        Math.floor(bank / ACTIVATION_BANKS) * v.targetRowWords;
      for (let x = 0; x < stripe.columns; x++) {
        const word = memory.wordAt(bank, rowStart + x * v.targetPixelWords, place);
        const at = word * this.#wordBytes + (slice % this.#wordBytes);
        for (let lane = 0; lane < kPar; lane++)
          memory.bytes[at + lane] = requantize(this.#sums[from++]!, requantizations[lane]!);
        log?.write(at, kPar);
      }
    }
    this.#counters.outputs += stripe.rows * stripe.columns;
  }
}
