import { concat } from "../builder.js";
import { addController, addWindow } from "../controller.js";
import { beginLayer, coreLatency, type FoldedLayer, foldedTiming, registersOf } from "./begin.js";
import { addCore, addWalk } from "./core.js";
import { foldedCyclesPerFrame } from "./cycles.js";
import { addOperands } from "./operands.js";
import { type FoldedJob, foldedParts } from "./parts.js";
import { foldedStats } from "./stats.js";

/**
 * Compile a weighted layer to a folded pipeline: operands are held while a counter walks through the weight ROM; lanes of multipliers sum
 * a slice of the taps of some output channels in each cycle; results are requantized and collected to a pixel. Ports and bytes are
 * those of the parallel form.
 */
export function compileHeldWindow(job: FoldedJob): FoldedLayer {
  const { input, plan } = job;
  const parts = foldedParts(job);
  const { b, pixel, valid, signals, connectReady } = beginLayer(job, parts, []);
  const { resetN } = signals;
  const { steps } = parts.steps;
  const channels = input.shape.at(-1)!;
  const held = b.net("held", 1, "the operands are at work");
  const walk = addWalk(b, parts, b.signal(held), signals);
  const free = b.logic("or", "operands_free", [b.not("idle", b.signal(held)), walk.finish]);
  const control = addController(b, plan, {
    advance: (complete) =>
      complete[0]?.kind === "constant"
        ? free
        : b.logic("or", "may_step", [free, b.not("incomplete", complete)]),
    valid,
    resetN,
  });
  const window = addWindow(b, plan, control, pixel, {
    channels,
    bits: input.bits,
    padValue: input.zeroPoint,
  });
  const operands = addOperands(b, job, parts, { walk, window: concat(window), fire: control.fire });
  const stay = b.logic("and", "stay", [b.signal(held), b.not("unfinished", walk.finish)]);
  b.registerInto(held, "held", b.logic("or", "held_next", [control.fire, stay]), { resetN, role: "control" });

  const out = addCore(b, parts, walk, signals, operands);
  connectReady(control.ready);
  b.output("m_axis_tdata", out.data);
  b.output("m_axis_tvalid", out.valid);
  const top = b.build();
  const stats = foldedStats(job, parts, top, {
    latencyCycles: coreLatency(parts),
    cyclesPerFrame: foldedCyclesPerFrame(plan, steps),
    window: { reads: plan.steps, writes: plan.steps },
  });
  return {
    modules: [parts.lane.module, parts.requantizer.module, top],
    stats,
    ...registersOf(parts),
    timing: foldedTiming(job, parts, "held"),
  };
}
