import { createRng, FixynnError } from "../../core/index.js";
import type { EngineConfig } from "../config.js";
import { type Access, AccessLog, checkRaces } from "./access-log.js";
import { ActivationMemory } from "./activations.js";
import { type ExternalBytes, type LayerRecord, sumCounters } from "./counters.js";
import { type DecodedProgram, type Descriptor, decodeProgram } from "./decode.js";
import { type ExternalMemory, externalMemory, type FrameMemory, runTransfer } from "./external.js";
import { failure } from "./failures.js";
import { InputSlots } from "./input-slots.js";
import { runLayer } from "./layer.js";
import { trafficOf } from "./traffic.js";
import { WeightRing } from "./weight-ring.js";

/** What {@link interpretProgram} runs, and on what. */
export type InterpretOptions = {
  readonly config: EngineConfig;
  /** The program's blob. */
  readonly program: Uint8Array;
  /** Frames to run; by default one, or as many as there are images of the stream input. */
  readonly frames?: number;
  /** Images of the stream input, a byte a channel, H × W × C. */
  readonly images?: readonly Uint8Array[];
  /** Memory of images; by default it holds random bytes. */
  readonly image?: FrameMemory;
  /** Memory of results, written in place; by default as large as needed. */
  readonly result?: FrameMemory;
  /** Scratch memory, written in place; by default as large as needed. */
  readonly scratch?: Uint8Array;
  /** Seed of what memories hold before they are written. */
  readonly seed?: number;
  /** Called when a descriptor is complete, with the activations as they are then. */
  readonly onDescriptor?: (descriptor: Descriptor, frame: number, activations: ActivationMemory) => void;
};

/** What a program left and did. */
export type InterpretedRun = {
  readonly activations: ActivationMemory;
  readonly external: ExternalMemory;
  /** Layers of all frames in order, with what they did. */
  readonly layers: readonly LayerRecord[];
  /** Sums of {@link layers}. */
  readonly totals: ReturnType<typeof sumCounters>;
  /** Bytes over the memory port, a record a frame. */
  readonly traffic: readonly ExternalBytes[];
};

/**
 * Run a program as docs/accel.md defines it: the reference for compiler and hardware.
 *
 * Descriptors run one after the other. Where the engine runs a transfer beside a layer, the result is the same, or the program is refused: so that what is
 * returned does not depend on the speed of any unit. Memory that nothing wrote holds random bytes.
 *
 * @throws CheckFailedError FX5120 (the engine would wait for ever, or weights are left over), FX5121 (a field without meaning), FX5122 (the result would
 * depend on which unit is faster), each with frame and descriptor; FixynnError FX5123 for images of another size
 */
export function interpretProgram(options: InterpretOptions): InterpretedRun {
  const { config, program, images = [], seed = 1 } = options;
  const frames = options.frames ?? Math.max(1, images.length);
  const decoded = decodeProgram(program, config);
  checkImages(images, config);
  const rng = createRng(seed);
  const activations = new ActivationMemory(config, rng);
  const external = externalMemory(options, {
    program,
    descriptors: decoded.descriptors,
    frames,
    config,
    rng,
  });
  const slots = new InputSlots(config, activations, images);
  const layers: LayerRecord[] = [];
  const traffic: ExternalBytes[] = [];
  for (let frame = 0; frame < frames; frame++)
    traffic.push(runFrame({ decoded, options, frame, activations, external, slots, layers }));
  return { activations, external, layers, totals: sumCounters(layers), traffic };
}

function checkImages(images: readonly Uint8Array[], { input }: EngineConfig): void {
  if (images.length === 0) return;
  const size = input === null ? 0 : input.height * input.width * input.channels;
  images.forEach((image, i) => {
    if (image.length !== size)
      throw new FixynnError("FX5123", `image ${i} has ${image.length} bytes; the stream input takes ${size}`);
  });
}

type FrameContext = {
  readonly decoded: DecodedProgram;
  readonly options: InterpretOptions;
  readonly frame: number;
  readonly activations: ActivationMemory;
  readonly external: ExternalMemory;
  readonly slots: InputSlots;
  readonly layers: LayerRecord[];
};

function runFrame(context: FrameContext): ExternalBytes {
  const { decoded, options, frame, activations, external, slots } = context;
  const { config, program } = options;
  const ring = new WeightRing(program, decoded.weightList, config);
  const accesses: Access[] = [];
  const complete = { layers: 0, transfers: 0 };
  for (const descriptor of decoded.descriptors) {
    const place = { frame, descriptor: descriptor.index };
    if (descriptor.kind === "end") {
      checkRest(ring, place);
      continue;
    }
    const { waitLayers, waitTransfers } = descriptor.values;
    // Descriptors start in order, so what is waited for lies before.
    if (waitLayers > complete.layers || waitTransfers > complete.transfers)
      throw failure(
        "hang",
        place,
        `waits for ${waitLayers} layers and ${waitTransfers} transfers; ${complete.layers} and ${complete.transfers} are before it`,
      );
    const log = new AccessLog(config);
    if (descriptor.kind === "layer") {
      const { values } = descriptor;
      if (values.waitInput === 1) slots.wait(place);
      const counters = runLayer(values, {
        config,
        memory: activations,
        ring,
        slotStart: slots.start,
        log,
        place,
      });
      context.layers.push({ frame, descriptor: descriptor.index, ...counters });
      slots.check(log, place);
      if (values.releaseInput === 1) slots.release(place);
      complete.layers++;
    } else {
      runTransfer(descriptor, { config, activations, external, log, place });
      slots.check(log, place);
      complete.transfers++;
    }
    accesses.push({ descriptor, log });
    options.onDescriptor?.(descriptor, frame, activations);
  }
  checkRaces(accesses, activations, frame);
  return trafficOf(decoded, config);
}

/** At the frame's end the ring is empty, or the next frame would begin with what is left. */
function checkRest(ring: WeightRing, place: { readonly frame: number; readonly descriptor: number }): void {
  if (ring.position !== ring.words || ring.released !== ring.words || ring.looseBeats !== 0)
    throw failure(
      "hang",
      place,
      `of ${ring.words} words of weights and ${ring.looseBeats} beats ${ring.position} words are read and ${ring.released} released at the frame's end`,
    );
}
