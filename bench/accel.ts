import { cpus } from "node:os";
import { predictCycles } from "../src/accel/cycles/index.js";
import {
  buildEngine,
  compileEngine,
  type EngineConfig,
  engineConfig,
  placeTasks,
  streamGeometry,
  taskRuns,
  unpackTensor,
} from "../src/accel/index.js";
import { sky130Cells } from "../src/arith/index.js";
import { CheckFailedError, createRng } from "../src/core/index.js";
import { nodeName } from "../src/graph/index.js";
import { executeFrom, findQuantNode } from "../src/quant/index.js";
import { flatten, lowerDesign, simulateAxiSystem } from "../src/sim/index.js";
import { loadMobileNet } from "./mobilenet.js";
import type { BenchRow, BenchTable } from "./table.js";

/** Behind this layer the engine computes. */
const FROM = nodeName("Conv2d_6_depthwise");
/** 8 GB/s at 500 MHz, and a DRAM controller's answer at that clock. */
const MEMORY = { bytesPerCycle: 16, latencyCycles: 40 } as const;
/** SCALE-Sim v2 of a 32×32 weight-stationary systolic array on MobileNet's depthwise layers (FACTS.md). */
const SYSTOLIC_DEPTHWISE = 0.03;
/** The aims, and how far the cycle model may be from the RTL. */
const LEAST_TAIL_UTILIZATION = 0.6;
const LEAST_DEPTHWISE_RATIO = 5;
const CYCLE_TOLERANCE = 0.05;

/**
 * Utilization of the engine's multipliers on the tail of the quantized MobileNetV1-0.25, by kind of layer and whole, by the cycle model; the
 * 16×16 engine also runs as RTL, byte for byte, and the model must be within 5 % of it.
 *
 * @throws CheckFailedError FX6102 when bytes differ, the model is off, or an aim is missed
 */
export async function run(): Promise<BenchTable> {
  const { network } = loadMobileNet();
  const input = streamGeometry(findQuantNode(network, FROM).output);
  const rows: BenchRow[] = [];
  const failed = (message: string): never => {
    throw new CheckFailedError("FX6102", message, { place: "bench accel" });
  };
  const arrays = [
    [8, 8],
    [16, 16],
    [32, 16],
    [32, 32],
  ] as const;
  for (const [cPar, kPar] of arrays) {
    const config = engineConfig({ cPar, kPar, weightBits: 9, multiplierBits: 32, input });
    const name = `${cPar}x${kPar}`;
    const made = compileEngine({ network, config, from: FROM });
    const [frame] = predictCycles({ config, program: made.bytes, memory: MEMORY, frames: 1 });
    const multipliers = cPar * kPar;
    const byKind = new Map<string, { macs: number; cycles: number }>();
    for (const layer of made.layers) {
      const ran = frame!.layers.filter(
        ({ descriptor }) => descriptor >= layer.descriptors[0] && descriptor < layer.descriptors[1],
      );
      const cycles = ran.reduce((sum, { start, end }) => sum + end - start, 0);
      const kind = layer.kind === "conv2d" ? "pointwise" : layer.kind;
      const sum = byKind.get(kind) ?? { macs: 0, cycles: 0 };
      byKind.set(kind, { macs: sum.macs + layer.macs, cycles: sum.cycles + cycles });
    }
    for (const [kind, { macs, cycles }] of byKind) {
      const value = macs / (cycles * multipliers);
      const peer = { name: "32×32 systolic array (SCALE-Sim v2)", value: SYSTOLIC_DEPTHWISE };
      const depthwise = kind === "depthwiseConv2d";
      rows.push({
        name: `${name} ${kind}`,
        metric: "utilization",
        value,
        unit: "of the multipliers",
        ...(depthwise ? { peer, ratio: value / SYSTOLIC_DEPTHWISE } : {}),
      });
      if (depthwise && value < LEAST_DEPTHWISE_RATIO * SYSTOLIC_DEPTHWISE)
        failed(`${name}: depthwise layers use ${(100 * value).toFixed(1)} % of the multipliers`);
    }
    const macs = made.layers.reduce((sum, layer) => sum + layer.macs, 0);
    const cycles = frame!.end - frame!.start;
    const whole = macs / (cycles * multipliers);
    rows.push({ name, metric: "utilization", value: whole, unit: "of the multipliers" });
    rows.push({ name, metric: "cyclesPerFrame", value: cycles, unit: "cycles" });
    rows.push({ name, metric: "weightBytes", value: made.externalBytes.weights, unit: "bytes a frame" });
    if (cPar !== 16 || kPar !== 16) continue;
    if (whole < LEAST_TAIL_UTILIZATION)
      failed(`the tail uses ${(100 * whole).toFixed(1)} % of the multipliers`);
    const measured = simulate(config, made);
    rows.push({
      name,
      metric: "cycles.model",
      value: cycles,
      unit: "cycles",
      peer: { name: "RTL", value: measured },
      ratio: cycles / measured,
    });
    if (Math.abs(cycles / measured - 1) > CYCLE_TOLERANCE)
      failed(`the model says ${cycles} cycles, the RTL takes ${measured}`);
  }
  return { bench: "accel", machine: cpus()[0]?.model ?? "unknown", rows };

  /** Run the engine's netlist on a frame of random activations; returns its cycles. */
  function simulate(config: EngineConfig, made: ReturnType<typeof compileEngine>): number {
    const rng = createRng(6);
    const image = Uint8Array.from({ length: input.height * input.width * input.channels }, () =>
      rng.integer(256),
    );
    const { design } = buildEngine(config, { periodPs: 5000, cells: sky130Cells });
    const memory = placeTasks([{ program: made, frames: 1 }], config);
    const { runs } = simulateAxiSystem({
      module: flatten(lowerDesign(design)),
      lanes: 1,
      contents: memory.contents,
      stream: { beatBytes: input.channels, lanes: [image] },
      runs: taskRuns(memory),
      memory: MEMORY,
      maxCycles: 1_000_000,
    });
    const [{ results, registers }] = runs as [(typeof runs)[0]];
    const wanted = executeFrom(network, FROM, image).get(network.output)!;
    const got = unpackTensor(results[0]!, made.result);
    if (wanted.some((value, i) => value !== got[i]))
      failed("the RTL's logits differ from the integer network's");
    return registers.cycles;
  }
}
