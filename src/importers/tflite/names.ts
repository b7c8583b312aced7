/** Which part of a tensor's name is the layer's, by operator. */
const LAYER_NAMES: Readonly<Record<string, RegExp>> = {
  CONV_2D: /conv/i,
  DEPTHWISE_CONV_2D: /conv|depthwise|dw/i,
  FULLY_CONNECTED: /dense|fc|fully|linear|logits/i,
  ADD: /^add/i,
  AVERAGE_POOL_2D: /pool/i,
  MAX_POOL_2D: /pool/i,
};

/** Parts that converters append for operations within a layer. */
const INNER =
  /^(Relu\d*|BiasAdd|Conv2D|MatMul|depthwise|ReadVariableOp|resource\d*|FusedBatchNormV3|add|AvgPool|MaxPool|Reshape)$/;

/**
 * Find a layer's name in the name of its output tensor, which converters build from the scopes of everything that was fused:
 * `MobilenetV1/MobilenetV1/Conv2d_0/Relu6` is `Conv2d_0`, `model/activation/Relu;model/conv2d/BiasAdd/…` is `conv2d`.
 */
export function layerName(op: string, tensorName: string): string {
  const parts = tensorName.split(/[/;]/).filter((part) => part !== "");
  const outer = parts.filter((part) => !INNER.test(part));
  const pattern = LAYER_NAMES[op];
  const named =
    pattern === undefined
      ? undefined
      : (outer.find((part) => pattern.test(part)) ?? parts.find((part) => pattern.test(part)));
  return named ?? outer.at(-1) ?? parts.at(-1) ?? op.toLowerCase();
}
