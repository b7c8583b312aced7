import type { Values } from "./codec.js";
import { type layerFields, SPACES, type transferFields } from "./fields.js";
import type { Instruction, Program } from "./program.js";

const FLAGS = [
  "maximum",
  "waitInput",
  "releaseInput",
  "sourceAInput",
  "sourceBInput",
  "weightsStream",
  "weightsKeep",
  "weightsShared",
  "doubleRounding",
  "tiesAway",
  "fourRows",
] as const satisfies readonly (keyof typeof layerFields)[];

const hex = (value: number, digits: number): string => `0x${value.toString(16).padStart(digits, "0")}`;
const last = (count: number, each: number, end: number): string =>
  count > 1 ? `${count} × ${each}, last ${end}` : `${end}`;

function layerLines(f: Values<typeof layerFields>): readonly string[] {
  const flags = FLAGS.filter((name) => f[name] === 1);
  const source = (name: string, start: number): string => `${name} at ${hex(start, 4)}`;
  return [
    `${f.windowed === 1 ? "windowed" : "channels"}${flags.length > 0 ? `; ${flags.join(", ")}` : ""}`,
    `source ${source("A", f.sourceAStart)}${f.planeSource === 0 ? "" : `, ${source("B", f.sourceBStart)}`}: ` +
      `${f.height}×${f.width}, ${f.pixelWords} words a pixel, ${f.rowWords} a row; origin ${f.originY}, ${f.originX}; padding ${f.padding}`,
    `target at ${hex(f.targetStart, 4)} bank ${f.targetBank}: ${f.targetPixelWords} words a pixel, ${f.targetRowWords} a row`,
    `loops: ${f.groups} groups; rows ${last(f.rowStripes, f.stripeRows, f.lastStripeRows)}; columns ${last(f.columnStripes, f.stripeColumns, f.lastStripeColumns)}`,
    `passes ${f.passes} = ${f.planes} planes (B ${hex(f.planeSource, 2)}, scaled ${hex(f.planeScale, 2)}) · ${f.rowPasses} · ${f.columnPasses} · ${f.channelPasses}; ` +
      `${last(f.columnPasses, f.columns, f.lastColumns)} columns; step ${f.columnStep}, output every ${f.emitEvery}, row step ${f.strideRows}`,
    `requantize: + ${f.zeroPoint}, ${f.low} … ${f.high}; ${f.multiplierPasses} cycles; weight zero ${f.weightZero}`,
  ];
}

function transferLine(f: Values<typeof transferFields>): string {
  const space = Object.entries(SPACES).find(([, value]) => value === f.space)?.[0];
  return `${space} + ${hex(f.offset, 6)}, bank address ${hex(f.start, 4)} bank ${f.startBank}: ${f.rows} rows of ${f.rowWords} words, ${f.beats} beats`;
}

function instructionLines(instruction: Instruction, index: number): readonly string[] {
  if (instruction.kind === "end") return [`${index}: end`];
  const { waitLayers, waitTransfers } = instruction.fields;
  const head = `${index}: ${instruction.kind}, after ${waitLayers} layers, ${waitTransfers} transfers`;
  const lines =
    instruction.kind === "layer" ? layerLines(instruction.fields) : [transferLine(instruction.fields)];
  return [head, ...lines.map((line) => `    ${line}`)];
}

/** List a program, a few lines a descriptor: what it waits for, its tensors, loops and requantization; then the weight list. */
export function printProgram(program: Program): string {
  const lines = [
    `program for engine ${hex(program.fingerprint, 8)}: ${program.instructions.length} descriptors, ${program.weightEntries.length} weight entries, ${program.image.length} bytes of weights`,
    ...program.instructions.flatMap(instructionLines),
    "weights:",
    ...program.weightEntries.map(
      ({ offset, beats, repeat }, i) =>
        `${i}: ${hex(offset, 6)}, ${beats} beats${repeat > 1 ? `, ${repeat} times` : ""}`,
    ),
  ];
  return `${lines.join("\n")}\n`;
}
