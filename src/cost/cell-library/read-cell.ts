import { FixynnError, mean } from "../../core/index.js";
import { type BooleanExpression, parseBoolean } from "../boolean-expression.js";
import { type LibertyGroup, libertyTable } from "../liberty.js";
import type { LibertyUnits } from "../liberty-file.js";
import type {
  CellPin,
  ConstraintArc,
  DelayArc,
  EdgeTables,
  LibraryCell,
  NldmTable,
  PowerArc,
  TimingSense,
} from "./library.js";
import { readSequential } from "./read-sequential.js";

/** What the tables of a cell are read with. */
export type CellContext = {
  readonly units: LibertyUnits;
  readonly templates: ReadonlyMap<string, LibertyGroup>;
  /** Supply pins that most cells have. */
  readonly supplies: ReadonlySet<string>;
  readonly place: string;
};

/** Supply pins of a cell. */
export const powerPins = (cell: LibertyGroup): readonly string[] =>
  cell.groups.flatMap((g) =>
    g.name === "pg_pin" && g.attributes.get("pg_type")?.endsWith("_power") ? [g.args[0] ?? ""] : [],
  );

const isTrue = (text: string | undefined): boolean => text?.toLowerCase() === "true";

function expressionOf(group: LibertyGroup, attribute: string, place: string): BooleanExpression | null {
  const text = group.attributes.get(attribute);
  return text === undefined || text.trim() === "" ? null : parseBoolean(text, place);
}

function readPins(cell: LibertyGroup, { units, place }: CellContext): CellPin[] {
  const groups = cell.groups.flatMap((g) =>
    g.name === "pin"
      ? [g]
      : g.name === "bus" || g.name === "bundle"
        ? g.groups.filter((p) => p.name === "pin")
        : [],
  );
  return groups.flatMap((pin): CellPin[] => {
    const direction = pin.attributes.get("direction");
    if (direction !== "input" && direction !== "output") return [];
    const most = pin.attributes.get("max_capacitance");
    return [
      {
        name: pin.args[0] ?? "",
        direction,
        capacitanceFf: direction === "input" ? Number(pin.attributes.get("capacitance") ?? 0) * units.fF : 0,
        maxCapacitanceFf: most === undefined ? null : Number(most) * units.fF,
        isClock: isTrue(pin.attributes.get("clock")),
        // What a tri-state output drives depends on more than its function.
        function:
          direction === "output" && !pin.attributes.has("three_state")
            ? expressionOf(pin, "function", place)
            : null,
      },
    ];
  });
}

/** Read a table with its axes in ps (slews) and fF (loads), and its values scaled. */
function tableOf(group: LibertyGroup | undefined, context: CellContext, scale: number): NldmTable | null {
  if (group === undefined) return null;
  const { units, templates } = context;
  const table = libertyTable(group, templates);
  const isConstraint = group.name.endsWith("_constraint");
  return {
    rows: table.slews.map((v) => v * units.ps),
    columns: table.loads.map((v) => v * (isConstraint ? units.ps : units.fF)),
    values: table.values.map((v) => v * scale),
  };
}

function edges(
  group: LibertyGroup,
  [rise, fall]: readonly [string, string],
  context: CellContext,
  scale: number,
): EdgeTables {
  const find = (name: string): LibertyGroup | undefined => group.groups.find((g) => g.name === name);
  return { rise: tableOf(find(rise), context, scale), fall: tableOf(find(fall), context, scale) };
}

const arcKinds: Readonly<Record<string, DelayArc["kind"]>> = {
  combinational: "combinational",
  combinational_rise: "combinational",
  combinational_fall: "combinational",
  rising_edge: "edge",
  falling_edge: "edge",
  clear: "clear",
  preset: "preset",
};

const senses: Readonly<Record<string, TimingSense>> = {
  positive_unate: "positive",
  negative_unate: "negative",
};

const timingGroups = (cell: LibertyGroup): readonly (readonly [string, LibertyGroup])[] =>
  cell.groups.flatMap((pin) =>
    pin.name !== "pin"
      ? []
      : pin.groups.filter((g) => g.name === "timing").map((g) => [pin.args[0] ?? "", g] as const),
  );

function readDelays(cell: LibertyGroup, context: CellContext): DelayArc[] {
  const { ps } = context.units;
  return timingGroups(cell).flatMap(([to, timing]): DelayArc[] => {
    const kind = arcKinds[timing.attributes.get("timing_type") ?? "combinational"];
    if (kind === undefined) return [];
    const delayPs = edges(timing, ["cell_rise", "cell_fall"], context, ps);
    if (delayPs.rise === null && delayPs.fall === null) return [];
    const slewPs = edges(timing, ["rise_transition", "fall_transition"], context, ps);
    const when = expressionOf(timing, "when", context.place);
    const sense = senses[timing.attributes.get("timing_sense") ?? ""] ?? "either";
    const related = (timing.attributes.get("related_pin") ?? "").split(/\s+/).filter((name) => name !== "");
    return related.map((from) => ({ kind, from, to, sense, when, delayPs, slewPs }));
  });
}

