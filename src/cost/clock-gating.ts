/**
 * When registers are clocked through an integrated clock gate; both tiers follow this rule.
 *
 * - `minimumBits`: flip-flops with one enable in one module before a gate is worth while. 4 is a usual `-minimum_bitwidth` of
 *   commercial clock gating styles (their default is 3; Yosys' `clockgate -min_net_size` leaves it to the user). In sky130_fd_sc_hd a gate
 *   (`dlclkp_1`, 17.5 µm²) pays in area from two bits on (an enable flip-flop takes 10 µm² more than a plain one).
 * - `maximumBits`: flip-flops behind one gate. 32 clock pins of `dfxtp_1` and their wire load `dlclkp_1` to about half of its
 *   `max_capacitance`, which keeps the clock's slew short; larger banks get several gates.
 */
export const clockGatingRule = { minimumBits: 4, maximumBits: 32 } as const;

/** How a bank of flip-flops with a common enable is clocked. */
export type BankClocking = {
  /** Integrated clock gates; 0 when the bank keeps its enable. */
  readonly clockGates: number;
  /** Flip-flops behind them. */
  readonly gatedBits: number;
  /** Flip-flops that keep an enable multiplexer and see every clock edge. */
  readonly enableBits: number;
};

/** Apply {@link clockGatingRule} to a bank of so many flip-flops. */
export function clockBank(bits: number): BankClocking {
  const { minimumBits, maximumBits } = clockGatingRule;
  if (bits < minimumBits) return { clockGates: 0, gatedBits: 0, enableBits: bits };
  return { clockGates: Math.ceil(bits / maximumBits), gatedBits: bits, enableBits: 0 };
}
