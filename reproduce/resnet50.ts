import type { AcceleratorLayer } from "../src/cost/index.js";

/** ResNet-50 at 224×224 (He et al. 2016, table 1): the network that NVDLA's rates are published for. */
export function resNet50Layers(): readonly AcceleratorLayer[] {
  const layers: AcceleratorLayer[] = [];
  const conv = (side: number, stride: number, inputs: number, outputs: number, kernel: number): void => {
    const out = side / stride;
    layers.push({
      name: `conv${layers.length}`,
      kind: "conv2d",
      inputShape: [side, side, inputs],
      outputShape: [out, out, outputs],
      kernel: [kernel, kernel],
      macs: out * out * kernel * kernel * inputs * outputs,
      weightBytes: kernel * kernel * inputs * outputs,
    });
  };
  conv(224, 2, 3, 64, 7);
  let [side, channels] = [56, 64];
  for (const [blocks, width, stride] of [
    [3, 64, 1],
    [4, 128, 2],
    [6, 256, 2],
    [3, 512, 2],
  ] as const) {
    for (let block = 0; block < blocks; block++) {
      const step = block === 0 ? stride : 1;
      if (block === 0) conv(side, step, channels, 4 * width, 1);
      conv(side, step, channels, width, 1);
      side /= step;
      conv(side, 1, width, width, 3);
      conv(side, 1, width, 4 * width, 1);
      channels = 4 * width;
    }
  }
  layers.push({
    name: "dense",
    kind: "dense",
    inputShape: [2048],
    outputShape: [1000],
    macs: 2_048_000,
    weightBytes: 2_048_000,
  });
  return layers;
}
