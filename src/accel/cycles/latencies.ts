import type { EngineConfig } from "../config.js";

/**
 * Cycles that the engine's units take besides their work: all constants of the cycle model. "From a to b" is the difference of two cycle numbers; a pass
 * starts in the cycle in which the walker claims its weights, a word is read in the cycle of the ring's read enable.
 */
export type EngineLatencies = {
  /** Walker: from a pass's start to the issue of its first fetch. */
  readonly startToFetch: number;
  /** Walker: least number of cycles between two passes' starts, while the sequencer works out the next one. */
  readonly passInterval: number;
  /** Walker: from a layer's start to its first pass's start. */
  readonly layerToPass: number;
  /** From the issue of a stripe's last fetch to its sums' being complete: walker, activation memory, array, accumulators. */
  readonly fetchToSums: number;
  /** Drain: from complete sums to the step before the first one. */
  readonly sumsToDrain: number;
  /** From the first step of a stripe's last pixel to a pass's start in its bank of sums. */
  readonly stepToBank: number;
  /** From a group's last step in the drain to a read of parameters in its place. */
  readonly stepToParameters: number;
  /** From a layer's last step in the drain to its end. */
  readonly stepToLayerEnd: number;
  /** From a pass's first fetch to the read of the next block's first lane. */
  readonly fetchToShadow: number;
  /** From the read of a block's last lane to its pass's start. */
  readonly shadowToStart: number;
  /** From a layer's arrival at the feeder to its first read. */
  readonly layerToFeed: number;
  /** From a beat on the memory port to the read of its word from the ring. */
  readonly beatToRing: number;
  /** From the read of a word that becomes free to a request for another in its place. */
  readonly ringToRequest: number;
  /** What a burst waits longer that is shorter than the others, where there is room for no whole one. */
  readonly shortBurst: number;
  /** Weight reader: from a request to the next one; from a run's last grant to the taking of the next run; from there to its first request, and to that for an entry ahead. */
  readonly requestToRequest: number;
  readonly runToTake: number;
  readonly takeToRequest: number;
  readonly takeToList: number;
  /** From the last beat of a burst of weights to a request in its place, where no more may be under way. */
  readonly weightsToRequest: number;
  /** From the last beat of an entry of the weight list to the taking of its run. */
  readonly entryToTake: number;
  /** Memory port: from a grant to its address on the port, and to the next grant. */
  readonly grantToAddress: number;
  readonly grantToGrant: number;
  /** Dispatcher: from a frame's begin to the header's request, from there to the weight list's and to the first descriptor's. */
  readonly frameToHeader: number;
  readonly headerToList: number;
  readonly headerToDescriptor: number;
  /** From a descriptor's last beat to its entry into a slot; from there to the next one's request. */
  readonly beatToSlot: number;
  readonly slotToRequest: number;
  /** From a descriptor's entry to its start if it has nothing to wait for, and to its arrival at the feeder. */
  readonly slotToStart: number;
  readonly slotToFeeder: number;
  /** From the end of a layer to the start of the next one, and of a transfer; to that of what waits for the count, and to the frame's end. */
  readonly endToNext: number;
  readonly endToTransfer: number;
  readonly endToCount: number;
  /** From a descriptor's departure to the entry of the next one into its slot. */
  readonly leaveToEnter: number;
  /** From a frame's end to the next one's begin. */
  readonly frameToFrame: number;
  /** Transfer unit: from a command's start to a load's first request or a store's first read; from a load's request and from its grant to the next request. */
  readonly transferToRequest: number;
  readonly transferToRead: number;
  /** The same for a store that had to wait for others. */
  readonly waitedToRead: number;
  readonly loadToLoad: number;
  readonly grantToLoad: number;
  /** From a load's beat on the port to the write of its word; from a burst's last write to a request in its place. */
  readonly beatToWrite: number;
  readonly writeToRequest: number;
  /** From a store's read to its word's beat on the port. */
  readonly readToBeat: number;
  /** From a load's last write, or a store's last response, to its end. */
  readonly transferToEnd: number;
};

/** Depths of the pipelines that are as long as the clock asks for. */
export type PipelineDepths = {
  /** From operands to sums. */
  readonly arrayCycles: number;
  /** From a pixel's sums to its bytes, at a step a pixel. */
  readonly drainCycles: number;
};

/** Depths at a clock of 5 ns with sky130's cells. */
export function usualDepths({ cPar, kPar, requantizers, multiplierBits }: EngineConfig): PipelineDepths {
  const requantize = { 8: 10, 16: 11, 32: 12 }[multiplierBits] ?? 11;
  return { arrayCycles: cPar < 16 ? 4 : 5, drainCycles: requantize + (requantizers < kPar ? 1 : 0) };
}

/**
 * List the latencies of an engine.
 *
 * @param depths of its array and drain, as `buildEngine` reports them; those of the usual clock unless told
 */
export function engineLatencies(
  config: EngineConfig,
  depths: PipelineDepths = usualDepths(config),
): EngineLatencies {
  // Walker 2, activation memory 4: the array takes the shadow weights then. The feeder's way from ring to array takes 3, or 4 with its subtractors.
  const fetchToArray = 6;
  const ringToArray = config.weightBits === 9 ? 4 : 3;
  return {
    startToFetch: 1,
    passInterval: 7,
    layerToPass: 8,
    fetchToSums: fetchToArray + depths.arrayCycles + 2,
    sumsToDrain: 1,
    stepToBank: 3,
    stepToParameters: 4,
    stepToLayerEnd: depths.drainCycles + 1,
    fetchToShadow: 1 + fetchToArray - ringToArray,
    shadowToStart: 1,
    layerToFeed: 3,
    beatToRing: 3,
    ringToRequest: 3,
    shortBurst: 1,
    requestToRequest: 2,
    runToTake: 2,
    takeToRequest: 2,
    takeToList: 1,
    weightsToRequest: 3,
    entryToTake: 4,
    grantToAddress: 1,
    grantToGrant: 2,
    frameToHeader: 2,
    headerToList: 7,
    headerToDescriptor: 5,
    beatToSlot: 2,
    slotToRequest: 2,
    slotToStart: 3,
    slotToFeeder: 1,
    endToNext: 1,
    endToTransfer: 0,
    endToCount: 3,
    leaveToEnter: 1,
    frameToFrame: 3,
    transferToRequest: 7,
    transferToRead: 4,
    waitedToRead: 5,
    loadToLoad: 4,
    grantToLoad: 2,
    beatToWrite: 3,
    writeToRequest: 4,
    readToBeat: 7,
    transferToEnd: 3,
  };
}
