import { describe, expect, test } from "vitest";
import { parseTransferSweep, readTransferSweep } from "./transfer-table.js";

const page = `## Google's quantized MobileNetV1-0.25 as the exact front

| Dataset | Network | Nothing frozen | Conv2d_1_pointwise (12.8 % of MACs) | Conv2d_3_pointwise (28.0 % of MACs) |
| ------- | ------- | -------------: | ----------------------------------: | ----------------------------------: |
| cifar10 | float   |           89.4 |                         89.5 (+9.9) |                         89.3 (−9.9) |
| cifar10 | int8    |     89.3 ± 0.2 |                   89.4 ± 0.1 (+0.1) |                          89.3 (0.0) |
| gtsrb32 | int8    |           97.6 |                         97.3 (−0.3) |                                   – |

| Dataset | other |
`;

describe("parseTransferSweep", () => {
  test("reads the changes of int8 from the brackets", () => {
    expect(parseTransferSweep(page)).toEqual([
      { layer: "Conv2d_1_pointwise", changes: { cifar10: 0.1, gtsrb32: -0.3 } },
      { layer: "Conv2d_3_pointwise", changes: { cifar10: 0 } },
    ]);
  });

  test("finds nothing on a page without the section or the table", () => {
    expect(parseTransferSweep("# Transfer")).toEqual([]);
    expect(parseTransferSweep("## Google's quantized MobileNetV1-0.25\n\nnothing")).toEqual([]);
    expect(readTransferSweep("/nowhere")).toEqual([]);
  });

  test("reads the page of this repository", () => {
    const sweep = readTransferSweep("docs/results");
    expect(sweep.length).toBeGreaterThan(3);
    for (const { layer, changes } of sweep) {
      expect(layer).toMatch(/^Conv2d_\d+_pointwise$/);
      for (const points of Object.values(changes)) expect(Math.abs(points)).toBeLessThan(100);
      expect(Object.keys(changes)).toEqual(Object.keys(sweep[0]!.changes));
    }
  });
});
