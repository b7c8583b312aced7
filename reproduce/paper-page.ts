import type { Range } from "../src/cost/index.js";
import { paperCorrections } from "../src/cost/index.js";
import {
  type Cell,
  cell,
  grouped,
  markdownTable,
  numberColumn,
  rangeCell,
  ratio,
  significant,
  type Table,
  textColumn,
} from "../src/report/index.js";
import { MOST_LOSS } from "./paper-accuracy-figures.js";
import { paperFigures } from "./paper-figures.js";
import type { ComparisonRow, PaperResults, StructuralRow } from "./paper-results.js";

const table = (columns: Table["columns"], rows: readonly (readonly Cell[])[]): string =>
  markdownTable({ columns, rows: rows.map((cells) => ({ cells })) });

const plain = (value: number): Cell => cell(significant(value));
const times = (value: number): Cell => cell(ratio(value));

function paperTable({ paper }: PaperResults): string {
  return table(
    [
      numberColumn("Fixed layers"),
      textColumn("Up to"),
      numberColumn("Front", "mm²"),
      numberColumn("Power", "W"),
      numberColumn("TOPS"),
      numberColumn("TOPS/W"),
      numberColumn("Gain"),
      numberColumn("Corrected: front", "mm²"),
      numberColumn("Power", "W"),
      numberColumn("TOPS"),
      numberColumn("TOPS/W"),
      numberColumn("Gain"),
    ],
    paper.map((row) => [
      plain(row.fixedLayers),
      cell(row.layer),
      plain(row.frontAreaMm2),
      plain(row.powerW),
      plain(row.tops),
      plain(row.topsPerWatt),
      times(row.gain),
      plain(row.corrected.frontAreaMm2),
      plain(row.corrected.powerW),
      plain(row.corrected.tops),
      plain(row.corrected.topsPerWatt),
      times(row.corrected.gain),
    ]),
  );
}

function correctionTables({ corrections }: PaperResults): string {
  return corrections
    .map(({ fixedLayers, rows }) => {
      const cells = rows.map(({ title, alone, upToHere }) => [
        cell(title),
        plain(alone.frontAreaMm2),
        plain(alone.topsPerWatt),
        times(alone.gain),
        plain(upToHere.frontAreaMm2),
        plain(upToHere.topsPerWatt),
        times(upToHere.gain),
      ]);
      return `### ${fixedLayers} fixed layers\n\n${table(
        [
          textColumn("Correction"),
          numberColumn("Alone: front", "mm²"),
          numberColumn("TOPS/W"),
          numberColumn("Gain"),
          numberColumn("All up to here: front", "mm²"),
          numberColumn("TOPS/W"),
          numberColumn("Gain"),
        ],
        cells,
      )}`;
    })
    .join("\n\n");
}

const byForm = (row: StructuralRow): Cell[] => [
  cell(row.node),
  cell(row.form),
  plain(row.frozenLayers),
  cell(row.tier),
  plain(row.clockMhz),
  rangeCell(row.areaMm2, significant),
  plain(row.partsMm2.datapath),
  plain(row.partsMm2.requantization),
  plain(row.partsMm2.registers),
  plain(row.partsMm2.sram),
  plain(row.partsMm2.rom),
  plain(row.partsMm2.control),
  rangeCell(row.energyPerFrameUj, significant),
  rangeCell(row.framesPerSecond, significant),
  rangeCell(row.topsPerWatt, significant),
];

function structuralTable({ structural }: PaperResults): string {
  return table(
    [
      textColumn("Node"),
      textColumn("Form"),
      numberColumn("Frozen layers"),
      textColumn("Energy's tier"),
      numberColumn("Clock", "MHz"),
      numberColumn("Placed area", "mm²"),
      numberColumn("Datapath"),
      numberColumn("Requantization"),
      numberColumn("Registers"),
      numberColumn("Line buffers"),
      numberColumn("ROM"),
      numberColumn("Control"),
      numberColumn("Energy", "µJ/frame"),
      numberColumn("Frames", "/s"),
      numberColumn("TOPS/W"),
    ],
    structural.map(byForm),
  );
}

function energyTable({ structural }: PaperResults): string {
  const parts = ["datapath", "requantization", "registers", "clock", "sram", "rom", "control"] as const;
  return table(
    [
      textColumn("Node"),
      textColumn("Form"),
      numberColumn("Frozen layers"),
      numberColumn("Datapath", "µJ"),
      numberColumn("Requantization"),
      numberColumn("Registers"),
      numberColumn("Clock"),
      numberColumn("Line buffers"),
      numberColumn("ROM"),
      numberColumn("Control"),
    ],
    structural.map((row) => [
      cell(row.node),
      cell(row.form),
      plain(row.frozenLayers),
      ...parts.map((part) => plain(row.energyPartsUj[part])),
    ]),
  );
}

