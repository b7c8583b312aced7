import { describe, expect, it } from "vitest";
import { checkFront } from "../../test/helpers/check-front.js";
import { randomResidual } from "../../test/helpers/random-front.js";
import { createRng } from "../core/index.js";
import { compileFrontEnd } from "./front.js";

describe("residual fronts", () => {
  for (const mode of ["lean", "tflite", "shift"] as const) {
    it(`compute what the integer network computes: ${mode}, any graph, any pauses, at the schedule's rate`, () => {
      for (let seed = 0; seed < 8; seed++) {
        const rng = createRng(4000 + seed);
        const network = randomResidual(rng, { mode, blocks: 1 + rng.integer(2), tail: seed % 2 === 1 });
        const front = compileFrontEnd(network, network.output, { levelsPerStage: 1 + rng.integer(6) });
        checkFront(network, front, seed);
      }
      expect.hasAssertions();
    });
  }
});
