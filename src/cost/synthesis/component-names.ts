import type { MappedComponent } from "./mapped-netlist.js";

/**
 * What the logic of an emitted module is for, by the module's name: lanes hold multipliers and accumulators, `_requantize` one requantizer,
 * a layer's own module counters, handshake, padding and the choice of operands.
 */
export function componentOfModule(module: string): MappedComponent {
  if (/_requantize$/.test(module)) return "requantization";
  if (/_lane$/.test(module) || /_datapath(_shared\d+|_outputs\d+)?$/.test(module)) return "datapath";
  return "control";
}

/**
 * What a net inside a datapath module is for: rows named `sS_lLq_…` and everything from scaling to the clamp is requantization, other
 * rows the weighted sums; `null` when the name does not say.
 */
export function componentOfNet(name: string): MappedComponent | null {
  if (/^u?_?s\d+_l\d+q_/.test(name) || /^(y\d*(_|\[|$)|saturate|word|not_sign)/.test(name))
    return "requantization";
  if (/^u?_?s\d+_l\d+_/.test(name)) return "datapath";
  return null;
}