const accelerators: Readonly<Record<string, string>> = { array: "generated engine", nvdla: "NVDLA" };
const optionalRange = (range: Range | undefined, format: (value: number) => string): Cell =>
  range === undefined ? cell("–") : rangeCell(range, format);

function comparisonTable(rows: readonly ComparisonRow[]): string {
  return table(
    [
      textColumn("Form, node"),
      textColumn("Against"),
      numberColumn("Area of both", "mm²"),
      numberColumn("Camera", "frames/s"),
      textColumn("Front, mm²; tail; all programmable"),
      numberColumn("Hybrid", "frames/s"),
      numberColumn("Programmable", "frames/s"),
      numberColumn("Hybrid", "TOPS/W"),
      numberColumn("Programmable", "TOPS/W"),
      numberColumn("Gain in TOPS/W"),
      numberColumn("Gain with DRAM"),
      numberColumn("Gain in frames/s"),
    ],
    rows.map((row) => [
      cell(`${row.form}, ${row.node}`),
      cell(accelerators[row.accelerator] ?? row.accelerator),
      plain(row.totalAreaMm2),
      cell(row.frameRate === null ? "most" : significant(row.frameRate)),
      cell(
        row.reason === null
          ? `${significant(row.frontAreaMm2?.nominal ?? 0)}; ${row.tail ?? "no tail"}; ${row.whole}`
          : `**not feasible**: ${row.reason}`,
      ),
      cell(row.hybrid === null ? "–" : significant(row.hybrid.framesPerSecond)),
      cell(row.baseline === null ? "–" : significant(row.baseline.framesPerSecond)),
      optionalRange(row.hybrid?.topsPerWatt, significant),
      optionalRange(row.baseline?.topsPerWatt, significant),
      optionalRange(row.gain?.topsPerWatt, ratio),
      optionalRange(row.gain?.topsPerWattWithDram, ratio),
      optionalRange(row.gain?.framesPerSecond, ratio),
    ]),
  );
}

function validationTable({ validation }: PaperResults): string {
  return table(
    [
      textColumn("Our engine at"),
      textColumn("Tier"),
      numberColumn("Multipliers"),
      numberColumn("Area", "mm²"),
      numberColumn("over published"),
      numberColumn("ResNet-50", "frames/s"),
      numberColumn("over published"),
      numberColumn("Power", "mW"),
      numberColumn("over published"),
    ],
    validation.map((row) => [
      cell(row.node),
      cell(row.tier),
      plain(row.macs),
      rangeCell(row.areaMm2, significant),
      times(areaRatio(row)),
      plain(row.framesPerSecond),
      times(rateRatio(row)),
      rangeCell(row.powerMw, significant),
      times(powerRatio(row)),
    ]),
  );
}

type Validation = PaperResults["validation"][number];
const areaRatio = (row: Validation): number => row.areaMm2.nominal / row.publishedAreaMm2;
const powerRatio = (row: Validation): number => row.powerMw.nominal / row.publishedPowerMw;
const rateRatio = (row: Validation): number => row.framesPerSecond / row.publishedFramesPerSecond;

/** The most TOPS/W that an NVDLA chip reaches with nothing frozen. */
function nvdlaTopsPerWatt({ comparisons }: PaperResults): string {
  const reached = comparisons.flatMap(({ accelerator, baseline }) =>
    accelerator === "nvdla" && baseline !== null ? [baseline.topsPerWatt.nominal] : [],
  );
  return significant(Math.max(...reached));
}

/** Smallest and largest of a ratio to what is published. */
function spread({ validation }: PaperResults, of: (row: Validation) => number): string {
  const ratios = validation.map(of);
  return `${ratio(Math.min(...ratios))} to ${ratio(Math.max(...ratios))}`;
}

/** Say in words what the feasible ratios of a depth are, form by form. */
function headline({ comparisons }: PaperResults, what: string, paper: string): string {
  const rows = comparisons.filter((row) => row.what === what && row.frameRate === null);
  const forms = [...new Set(rows.map(({ form }) => form))];
  const lines = forms.flatMap((form) =>
    ["array", "nvdla"].map((accelerator) => {
      const own = rows.filter((row) => row.form === form && row.accelerator === accelerator);
      const gains = own.flatMap(({ gain }) => (gain === null ? [] : [gain.topsPerWatt]));
      const about = `  - ${form} front against ${accelerator === "array" ? "the " : ""}${accelerators[accelerator]}`;
      if (gains.length === 0) return `${about}: not feasible at any of the areas`;
      const nominal = gains.map((gain) => gain.nominal);
      const low = Math.min(...gains.map((gain) => gain.low));
      const high = Math.max(...gains.map((gain) => gain.high));
      return `${about}: ${ratio(Math.min(...nominal))} to ${ratio(Math.max(...nominal))} nominal over areas and origins, bounds ${ratio(low)} to ${ratio(high)}; feasible in ${gains.length} of ${own.length} cases`;
    }),
  );
  return [`- ${what} (the paper: ${paper})`, ...lines].join("\n");
}

