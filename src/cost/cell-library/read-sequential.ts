import { type BooleanExpression, parseBoolean } from "../boolean-expression.js";
import type { LibertyGroup } from "../liberty.js";
import type { Sequential } from "./library.js";

/** Read a clock gate; only latched ones on the rising edge are modelled, with the test pin before the latch or after. */
function clockGate(cell: LibertyGroup): Sequential {
  const style = cell.attributes.get("clock_gating_integrated_cell") ?? "";
  const marked = (attribute: string): string | undefined =>
    cell.groups.find((g) => g.name === "pin" && g.attributes.get(attribute)?.toLowerCase() === "true")
      ?.args[0];
  const clock = marked("clock_gate_clock_pin");
  const enable = marked("clock_gate_enable_pin");
  const output = marked("clock_gate_out_pin");
  const known = ["latch_posedge", "latch_posedge_precontrol", "latch_posedge_postcontrol"].includes(style);
  if (!known || clock === undefined || enable === undefined || output === undefined)
    return { kind: "unknown" };
  return { kind: "clockGate", clock, enable, test: marked("clock_gate_test_pin") ?? null, output };
}

/** Read what a cell stores: `ff`, `latch`, a clock gate, or a state that is not modelled; `null` for a combinational cell. */
export function readSequential(cell: LibertyGroup, place: string): Sequential | null {
  if (cell.attributes.has("clock_gating_integrated_cell")) return clockGate(cell);
  const states = cell.groups.filter((g) =>
    ["ff", "latch", "ff_bank", "latch_bank", "statetable"].includes(g.name),
  );
  const [group] = states;
  if (group === undefined) return null;
  const text = (name: string): BooleanExpression | null => {
    const value = group.attributes.get(name);
    return value === undefined || value.trim() === "" ? null : parseBoolean(value, place);
  };
  const [state, stateInverted] = group.args;
  if (states.length > 1 || state === undefined || stateInverted === undefined) return { kind: "unknown" };
  const common = { state, stateInverted, clear: text("clear"), preset: text("preset") };
  if (group.name === "ff") {
    const [clockedOn, next] = [text("clocked_on"), text("next_state")];
    if (clockedOn !== null && next !== null) return { kind: "flipFlop", ...common, clockedOn, next };
  }
  if (group.name === "latch") {
    const [enable, data] = [text("enable"), text("data_in")];
    if (enable !== null && data !== null) return { kind: "latch", ...common, enable, data };
  }
  return { kind: "unknown" };
}
