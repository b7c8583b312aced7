import { grouped, percent, plural, points, ratio } from "./format.js";
import { type Precision, unfrozenOf } from "./freeze-verdict.js";
import { freezePointsOf, type Results, type SweepEntry } from "./results.js";

/** What the run shows, in a sentence and a state. */
export type Verdict = {
  /** `unverified`: at least one freeze point has no comparison yet. */
  readonly state: "verified" | "mismatch" | "unverified";
  readonly sentence: string;
};

type Comparison = { readonly images: number; readonly values: number; readonly mismatches: number };

/** Return every comparison with the integer reference that was made for a freeze point. */
function comparisonsOf(entry: SweepEntry): readonly Comparison[] {
  const { rtl, system } = entry;
  return [...(rtl?.verified ? [rtl.verified] : []), ...(rtl?.judges ?? []), ...(system ? [system] : [])];
}

/** Return the freeze point that the run chose, with its layers, or the deepest one. */
export function chosenEntry(results: Results): SweepEntry | undefined {
  const entries = freezePointsOf(results);
  return (
    entries.find(({ freezePoint }) => freezePoint.layer === results.freezePoint?.layer) ?? entries.at(-1)
  );
}

function frozenText(results: Results, entry: SweepEntry): string {
  const { layer, frozenLayers, frozenMacs } = entry.freezePoint;
  const macs = results.backbone?.macs;
  const share = macs === undefined || macs === 0 ? "" : `, ${percent(frozenMacs / macs)} % of its MACs`;
  const name = results.backbone?.name ?? "the network";
  return `${plural(frozenLayers, "layer")} of ${name} frozen up to ${layer}${share}`;
}

function accuracyText(entry: SweepEntry): string | undefined {
  const changes = (entry.datasets ?? []).flatMap(({ name, accuracy }) => {
    const form: Precision = accuracy.int8 ? "int8" : "float";
    const after = accuracy[form];
    if (!after) return [];
    const unfrozen = unfrozenOf(entry, name, form) ?? accuracy.unfrozen;
    const change = unfrozen ? `, ${points(after.value - unfrozen.value)} points to the unfrozen network` : "";
    return [`${name} ${percent(after.value)} % (${form}${change})`];
  });
  return changes.length === 0 ? undefined : changes.join(", ");
}

function gainText(entry: SweepEntry): string | undefined {
  if (!entry.gain || !entry.baseline) return undefined;
  const { topsPerWatt, topsPerWattRange: range } = entry.gain;
  const bounds = range === undefined ? "" : ` (${ratio(range.low)} to ${ratio(range.high)})`;
  return `${ratio(topsPerWatt)}${bounds} the TOPS/W of ${entry.baseline.name} (${entry.gain.tier})`;
}

/**
 * Judge the whole run: a mismatch anywhere is a mismatch; a freeze point without a comparison leaves it unverified.
 * The sentence tells what was frozen, the accuracy and its change, the gain, and the values compared.
 */
export function verdictOf(results: Results): Verdict {
  const entries = freezePointsOf(results);
  const chosen = chosenEntry(results);
  if (chosen === undefined) return { state: "unverified", sentence: "No layer has been frozen yet." };
  const parts = [frozenText(results, chosen), accuracyText(chosen), gainText(chosen)].filter(
    (part) => part !== undefined,
  );
  const comparisons = entries.flatMap(comparisonsOf);
  const values = comparisons.reduce((sum, comparison) => sum + comparison.values, 0);
  const mismatches = comparisons.reduce((sum, comparison) => sum + comparison.mismatches, 0);
  const built = entries.filter((entry) => entry.rtl !== undefined);
  const designs = built.length > 0 ? built : entries;
  const pending = designs.filter((entry) => (entry.rtl?.verified?.values ?? 0) === 0).length;
  const start = `${parts.join("; ")}; `;
  const judges = entries.flatMap(({ system }) => system?.judges ?? []);
  const refused = judges.find(({ outcome }) => outcome === "different");
  if (refused !== undefined)
    return { state: "mismatch", sentence: `${start}${refused.simulator} finds other values.` };
  if (mismatches > 0) {
    return {
      state: "mismatch",
      sentence: `${start}${grouped(mismatches)} of ${grouped(values)} simulated values differ.`,
    };
  }
  if (pending > 0) {
    const which =
      pending === designs.length
        ? "the hardware is"
        : `${plural(pending, "freeze point")} of ${designs.length} still`;
    return { state: "unverified", sentence: `${start}${which} not verified.` };
  }
  return {
    state: "verified",
    sentence: `${start}${grouped(values)} simulated values verified, none differs.`,
  };
}
