import type { ClockTarget } from "../../arith/index.js";
import { invariant } from "../../core/index.js";
import { counterWidth, literal, type Module, ModuleBuilder, sliceOf } from "../../hw/index.js";
import { ADDRESS_BITS, type EngineConfig, engineShape } from "../config.js";
import { Kit, zeroExtend } from "./kit.js";
import { rowWalk } from "./row-walk.js";

/**
 * Build `fxa_stream_input`: write the pixels of the AXI4-Stream input to the slots of the activation memory in turn, and offer each frame
 * when its last word is written. A pixel of n words is taken every n cycles.
 *
 * Handshakes: `stream_valid`, once there, stays until `stream_ready`; `s_axis_tready` depends on a register alone.
 */
export function buildStreamInput(config: EngineConfig, clock: ClockTarget): Module {
  const { input, inputSlots } = config;
  invariant(input !== null, "an engine without stream input");
  const { slotWords, inputPixelWords, wordBytes } = engineShape(config);
  const b = new ModuleBuilder("fxa_stream_input", [
    `Stream input: frames of ${input.height} x ${input.width} pixels of ${input.channels} bytes, ${inputPixelWords} words of ${wordBytes} bytes each,`,
    `to ${inputSlots} slot(s) of ${slotWords} words a bank.`,
  ]);
  b.clock("aclk");
  const kit = new Kit(b, clock, b.input("aresetn", 1, "synchronous reset, active low"));
  const valid = b.input("s_axis_tvalid", 1);
  const pixel = b.input("s_axis_tdata", 8 * input.channels);
  const ready = b.input("stream_ready", 1);
  const release = b.input("release_input", 1, "the oldest frame is done with");

  const write = b.net("write", 1, "a word goes into the memory");
  const walkEnd = b.net("walk_end", 1, "the word is its frame's last");
  const whole = kit.and("whole", b.signal(write), b.signal(walkEnd));

  // Slots: which one is being written, and which hold whole frames.
  const filling = kit.state("filling", 1, 0, "slot that is being written");
  const oldest = kit.state("oldest", 1, 0, "slot of the oldest frame");
  const frames = kit.state("frames", 2, 0, "whole frames that are not released");
  const twoSlots = inputSlots === 2;
  if (twoSlots) {
    filling.set(kit.not("filling_other", filling.q), whole);
    oldest.set(kit.not("oldest_other", oldest.q), release);
  } else {
    filling.set(literal(0, 1));
    oldest.set(literal(0, 1));
  }
  frames.set(
    kit.mux(
      "frames_next",
      whole,
      kit.add("frames_more", frames.q, literal(1, 2)),
      kit.subtract("frames_less", frames.q, literal(1, 2)),
    ),
    b.logic("xor", "frames_change", [whole, release]),
  );
  const open = kit.not("open", kit.equal("all_full", frames.q, inputSlots));

  // Two pixels wait: the one whose words are written, and one behind it, so that tready is a register.
  const held = kit.data("pixel", 8 * input.channels, "buffer", "pixel that is written");
  const spare = kit.data("spare", 8 * input.channels, "buffer", "pixel behind it");
  const hasPixel = kit.state("has_pixel", 1);
  const hasSpare = kit.state("has_spare", 1);
  const tready = kit.not("tready", hasSpare.q);
  const takes = kit.and("takes", valid, tready);
  const offers = kit.and("offers", hasPixel.q, open);
  b.add({ kind: "and", name: "write", operands: [offers, ready], y: write });
  const wordBits = 8 * wordBytes;
  const place = kit.state("place", counterWidth(inputPixelWords), 0, "words of the pixel that are written");
  const lastWord = kit.equal("last_word", place.q, inputPixelWords - 1);
  const pixelEnd = kit.and("pixel_end", b.signal(write), lastWord);
  if (inputPixelWords === 1) place.set(place.q);
  else
    place.set(
      kit.mux(
        "place_next",
        lastWord,
        literal(0, counterWidth(inputPixelWords)),
        kit.add("place_more", place.q, literal(1, 1)),
      ),
      b.signal(write),
    );
  const free = kit.or("free", kit.not("no_pixel", hasPixel.q), pixelEnd);
  const refill = kit.and("refill", free, kit.or("some_pixel", hasSpare.q, takes));
  hasPixel.set(
    kit.or("has_pixel_next", refill, kit.and("pixel_stays", hasPixel.q, kit.not("not_ended", pixelEnd))),
  );
  held.set(kit.mux("pixel_next", hasSpare.q, spare.q, pixel), refill);
  const blocked = kit.not("blocked", free);
  spare.set(pixel, takes);
  hasSpare.set(kit.and("has_spare_next", kit.or("spare_or_taken", hasSpare.q, takes), blocked));

  const padded = zeroExtend(held.q, inputPixelWords * wordBits);
  const words = Array.from({ length: inputPixelWords }, (_, i) => sliceOf(padded, i * wordBits, wordBits));
  const all = 2 ** Math.ceil(Math.log2(inputPixelWords));
  const index = sliceOf(place.q, 0, Math.log2(all));
  const word =
    inputPixelWords === 1
      ? words[0]!
      : kit.select(
          "word",
          index,
          Array.from({ length: all }, (_, i) => words[Math.min(i, inputPixelWords - 1)]!),
        );

  const rowWords = input.width * inputPixelWords;
  const nextBase = twoSlots
    ? kit.mux("next_base", filling.q, literal(0, ADDRESS_BITS), literal(slotWords, ADDRESS_BITS))
    : literal(0, ADDRESS_BITS);
  const walk = rowWalk(kit, "walk", {
    start: {
      when: whole,
      address: nextBase,
      bank: literal(0, 2),
      rows: literal(input.height, counterWidth(input.height)),
      rowWords: literal(rowWords, counterWidth(rowWords)),
    },
    rowWords: literal(rowWords, counterWidth(rowWords)),
    step: b.signal(write),
    afterReset: { rows: input.height, rowWords },
  });
  b.add({ kind: "assign", name: "drive_walk_end", a: walk.last, y: walkEnd });
  b.output("s_axis_tready", tready);
  b.output("stream_valid", offers);
  b.output("stream_bank", walk.bank);
  b.output("stream_address", walk.address);
  b.output("stream_data", word);
  b.output("slot_full", kit.not("slot_full_now", kit.equal("no_frame", frames.q, 0)), "a whole frame waits");
  b.output("slot", oldest.q, "its slot");
  return b.build();
}
