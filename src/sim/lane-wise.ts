import { findData } from "./influence.js";
import { type Bit, gateCode, ONE, type SimModule, type SimRegister, ZERO } from "./ir.js";

/**
 * Give registers whose enable or reset depends on data a multiplexer before d instead, so that lanes may differ. A reader may well
 * find such an enable in a running maximum, or a reset in a clamp to a constant; real control is left alone.
 *
 * @param dataPorts inputs that differ between lanes
 */
export function makeDataLaneWise(module: SimModule, dataPorts: readonly string[]): SimModule {
  const isData = findData(module, dataPorts);
  const gates: number[] = [];
  let { bitCount } = module;
  const mux = (select: Bit, whenTrue: Bit, whenFalse: Bit): Bit => {
    const y = bitCount++ as Bit;
    gates.push(gateCode.mux, y, 0, select, whenTrue, whenFalse);
    return y;
  };
  const registers = module.registers.map((r): SimRegister => {
    if (isData[r.enable] === 0 && isData[r.resetN] === 0) return r;
    const d = r.d.map((bit, i) => {
      const loaded = r.enable === ONE ? bit : mux(r.enable, bit, r.q[i]!);
      return r.resetN === ONE ? loaded : mux(r.resetN, loaded, r.resetValue[i] === "1" ? ONE : ZERO);
    });
    return { ...r, d, enable: ONE, resetN: ONE };
  });
  if (gates.length === 0) return module;
  const all = new Int32Array(module.gates.length + gates.length);
  all.set(module.gates);
  all.set(gates, module.gates.length);
  return { ...module, bitCount, gates: all, registers };
}
