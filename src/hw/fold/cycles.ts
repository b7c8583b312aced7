import type { WindowPlan } from "../window-plan.js";

/** Tell at which steps of a frame a window is complete. */
export function windowSteps(plan: WindowPlan): readonly number[] {
  const { kernel, padding, stride, output, periodSteps } = plan;
  const firstX = kernel.width - 1 - padding.left;
  const firstY = kernel.height - 1 - padding.top;
  const steps: number[] = [];
  for (let y = 0; y < output.height; y++) {
    for (let x = 0; x < output.width; x++) {
      steps.push((firstY + y * stride.height) * periodSteps + firstX + x * stride.width);
    }
  }
  return steps;
}

/**
 * Count the cycles from the first beat of the first frame to the readiness for the first beat after the last frame, neither side
 * pausing. One step a cycle; a step that completes a window waits until the window before has had its `windowCycles` cycles.
 */
export function foldedCycles(plan: WindowPlan, windowCycles: number, frames: number): number {
  const complete = windowSteps(plan);
  let start = 0;
  let fired = -windowCycles;
  let at = 0;
  let next = 0;
  for (let frame = 0; frame < frames; frame++) {
    at = start;
    let step = 0;
    for (const fire of complete) {
      const arrives = Math.max(at + (fire - step), fired + windowCycles);
      fired = arrives;
      at = arrives;
      step = fire;
    }
    start = at + (plan.steps - step);
    next = complete[0] === 0 ? Math.max(start, fired + windowCycles) : start;
  }
  return next;
}

/** Cycles a frame in the long run. */
export function foldedCyclesPerFrame(plan: WindowPlan, windowCycles: number): number {
  return foldedCycles(plan, windowCycles, 4) - foldedCycles(plan, windowCycles, 3);
}

/**
 * Cycles a frame of a layer that writes each step's pixel in `write` cycles and then, if a window is complete, reads it in `read` cycles,
 * nothing overlapping but the last cycle.
 */
export function serialCyclesPerFrame(
  plan: WindowPlan,
  { write, read }: { readonly write: number; readonly read: number },
): number {
  return plan.steps * write + plan.output.height * plan.output.width * read;
}