/** Pictures of the page whose files' names begin in one of some ways. */
function pictures(results: PaperResults, ...starts: readonly string[]): string {
  return paperFigures(results)
    .filter(({ file }) => starts.some((start) => file.startsWith(`paper-${start}`)))
    .map(({ file, alt }) => `![${alt}](${file})`)
    .join("\n\n");
}

function accuracySection(results: PaperResults): string {
  const { rows, totalAreaMm2 } = results.accuracy;
  const shown = pictures(results, "accuracy");
  if (shown === "") return "";
  const tasks = [...new Set(rows.flatMap(({ changes }) => Object.keys(changes)))];
  return `## Accuracy against efficiency

TOPS/W of the whole chip, front and tail with the classifier, ${totalAreaMm2} mm² at 16 nm, as fast as it can, 224×224. The accuracies are those of transfer.md: Google's quantized
MobileNet as the exact front, int8, **at 128×128**, on ${tasks.join(" and ")}; \`npm run reproduce -- paper\` reads the brackets of that page's table (tenths of a point), since the runs
themselves are not in the repository. A number beside a point is the last frozen block (5: frozen up to Conv2d_5_pointwise). Points that lose more than ${MOST_LOSS} are left out.

${shown}

`;
}

/** Write the page. */
export function paperPage(results: PaperResults): string {
  const { network, macs, freezePoint, comparisons, quick, notes } = results;
  const whats = [...new Set(comparisons.map(({ what }) => what))];
  const best = results.paper.reduce((a, b) => (a.topsPerWatt > b.topsPerWatt ? a : b));
  const full = results.paper.find(({ layer }) => layer === "Conv2d_13_pointwise") ?? best;
  return `# The paper's figures, reproduced and corrected

${network}: Google's quantized MobileNetV1-0.25 at 224×224, 8-bit, real weights, ${grouped(macs)} dense multiply-accumulates a frame (zero weights
included, padding excluded; one counts as two operations). Written by \`npm run reproduce -- paper\` from \`docs/results/paper.json\`${quick ? " (quick form)" : ""}. docs/cost.md
describes the models. The paper (Whatmough et al. 2019): 26.6 TOPS/W and 4.81× an iso-area programmable accelerator when the feature extractor is
fully fixed; 11.2 TOPS/W, nearly 2×, where transfer loses less than one point. Nothing here is tuned to meet these figures.

## Ratios at equal area, in short

${headline(results, whats[0] ?? "", "4.81×")}
${headline(results, whats[1] ?? "", "nearly 2×")}

Bounds are the corners of all ranges, so wide; section (c) has every row. The figures below are drawn from \`docs/results/paper.json\` alone:
\`npm run reproduce -- paper --page-only\` draws them again in a second.

${pictures(results, "pareto")}

Fronts alone, without the tail that a part-frozen one needs: their TOPS/W count the frozen layers' operations, so a front of 11 layers is not to be held against the paper's 11.2, which is a whole
chip (section (c) has ours). Bars: ranges. The paper's abstract states no area, so its figures are lines. NVDLA's points: published area, average power and frames/s, on ResNet-50; it reaches
${nvdlaTopsPerWatt(results)} TOPS/W on this network.

${accuracySection(results)}## (a) Paper tier: DeepFreeze as it is, and corrected

Left: DeepFreeze's \`model_ppa.py\`, formulas, coefficients and quirks (16 nm, 810 MHz; the accelerator's 3.3 mm² come on top of the front). Right: the same
coefficients with all of the corrections below. Gain: TOPS/W over the accelerator alone, under the same corrections; not at equal area.

${paperTable(results)}

The corrections, in this order:

${paperCorrections.map(({ title, explanation }, i) => `${i + 1}. **${title}.** ${explanation}`).join("\n")}

${correctionTables(results)}

## (b) Structural tier

All cells counted from the generated circuits × the tables' figures. Placed area: cells over a density of 0.6 to 0.85, memories as macros; the six parts are
cell and macro areas, mm². Fully parallel: every weight a constant. Folded: each layer only as parallel as its pixel rate needs. TOPS/W counts the
frozen layers' operations and energies without leakage. Energies by timed simulation of the layers' own netlists on windows of real photos, glitches, wires, clock gates and
idle cycles included ("simulated" when every layer is small enough for it):

${results.simulated.map((text) => `- ${text}`).join("\n")}

${structuralTable(results)}

Energy a frame by component, nominal:

${energyTable(results)}

Layer by layer, nominal, at 16 nm from ${results.frontLayers[0]?.node.split(" ").at(-1) ?? "–"} (from another technology the shares differ: the table above). SRAM: line buffers. "Freeze point": what transfer.md allows.
"Modelled": too large for the timed simulation.

${pictures(results, "area", "energy")}

## (c) Ratios at equal area

Total area at 16 nm on both sides: frozen front and the best accelerator in what it leaves, against the best accelerator of the whole. Generated engine: the one
that \`fixynn program\` writes, cells of its netlist, energies of its units on real layers, its compiler's loops, at the front's own node, scaled like it; one engine of at most 64×32, 8-bit weights. NVDLA: its published points, interpolated, no extrapolation below 0.51 mm². Ranges: all corners of
front, accelerator, scaling and DRAM (60 to 325 pJ a byte); what is common to both sides cancels. Camera "most": both as fast as they can; else at that frame rate,
idle power and leakage included. Fully fixed: both sides run the 27 convolutions; else the whole network with its classifier.

${pictures(results, "iso-area")}

Roofline of the all-programmable engine of 1 mm²: weights are read in every frame, and what its activation memory does not hold goes out and comes back. Depthwise layers leave most multipliers idle
however many bytes they move; NVDLA is not drawn, since its model takes published rates and has no bound of bytes for a layer.

${pictures(results, "roofline")}

${whats
  .map(
    (what) =>
      `### ${what[0]?.toUpperCase()}${what.slice(1)}\n\n${what.includes(freezePoint.layer) ? `${freezePoint.rule[0]?.toUpperCase()}${freezePoint.rule.slice(1)}.\n\n` : ""}${comparisonTable(comparisons.filter((row) => row.what === what))}`,
  )
  .join("\n\n")}

