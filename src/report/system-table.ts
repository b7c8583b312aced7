import { absent, grouped, optional, percent, significant } from "./format.js";
import { freezePointsOf, type Results, type SystemResult } from "./results.js";
import { type Cell, cell, numberColumn, type Table, textColumn } from "./table.js";

const cellsOf = (
  { engine, simulator, cost }: SystemResult,
  task: SystemResult["tasks"][number],
): readonly Cell[] => [
  cell(task.dataset),
  cell(`${engine.cPar}×${engine.kPar}`),
  cell(simulator),
  cell(grouped(task.images)),
  cell(grouped(task.values)),
  { text: grouped(task.mismatches), tone: task.mismatches === 0 ? "good" : "bad" },
  cell(percent(task.accuracy.value)),
  cell(grouped(task.cyclesPerFrame)),
  cell(grouped(task.predictedCyclesPerFrame)),
  cell(grouped(task.firstFrameCycles)),
  cell(percent(task.utilization)),
  cell(grouped(task.weightBytesPerFrame)),
  cell(grouped(task.activationBytesPerFrame)),
  cell(grouped(task.switching.registerWrites)),
  cell(grouped(task.switching.weightBytes)),
  cell(optional(cost, ({ areaMm2 }) => significant(areaMm2.nominal))),
  cell(
    optional(cost?.tasks.find(({ dataset }) => dataset === task.dataset)?.energyPerFrameUj, ({ nominal }) =>
      significant(nominal),
    ),
  ),
];

type Judge = NonNullable<SystemResult["judges"]>[number];

const outcomeText = { equal: "all equal", different: "they differ", notFinished: "not finished" } as const;

/** Say what an independent simulator found. */
function judgeText(layer: string, { simulator, part, images, values, outcome, detail }: Judge): string {
  const what = part === "chip" ? "the whole chip" : "the engine behind the front's bytes";
  const why = detail === undefined ? "" : ` (${detail})`;
  return `${simulator} on ${what}, frozen up to ${layer}: ${grouped(values)} values of ${grouped(images)} images, ${outcomeText[outcome]}${why}.`;
}

/** Tabulate front and engine as one chip, a row for each freeze point and task: what was compared, what a frame takes, what switching to the task takes. */
export function systemTable(results: Results): Table {
  const columns = [
    textColumn("Frozen up to"),
    textColumn("Task"),
    textColumn("Engine"),
    textColumn("Simulator"),
    numberColumn("Images"),
    numberColumn("Values"),
    numberColumn("Mismatches"),
    numberColumn("Accuracy", "%"),
    numberColumn("Cycles", "/frame"),
    numberColumn("Cycle model", "/frame"),
    numberColumn("First frame", "cycles"),
    numberColumn("Busy", "%"),
    numberColumn("Weights", "B/frame"),
    numberColumn("Activations", "B/frame"),
    numberColumn("Switching: registers"),
    numberColumn("Switching: weights", "B"),
    numberColumn("Engine area", "mm²"),
    numberColumn("Engine energy", "µJ/frame"),
  ];
  const rows = freezePointsOf(results).flatMap(({ freezePoint: { layer }, system, noSystem }) => {
    if (system !== undefined)
      return system.tasks.map((task) => ({ cells: [cell(layer), ...cellsOf(system, task)] }));
    if (noSystem === undefined) return [];
    const rest = Array.from({ length: columns.length - 2 }, () => cell(absent));
    return [{ cells: [cell(layer), cell(noSystem), ...rest] }];
  });
  const judgements = freezePointsOf(results).flatMap(({ freezePoint: { layer }, system }) =>
    (system?.judges ?? []).map((judge) => judgeText(layer, judge)),
  );
  const cost = freezePointsOf(results).find(({ system }) => system?.cost !== undefined)?.system?.cost;
  const memory = freezePointsOf(results).find(({ system }) => system !== undefined)?.system?.engine.memory;
  return {
    id: "system",
    caption: "Front and engine as one chip",
    columns,
    rows,
    notes: [
      "Images go in at the front's stream, logits are read from memory and compared with the golden executor's. The front works on the next frame while the engine works on this one.",
      "Tasks run one after another on the same RTL. Switching to a task: registers that the host writes before the start, and the weights, which are read in every frame anyway.",
      ...judgements,
      ...(cost === undefined
        ? []
        : [
            `Engine: ${cost.technology}, cells ${cost.tier}, ${significant(cost.clockMhz)} MHz; energy of its logic and memories on real layers, without leakage and external memory.`,
          ]),
      "Busy: multiply-accumulates over multipliers × cycles.",
      ...(memory === undefined
        ? []
        : [
            `Memory: ${memory.bytesPerCycle} bytes a cycle, ${memory.latencyCycles} cycles to the first beat.`,
          ]),
    ],
  };
}
