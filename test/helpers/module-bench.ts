import { type Design, type Module, verifyDesign } from "../../src/hw/index.js";
import { createSimulator, flatten, lowerDesign, WORDS_PER_BIT } from "../../src/sim/index.js";

/** A design on the bench, one lane: drive inputs, read outputs, clock. */
export type ModuleBench = {
  set(values: Readonly<Record<string, number | bigint>>): void;
  get(port: string): bigint;
  flag(port: string): boolean;
  tick(): void;
};

/** Put a design's last module on the bench; inputs start at 0. Call {@link ModuleBench.tick} with `aresetn` low first. */
export function moduleBench(modules: readonly Module[]): ModuleBench {
  const design: Design = { kind: "design", modules };
  verifyDesign(design);
  const flat = flatten(lowerDesign(design));
  const widths = new Map(flat.ports.map((port) => [port.name, port.bits.length]));
  const simulator = createSimulator(flat, { lanes: 1, dataPorts: [] });
  const full = 0xffffffff;
  return {
    set: (values) => {
      for (const [name, value] of Object.entries(values)) {
        const width = widths.get(name)!;
        const planes = new Uint32Array(width * WORDS_PER_BIT);
        const bits = BigInt.asUintN(width, BigInt(value));
        for (let i = 0; i < width; i++)
          if ((bits >> BigInt(i)) & 1n) planes.fill(full, i * WORDS_PER_BIT, (i + 1) * WORDS_PER_BIT);
        simulator.setWord(name, planes);
      }
      simulator.settle();
    },
    get: (port) => {
      const planes = simulator.readWord(port);
      let value = 0n;
      for (let i = planes.length / WORDS_PER_BIT - 1; i >= 0; i--)
        value = (value << 1n) | BigInt(planes[i * WORDS_PER_BIT]! & 1);
      return value;
    },
    flag: (port) => simulator.readBit(port),
    tick: () => {
      simulator.tick();
      simulator.settle();
    },
  };
}
