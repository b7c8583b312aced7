import {
  compileEngine,
  ENGINE_MODULE,
  type Engine,
  packImages,
  placeTasks,
  taskRuns,
  unpackTensor,
} from "../src/accel/index.js";
import { FixynnError } from "../src/core/index.js";
import { type EngineUnit, engineUnits } from "../src/cost/index.js";
import {
  type Cell,
  type Design,
  type Module,
  type Net,
  type NetId,
  type Port,
  signalWidth,
} from "../src/hw/index.js";
import type { QuantNetwork, QuantValues } from "../src/quant/index.js";
import { flatten, lowerDesign, simulateAxiSystem } from "../src/sim/index.js";

/** A port of a unit in successive cycles. */
export type RecordedPort = {
  readonly name: string;
  readonly width: number;
  /** One value (0 or 1) a bit, cycle after cycle: cycle · width + bit. */
  readonly bits: Uint8Array;
};

/** What entered the units of an engine in each cycle of a run, from the end of reset on. */
export type RecordedRun = {
  readonly cycles: number;
  /** Cycles from the start to the interrupt. */
  readonly busyCycles: number;
  readonly units: ReadonlyMap<EngineUnit, readonly RecordedPort[]>;
};

const probeName = (unit: EngineUnit, port: string): string => `probe_${unit}_${port}`;

/** The same design with an output of the top module for every input of its units, but the clock. */
function probedDesign({ modules }: Design): Design {
  const top = modules.find(({ name }) => name === ENGINE_MODULE)!;
  const nets: Net[] = [...top.nets];
  const cells: Cell[] = [...top.cells];
  const ports: Port[] = [...top.ports];
  for (const cell of top.cells) {
    if (cell.kind !== "instance") continue;
    const unit = engineUnits.find((one) => cell.name === `u_${one}`)!;
    for (const { port, signal } of cell.inputs) {
      const name = probeName(unit, port);
      const id = nets.length as NetId;
      nets.push({ id, name, width: signalWidth(signal) });
      cells.push({ kind: "assign", name: `drive_${name}`, a: signal, y: id });
      ports.push({ name, direction: "output", net: id });
    }
  }
  const probed: Module = { ...top, nets, cells, ports };
  return { kind: "design", modules: modules.map((module) => (module === top ? probed : module)) };
}

/** Bits of a list that grows. */
class BitList {
  #bits = new Uint8Array(1 << 16);
  #length = 0;

  add(planes: Uint32Array, wordsPerBit: number, width: number): void {
    if (this.#length + width > this.#bits.length) {
      const larger = new Uint8Array(2 * this.#bits.length + width);
      larger.set(this.#bits);
      this.#bits = larger;
    }
    for (let i = 0; i < width; i++) this.#bits[this.#length++] = planes[i * wordsPerBit]! & 1;
  }

  taken(): Uint8Array {
    return this.#bits.slice(0, this.#length);
  }
}

/** Memory of the runs: a DDR controller's usual answer, a beat a cycle. */
const MEMORY = { latencyCycles: 40 } as const;

/**
 * Run a network of a layer on an engine's netlist, one image, and record what its units see. The results must be the integer network's.
 *
 * @param wanted integers of the network's output
 * @throws FixynnError FX9013 when a byte differs
 */
export function recordEngine(
  { design, config }: Engine,
  network: QuantNetwork,
  { image, wanted }: { readonly image: QuantValues; readonly wanted: QuantValues },
): RecordedRun {
  const program = compileEngine({ network, config });
  const memory = placeTasks([{ program, frames: 1 }], config);
  const isStream = program.input.kind === "stream";
  const units = engineUnits.flatMap((unit) => {
    const top = design.modules.find(({ name }) => name === ENGINE_MODULE)!;
    const cell = top.cells.find((one) => one.name === `u_${unit}`);
    if (cell?.kind !== "instance") return [];
    const ports = cell.inputs.map(({ port, signal }) => ({
      name: port,
      width: signalWidth(signal),
      probe: probeName(unit, port),
      list: new BitList(),
    }));
    return [[unit, ports] as const];
  });
  let cycles = 0;
  const { runs } = simulateAxiSystem({
    module: flatten(lowerDesign(probedDesign(design))),
    lanes: 1,
    contents: isStream ? memory.contents : [...memory.contents, packImages(memory.tasks[0]!, [image])],
    stream: isStream
      ? { beatBytes: config.input!.channels, lanes: [Uint8Array.from(image, (value) => value & 255)] }
      : null,
    runs: taskRuns(memory),
    memory: MEMORY,
    maxCycles: 400_000,
    onCycle: (simulator) => {
      cycles++;
      for (const [, ports] of units)
        for (const { probe, width, list } of ports) {
          const planes = simulator.readWord(probe);
          list.add(planes, planes.length / width, width);
        }
    },
  });
  const [{ results, busyCycles }] = runs as [(typeof runs)[0]];
  const got = unpackTensor(results[0]!, program.result);
  if (wanted.some((value, i) => value !== got[i]))
    throw new FixynnError("FX9013", "the engine's bytes differ from the integer network's", {
      place: network.name,
    });
  return {
    cycles,
    busyCycles,
    units: new Map(
      units.map(([unit, ports]) => [
        unit,
        ports.map(({ name, width, list }) => ({ name, width, bits: list.taken() })),
      ]),
    ),
  };
}
