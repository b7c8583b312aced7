/** What energy is charged to, beside clock, leakage and memory macros. The component of a net is that of what drives it. */
export const netComponents = [
  "datapath",
  "requantization",
  "registers",
  "lineBuffers",
  "rom",
  "control",
] as const;
export type NetComponent = (typeof netComponents)[number];
