import { absent, grouped, optional, percent, plural, significant } from "./format.js";
import { freezePointsOf, type Results, type SystemResult } from "./results.js";
import { type Cell, cell, numberColumn, type Table, textColumn } from "./table.js";

type Judge = NonNullable<SystemResult["judges"]>[number];

const outcomeText = { equal: "all equal", different: "they differ", notFinished: "not finished" } as const;

/** Say what an independent simulator found. */
function judgeText(layer: string, { simulator, part, images, values, outcome, detail }: Judge): string {
  const what = part === "chip" ? "the whole chip" : "the engine behind the front's bytes";
  const why = detail === undefined ? "" : ` (${detail})`;
  return `${simulator} on ${what}, frozen up to ${layer}: ${grouped(values)} values of ${grouped(images)} images, ${outcomeText[outcome]}${why}.`;
}

type Task = SystemResult["tasks"][number];

/** A row for each freeze point and task; one that says why where there is no chip. */
function rowsOf(
  results: Results,
  width: number,
  cells: (system: SystemResult, task: Task) => readonly Cell[],
): Table["rows"] {
  return freezePointsOf(results).flatMap(({ freezePoint: { layer }, system, noSystem }) => {
    if (system !== undefined)
      return system.tasks.map((task) => ({
        cells: [cell(layer), cell(task.dataset), ...cells(system, task)],
      }));
    if (noSystem === undefined) return [];
    return [
      { cells: [cell(layer), cell(noSystem), ...Array.from({ length: width - 2 }, () => cell(absent))] },
    ];
  });
}

/** Tabulate what was compared of front and engine as one chip, a row for each freeze point and task. */
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
  ];
  const judgements = freezePointsOf(results).flatMap(({ freezePoint: { layer }, system }) =>
    (system?.judges ?? []).map((judge) => judgeText(layer, judge)),
  );
  return {
    id: "system",
    caption: "Front and engine as one chip",
    columns,
    rows: rowsOf(results, columns.length, ({ engine, simulator }, task) => [
      cell(`${engine.cPar}×${engine.kPar}`),
      cell(simulator),
      cell(grouped(task.images)),
      cell(grouped(task.values)),
      { text: grouped(task.mismatches), tone: task.mismatches === 0 ? "good" : "bad" },
      cell(percent(task.accuracy.value)),
    ]),
    notes: [
      "Images go in at the front's stream, logits are read from memory and compared with the golden executor's. Tasks run one after another on the same RTL.",
      ...judgements,
    ],
  };
}

/** Tabulate what a frame takes on the chip's engine, what switching to a task takes, and what the engine costs. */
export function engineTable(results: Results): Table {
  const columns = [
    textColumn("Frozen up to"),
    textColumn("Task"),
    numberColumn("Cycles", "/frame"),
    numberColumn("Cycle model", "/frame"),
    numberColumn("First frame", "cycles"),
    numberColumn("Busy", "%"),
    numberColumn("Weights", "B/frame"),
    numberColumn("Activations", "B/frame"),
    textColumn("Switching to it"),
    numberColumn("Engine area", "mm²"),
    numberColumn("Engine energy", "µJ/frame"),
  ];
  const entries = freezePointsOf(results);
  const cost = entries.find(({ system }) => system?.cost !== undefined)?.system?.cost;
  const memory = entries.find(({ system }) => system !== undefined)?.system?.engine.memory;
  return {
    id: "engine",
    caption: "What a frame takes on the engine",
    columns,
    rows: rowsOf(results, columns.length, ({ cost }, task) => [
      cell(grouped(task.cyclesPerFrame)),
      cell(grouped(task.predictedCyclesPerFrame)),
      cell(grouped(task.firstFrameCycles)),
      cell(percent(task.utilization)),
      cell(grouped(task.weightBytesPerFrame)),
      cell(grouped(task.activationBytesPerFrame)),
      cell(
        `${plural(task.switching.registerWrites, "register write")}, ${grouped(task.switching.weightBytes)} B`,
      ),
      cell(optional(cost, ({ areaMm2 }) => significant(areaMm2.nominal))),
      cell(
        optional(
          cost?.tasks.find(({ dataset }) => dataset === task.dataset)?.energyPerFrameUj,
          ({ nominal }) => significant(nominal),
        ),
      ),
    ]),
    notes: [
      "Cycles: between the results of two frames; the front works on the next frame meanwhile. Busy: multiply-accumulates over multipliers × cycles. Weights and activations: moved from and to external memory.",
      "Switching to a task: registers that the host writes before the start, and its weights, which are read in every frame anyway.",
      ...(memory === undefined
        ? []
        : [
            `Memory: ${memory.bytesPerCycle} bytes a cycle, ${memory.latencyCycles} cycles to the first beat.`,
          ]),
      ...(cost === undefined
        ? []
        : [
            `Cost: ${cost.technology}, cells ${cost.tier}, ${significant(cost.clockMhz)} MHz; energy of logic and memories on real layers, without leakage and external memory.`,
          ]),
    ],
  };
}
