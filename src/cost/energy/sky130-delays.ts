import type { DelayShape, ReferenceDelays } from "./delay-shape.js";

/**
 * Arcs of sky130_fd_sc_hd (tt, 25 °C, 1.80 V), as `delayShapeOf` reads them from the library; a test reads them again. Other technologies take
 * their shape, scaled role by role: rises and falls that differ make glitches, and a table has one delay a cell.
 */
export const sky130Delays: DelayShape = {
  fullAdder: [
    [
      { rise: [345.44, 6.79], fall: [439.84, 4.61] },
      { rise: [329.72, 6.8], fall: [443.56, 4.64] },
      { rise: [319.15, 6.78], fall: [429.08, 4.63] },
    ],
    [
      { rise: [164.07, 6.78], fall: [427.71, 4.89] },
      { rise: [162.37, 6.84], fall: [401.2, 4.9] },
      { rise: [160.06, 6.84], fall: [376.66, 4.93] },
    ],
  ],
  halfAdder: [
    [
      { rise: [209.57, 5.98], fall: [273.07, 3.87] },
      { rise: [201.79, 5.98], fall: [263.53, 3.87] },
    ],
    [
      { rise: [139.51, 6.73], fall: [217.68, 3.91] },
      { rise: [139.28, 6.74], fall: [200.8, 3.9] },
    ],
  ],
  inverter: [[{ rise: [64.95, 5.69], fall: [48.32, 3.5] }]],
  and2: [
    [
      { rise: [118.49, 6.65], fall: [159.56, 3.56] },
      { rise: [119.28, 6.6], fall: [178.8, 3.58] },
    ],
  ],
  or2: [
    [
      { rise: [115.74, 3.51], fall: [313.84, 2.84] },
      { rise: [113.69, 3.54], fall: [294.42, 2.84] },
    ],
  ],
  xor2: [
    [
      { rise: [123.18, 13.49], fall: [123.71, 4.11] },
      { rise: [114.95, 13.47], fall: [114.03, 4.08] },
    ],
  ],
  mux2: [
    [
      { rise: [197.96, 3.7], fall: [316.78, 2.71] },
      { rise: [153.11, 3.75], fall: [285.57, 2.73] },
      { rise: [152.65, 3.74], fall: [282.78, 2.68] },
    ],
  ],
  buffer: [[{ rise: [79.51, 7.94], fall: [110.99, 4.21] }]],
  flipFlop: [[{ rise: [311.03, 6.42], fall: [312.1, 3.45] }]],
};

/** `delayPs` of the same roles in the technology table `sky130hd`. */
export const sky130Reference: ReferenceDelays = {
  fullAdder: 614.771,
  halfAdder: 365.934,
  inverter: 132.037,
  and2: 223.436,
  or2: 355.224,
  xor2: 291.631,
  mux2: 380.851,
  flipFlop: 385.534,
};