function readConstraints(cell: LibertyGroup, context: CellContext): ConstraintArc[] {
  return timingGroups(cell).flatMap(([pin, timing]): ConstraintArc[] => {
    const [, kind, clockEdge] =
      /^(setup|hold)_(rising|falling)$/.exec(timing.attributes.get("timing_type") ?? "") ?? [];
    if (kind === undefined) return [];
    const limitPs = edges(timing, ["rise_constraint", "fall_constraint"], context, context.units.ps);
    const clock = timing.attributes.get("related_pin") ?? "";
    return [
      {
        kind: kind as "setup" | "hold",
        pin,
        clock,
        clockEdge: clockEdge === "rising" ? "rise" : "fall",
        limitPs,
      },
    ];
  });
}

function readPower(cell: LibertyGroup, context: CellContext): PowerArc[] {
  const { pJ } = context.units;
  return cell.groups.flatMap((pin): PowerArc[] =>
    pin.name !== "pin"
      ? []
      : pin.groups.flatMap((power): PowerArc[] => {
          if (power.name !== "internal_power") return [];
          const both = power.groups.find((g) => g.name === "power");
          const energyPj =
            both === undefined
              ? edges(power, ["rise_power", "fall_power"], context, pJ)
              : { rise: tableOf(both, context, pJ), fall: tableOf(both, context, pJ) };
          if (energyPj.rise === null && energyPj.fall === null) return [];
          const when = expressionOf(power, "when", context.place);
          const supply = power.attributes.get("related_pg_pin") ?? null;
          const text = power.attributes.get("related_pin");
          const related = text === undefined ? [null] : text.split(/\s+/).filter((name) => name !== "");
          return related.map((name) => ({ pin: pin.args[0] ?? "", related: name, when, supply, energyPj }));
        }),
  );
}

function readLeakage(cell: LibertyGroup, { units, place }: CellContext) {
  const bySupply = new Map<string, number[]>();
  const byState = new Map<string, { when: BooleanExpression; leakageNw: number }>();
  for (const group of cell.groups) {
    if (group.name !== "leakage_power") continue;
    const value = Number(group.attributes.get("value") ?? 0) * units.nW;
    const supply = group.attributes.get("related_pg_pin") ?? "";
    bySupply.set(supply, [...(bySupply.get(supply) ?? []), value]);
    const text = group.attributes.get("when");
    if (text === undefined || text === "") continue;
    const state = byState.get(text) ?? { when: parseBoolean(text, place), leakageNw: 0 };
    state.leakageNw += value;
    byState.set(text, state);
  }
  const stated = cell.attributes.get("cell_leakage_power");
  const leakageNw =
    stated === undefined
      ? [...bySupply.values()].reduce((sum, values) => sum + mean(values), 0)
      : Number(stated) * units.nW;
  return { leakageNw, leakageStates: [...byState.values()] };
}

/** Compute a value once, when it is first asked for. */
function lazy<T>(compute: () => T): () => T {
  let value: { readonly it: T } | undefined;
  return () => {
    value ??= { it: compute() };
    return value.it;
  };
}

/**
 * Turn a `cell` group into a cell; tables are read when they are first asked for.
 *
 * @throws FixynnError FX7002, FX7003 for tables and functions that cannot be read, FX7061 for a cell without an area
 */
export function readCell(group: LibertyGroup, context: CellContext): LibraryCell {
  const name = group.args[0] ?? "";
  const areaUm2 = Number(group.attributes.get("area") ?? 0);
  if (!Number.isFinite(areaUm2)) {
    throw new FixynnError("FX7061", `cell ${name} has no readable area`, { place: context.place });
  }
  const delays = lazy(() => readDelays(group, context));
  const constraints = lazy(() => readConstraints(group, context));
  const power = lazy(() => readPower(group, context));
  return {
    name,
    areaUm2,
    ...readLeakage(group, context),
    dontUse:
      isTrue(group.attributes.get("dont_use")) ||
      powerPins(group).some((name) => !context.supplies.has(name)) ||
      isTrue(group.attributes.get("is_isolation_cell")) ||
      isTrue(group.attributes.get("is_level_shifter")),
    pins: readPins(group, context),
    sequential: readSequential(group, context.place),
    get delays() {
      return delays();
    },
    get constraints() {
      return constraints();
    },
    get power() {
      return power();
    },
  };
}
