import { exactly, multiplyRanges, scaleRange, spanRanges } from "./range.js";
import { scalingTo16Nm } from "./scaling.js";
import type { Range } from "./technology.js";

/** A figure, or a range of one. */
export type Figure = number | Range;

/** Costs of one design in one technology, by component (datapath, registers, memory …). */
export type NodeCosts<Component extends string> = {
  readonly nodeNm: number;
  readonly supplyV: number;
  readonly areaUm2: Readonly<Record<Component, Figure>>;
  readonly energyPj: Readonly<Record<Component, Figure>>;
  readonly leakageNw: Readonly<Record<Component, Figure>>;
  readonly delayPs: Figure;
};

/** Costs at 16 nm and 0.8 V, each with the estimates that it joins. */
export type CostsAt16Nm<Component extends string> = {
  readonly kind: "costsAt16Nm";
  readonly areaUm2: Readonly<Record<Component, Range>>;
  readonly energyPj: Readonly<Record<Component, Range>>;
  readonly leakageNw: Readonly<Record<Component, Range>>;
  readonly delayPs: Range;
  readonly source: string;
};

const asRange = (figure: Figure): Range => (typeof figure === "number" ? exactly(figure) : figure);

/** Take one figure of a node to 16 nm. */
export function figureAt16Nm(
  quantity: "areaUm2" | "energyPj" | "delayPs" | "leakageNw",
  figure: Figure,
  { nodeNm, supplyV }: { readonly nodeNm: number; readonly supplyV: number },
): Range {
  const factors = scalingTo16Nm(nodeNm, supplyV);
  switch (quantity) {
    case "areaUm2":
      return scaleRange(asRange(figure), factors.areaFactor);
    case "energyPj":
      return multiplyRanges(asRange(figure), factors.energyFactor);
    case "delayPs":
      return multiplyRanges(asRange(figure), factors.delayFactor);
    case "leakageNw":
      return scaleRange(asRange(figure), factors.leakageFactor);
  }
}

/**
 * Estimate costs at 16 nm and 0.8 V as ranges, from the same design costed at 130 nm (scaled down) and at 7 nm (scaled up).
 *
 * - area, energy, delay: factors of Stillmaker and Baas 2017 ({@link scalingTo16Nm}); from 130 nm above 1.3 V the supply of the fit is a range
 * - leakage: cell for cell the same ({@link leakageFactorTo16Nm}); the range spans the two technologies
 * - nominal: geometric mean of the two nominal values, since nothing says which is nearer
 *
 * A scaled design is not a 16 nm design: quote the range.
 *
 * @throws FixynnError FX7020 for a node without published factors
 */
export function costsAt16Nm<Component extends string>(
  down: NodeCosts<Component>,
  up: NodeCosts<Component>,
): CostsAt16Nm<Component> {
  const join = (quantity: "areaUm2" | "energyPj" | "leakageNw"): Record<Component, Range> => {
    const names = Object.keys(down[quantity]) as Component[];
    const entries = names.map((name) => [
      name,
      spanRanges(
        figureAt16Nm(quantity, down[quantity][name], down),
        figureAt16Nm(quantity, up[quantity][name], up),
      ),
    ]);
    return Object.fromEntries(entries) as Record<Component, Range>;
  };
  return {
    kind: "costsAt16Nm",
    areaUm2: join("areaUm2"),
    energyPj: join("energyPj"),
    leakageNw: join("leakageNw"),
    delayPs: spanRanges(figureAt16Nm("delayPs", down.delayPs, down), figureAt16Nm("delayPs", up.delayPs, up)),
    source: `${down.nodeNm} nm at ${down.supplyV} V scaled down, ${up.nodeNm} nm at ${up.supplyV} V scaled up (Stillmaker and Baas 2017); leakage cell for cell`,
  };
}
