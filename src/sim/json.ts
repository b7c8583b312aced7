import { FixynnError } from "../core/index.js";
import type { SimModule, SimNetlist } from "./ir.js";

/** Version of the text form; part of every cache key. */
export const SIM_JSON_VERSION = 2;

type JsonModule = Omit<SimModule, "gates"> & { readonly gates: readonly number[] };

/** Write modules as JSON: plain objects, gates as one list of numbers. */
export function simNetlistToJson(netlist: SimNetlist): string {
  const modules = [...netlist.modules.values()].map(
    (m): JsonModule => ({ ...m, gates: Array.from(m.gates) }),
  );
  return JSON.stringify({ kind: "simNetlist", version: SIM_JSON_VERSION, top: netlist.top, modules });
}

/**
 * Read what {@link simNetlistToJson} wrote. Run the verifier on a flattened module before trusting it.
 *
 * @throws FixynnError FX6005 when it is something else
 */
export function simNetlistFromJson(text: string): SimNetlist {
  let json: { kind?: unknown; version?: unknown; top?: unknown; modules?: unknown };
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw new FixynnError("FX6005", "not JSON", { cause });
  }
  const { kind, version, top, modules } = json;
  if (
    kind !== "simNetlist" ||
    version !== SIM_JSON_VERSION ||
    typeof top !== "string" ||
    !Array.isArray(modules)
  ) {
    throw new FixynnError("FX6005", `not a netlist of version ${SIM_JSON_VERSION}`);
  }
  const read = (modules as readonly JsonModule[]).map(
    (m): SimModule => ({ ...m, gates: Int32Array.from(m.gates) }),
  );
  return { kind: "simNetlist", top, modules: new Map(read.map((m) => [m.name, m])) };
}
