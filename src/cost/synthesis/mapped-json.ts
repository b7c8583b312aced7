import { FixynnError } from "../../core/index.js";
import type { MappedNet, MappedNetlist } from "./mapped-netlist.js";

/** Version of the text form. */
export const MAPPED_JSON_VERSION = 1;

/** Write a mapped netlist as JSON. */
export function mappedNetlistToJson(netlist: MappedNetlist): string {
  return JSON.stringify({ ...netlist, version: MAPPED_JSON_VERSION, netNames: [...netlist.netNames] });
}

/**
 * Read what {@link mappedNetlistToJson} wrote. Run the verifier on it before trusting it.
 *
 * @throws FixynnError FX7074 when it is something else
 */
export function mappedNetlistFromJson(text: string): MappedNetlist {
  const refuse = (cause?: unknown): never => {
    throw new FixynnError("FX7074", `not a mapped netlist of version ${MAPPED_JSON_VERSION}`, { cause });
  };
  let json: Record<string, unknown>;
  try {
    json = JSON.parse(text) as Record<string, unknown>;
  } catch (cause) {
    return refuse(cause);
  }
  const { version, netNames, ...rest } = json;
  const lists = [netNames, rest["ports"], rest["instances"], rest["memories"], rest["libraries"]];
  if (rest["kind"] !== "mappedNetlist" || version !== MAPPED_JSON_VERSION || !lists.every(Array.isArray))
    return refuse();
  const names = new Map(netNames as readonly (readonly [MappedNet, string])[]);
  return { ...(rest as Omit<MappedNetlist, "netNames">), netNames: names };
}
