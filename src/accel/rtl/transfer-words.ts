import { concat, literal, repeat, type Signal, sliceOf } from "../../hw/index.js";
import { engineShape } from "../config.js";
import { transferFields } from "../isa/index.js";
import { rowCount } from "./row-walk.js";
import type { TransferContext } from "./transfer-bursts.js";

/** What a FIFO shows. */
type Shown = { readonly data: Signal; readonly valid: Signal };

/**
 * Make words of beats: a beat has several words, or a word several beats, lowest first.
 *
 * @param events the word is written; it is the command's last, so that the rest of its beat is dropped
 * @returns the word; `taken`: the FIFO's beat is done with
 */
export function wordsOfBeats(
  { kit, config }: TransferContext,
  beat: Shown,
  { wrote, last }: { readonly wrote: Signal; readonly last: Signal },
): { readonly word: Signal; readonly valid: Signal; readonly taken: Signal } {
  const { axiDataBytes } = config;
  const { wordBytes } = engineShape(config);
  if (axiDataBytes === wordBytes) return { word: beat.data, valid: beat.valid, taken: wrote };
  if (axiDataBytes > wordBytes) {
    const parts = axiDataBytes / wordBytes;
    const bits = Math.log2(parts);
    const place = kit.state("load_part", bits, 0, "words of the beat that are written");
    const lastPart = kit.or("load_part_ends", kit.equal("load_last_part", place.q, parts - 1), last);
    place.set(
      kit.mux(
        "load_part_next",
        lastPart,
        literal(0, bits),
        kit.add("load_part_more", place.q, literal(1, bits)),
      ),
      wrote,
    );
    const words = Array.from({ length: parts }, (_, i) =>
      sliceOf(beat.data, i * 8 * wordBytes, 8 * wordBytes),
    );
    return {
      word: kit.select("load_word", place.q, words),
      valid: beat.valid,
      taken: kit.and("load_beat_ends", wrote, lastPart),
    };
  }
  const parts = wordBytes / axiDataBytes;
  const bits = Math.log2(parts);
  const place = kit.state("load_part", bits, 0, "beats of the word that are there");
  const lastPart = kit.equal("load_last_part", place.q, parts - 1);
  const gathers = kit.and("load_gathers", beat.valid, kit.not("load_not_last_part", lastPart));
  place.set(kit.add("load_part_next", place.q, literal(1, bits)), kit.or("load_part_moves", gathers, wrote));
  const held = Array.from({ length: parts - 1 }, (_, i) => {
    const part = kit.data(`load_beat_${i}`, 8 * axiDataBytes, "buffer");
    part.set(beat.data, kit.and(`load_beat_${i}_now`, gathers, kit.equal(`load_beat_${i}_next`, place.q, i)));
    return part.q;
  });
  return {
    word: concat([...held, beat.data]),
    valid: kit.and("load_word_whole", beat.valid, lastPart),
    taken: kit.or("load_beat_ends", gathers, wrote),
  };
}

/**
 * Make beats of words.
 *
 * @param events a store begins; the register of the data channel has space
 * @returns the beat and its byte strobes, 0 beyond the command's last word; `made`: it enters the register; `taken`: the FIFO's word is done with
 */
export function beatsOfWords(
  { kit, config, of }: TransferContext,
  word: Shown,
  { begin, space }: { readonly begin: Signal; readonly space: Signal },
): { readonly beat: Signal; readonly strobe: Signal; readonly made: Signal; readonly taken: Signal } {
  const { axiDataBytes } = config;
  const { wordBytes } = engineShape(config);
  const f = transferFields;
  const all = literal(-1, axiDataBytes);
  const move = kit.and("store_moves", word.valid, space);
  if (axiDataBytes === wordBytes) return { beat: word.data, strobe: all, made: move, taken: move };
  if (axiDataBytes < wordBytes) {
    const parts = wordBytes / axiDataBytes;
    const bits = Math.log2(parts);
    const place = kit.state("store_part", bits, 0, "beats of the word that are made");
    place.set(kit.add("store_part_next", place.q, literal(1, bits)), move);
    const beats = Array.from({ length: parts }, (_, i) =>
      sliceOf(word.data, i * 8 * axiDataBytes, 8 * axiDataBytes),
    );
    const lastPart = kit.equal("store_last_part", place.q, parts - 1);
    return {
      beat: kit.select("store_beat", place.q, beats),
      strobe: all,
      made: move,
      taken: kit.and("store_word_ends", move, lastPart),
    };
  }
  const parts = axiDataBytes / wordBytes;
  const bits = Math.log2(parts);
  const place = kit.state("store_part", bits, 0, "words of the beat that are there");
  // The command's last word ends its beat: words are counted again as they are taken.
  const { last } = rowCount(kit, "store_join", {
    start: { when: begin, rows: of(f.rows), rowWords: of(f.rowWords) },
    rowWords: of(f.rowWords),
    step: move,
  });
  const ends = kit.or("store_part_ends", kit.equal("store_last_part", place.q, parts - 1), last);
  place.set(
    kit.mux("store_part_next", ends, literal(0, bits), kit.add("store_part_more", place.q, literal(1, bits))),
    move,
  );
  const held = Array.from({ length: parts - 1 }, (_, i) => {
    const part = kit.data(`store_word_${i}`, 8 * wordBytes, "buffer");
    part.set(word.data, kit.and(`store_word_${i}_now`, move, kit.equal(`store_word_${i}_next`, place.q, i)));
    return part.q;
  });
  const slots = Array.from({ length: parts }, (_, i) => {
    const here = kit.equal(`store_here_${i}`, place.q, i);
    return i === parts - 1 ? word.data : kit.mux(`store_slot_${i}`, here, word.data, held[i]!);
  });
  const strobe = concat(
    Array.from({ length: parts }, (_, i) =>
      repeat(
        i === 0
          ? literal(1, 1)
          : kit.not(`store_before_${i}`, kit.less(`store_short_${i}`, place.q, literal(i, bits))),
        wordBytes,
      ),
    ),
  );
  return { beat: concat(slots), strobe, made: kit.and("store_beat_whole", move, ends), taken: move };
}
