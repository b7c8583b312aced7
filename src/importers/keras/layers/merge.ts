import { z } from "zod";
import type { NodeName } from "../../../graph/index.js";
import { defineLayer, type LayerImporter } from "../layer.js";

/** Layers with two inputs. */
export const mergeLayers: Readonly<Record<string, LayerImporter>> = {
  Add: defineLayer({
    schema: z.object({}),
    inputs: 2,
    build: (_config, { builder, name, inputs }) =>
      builder.add({ kind: "add", name: name as NodeName, inputs: [inputs[0]!, inputs[1]!] }),
  }),
};
