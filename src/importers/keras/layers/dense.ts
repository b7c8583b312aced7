import { z } from "zod";
import type { NodeName } from "../../../graph/index.js";
import { tensor } from "../../../tensor/index.js";
import { defineLayer, type LayerImporter } from "../layer.js";
import { activationProblem, activationSchema, applyActivation } from "./activation.js";

/** Dense layers. On an image they work on each pixel's channels: a 1×1 convolution. */
export const denseLayers: Readonly<Record<string, LayerImporter>> = {
  Dense: defineLayer({
    schema: z.object({ units: z.int().positive(), use_bias: z.boolean(), activation: activationSchema }),
    check: ({ activation }) => [activationProblem(activation)],
    build: ({ units, use_bias: useBias, activation }, context) => {
      const { builder, inputShape } = context;
      const features = inputShape.at(-1) ?? 0;
      const weights = context.weight(["kernel"], [features, units]);
      const bias = useBias ? context.weight(["bias"], [units]) : undefined;
      const base = { name: context.name as NodeName, input: context.inputs[0]!, bias };
      const value =
        inputShape.length === 3
          ? builder.add({
              ...base,
              kind: "conv2d",
              weights: tensor("float32", [1, 1, features, units], weights.data),
              stride: { height: 1, width: 1 },
              padding: { kind: "valid" },
            })
          : builder.add({ ...base, kind: "dense", weights });
      return applyActivation(context, activation, value);
    },
  }),
};