## (d) Where this differs from the paper, and why

- **26.6 TOPS/W is not what the published tool gives.** With the real weights, DeepFreeze gives ${significant(full.topsPerWatt)} TOPS/W with all 27 convolutions fixed and at most ${significant(best.topsPerWatt)} (${best.fixedLayers} layers). It
  charges each fixed layer full power in every cycle, although a layer at 7×7 works on one pixel of 1,024; charging power by utilization alone, with the same coefficients, overshoots the
  headline (the tables in (a)). The paper's own post-synthesis figures lie between; the tool does not contain them.
- **Baseline.** The paper's ratio implies about 5.5 TOPS/W for the programmable accelerator, near NVDLA's published average on ResNet-50. On MobileNet, whose depthwise and narrow layers leave
  NVDLA's atoms unfilled, the same chip reaches ${nvdlaTopsPerWatt(results)} TOPS/W at best. Our own engine in NVDLA's shapes has ${spread(results, areaRatio)} of its area, ${spread(results, powerRatio)} of its power
  and ${spread(results, rateRatio)} of its frames/s on ResNet-50 (the table below), and its windows keep depthwise layers busier. Both run the first layer as well as they can: NVDLA in its image mode, the engine on an
  image that comes packed in blocks ("image in 3×2": rows × columns), at no cost to it. It still holds image and early tensors in words as wide as the array, which at 224×224 cost it DRAM traffic and time that a front on a
  stream does not have.
- **Area.** Our fronts are counted with line buffers of all channels, requantization, registers for the clock, control and placement density; the paper's tool leaves these out or forgets
  the channels. ${quick ? "This quick form has the folded front alone." : 'Where the tables say "not feasible", the fully parallel front does not fit. Folding, which the original does not have, makes it fit, and pays for it in energy: weights come from ROMs and multipliers are no constants.'}
- **Scaling.** 16 nm here is scaled from 130 nm and from 7 nm (predictive), not designed; the two origins bound the truth and differ by more than most design choices.
- **DRAM.** The paper's headline leaves DRAM out; with it the ratios are those of the column "with DRAM".

### The generated engine beside NVDLA's published points

The engine in NVDLA's shapes, mapped and counted (atoms, an eighth of the buffer for weights), ResNet-50 without its sums, clocked at NVDLA's 1 GHz whatever its paths allow, 12.8 GB/s. Nothing is fitted: where it is smaller, faster
or takes less power than the published chip, our baseline is stronger than a real one would be, and the gains over it are too low.

${validationTable(results)}

### Sources of the accelerator's figures

${notes.map((note) => `- ${note}`).join("\n")}
`;
}
