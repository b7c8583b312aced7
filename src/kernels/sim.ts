// Levelized, bit-parallel netlist evaluation: 128 lanes in one v128, one image a lane.
//
// The caller lays everything out in memory (src/sim/layout.ts) and hands over one table of pointers. An op group is a
// tape of runs: [opcode, count, output pointer, toggle class] and then the operand pointers of `count` equal gates whose
// outputs lie one after another. A group is evaluated only when a source of its cone (register group, memory read port,
// input port) changed; a register group copies its inputs only when one of them may have changed.

const NOT: i32 = 0;
const AND: i32 = 1;
const OR: i32 = 2;
const XOR: i32 = 3;
const MUX: i32 = 4;
const ADDER: i32 = 5;
const HALF_ADDER: i32 = 6;
const END: i32 = -1;

// Words of a register record: q, next, d pointers, reset values, count, enable, resetN, fan-out list, class.
const REGISTER_WORDS: i32 = 9;
// Words of a memory record: words, depth, width, write list, write count, read list, read count.
const RAM_WORDS: i32 = 7;
// Words of a write port: enable, address bits, address width, data pointers.
const WRITE_WORDS: i32 = 4;
// Words of a read port: enable, address bits, address width, q, next, fan-out list, class.
const READ_WORDS: i32 = 7;

let groupCount: i32 = 0;
let groupTapes: i32 = 0;
let groupDirty: i32 = 0;
let groupFanouts: i32 = 0;
let registerCount: i32 = 0;
let registers: i32 = 0;
let registerPending: i32 = 0;
let registerLoading: i32 = 0;
let ramCount: i32 = 0;
let rams: i32 = 0;
let readLoading: i32 = 0;
let toggles: i32 = 0;
let statistics: i32 = 0;
let maskPointer: i32 = 0;
let faultPlace: i32 = 0;

/** Read the table of pointers that the caller wrote at `table`. */
export function configure(table: i32): void {
  groupCount = load<i32>(table, 0);
  groupTapes = load<i32>(table, 4);
  groupDirty = load<i32>(table, 8);
  groupFanouts = load<i32>(table, 12);
  registerCount = load<i32>(table, 16);
  registers = load<i32>(table, 20);
  registerPending = load<i32>(table, 24);
  registerLoading = load<i32>(table, 28);
  ramCount = load<i32>(table, 32);
  rams = load<i32>(table, 36);
  readLoading = load<i32>(table, 40);
  toggles = load<i32>(table, 44);
  statistics = load<i32>(table, 48);
  maskPointer = load<i32>(table, 52);
}

/** Index of the register group or memory whose control disagreed between lanes. */
export function fault(): i32 {
  return faultPlace;
}

function evaluate(start: i32): void {
  let p = start;
  for (;;) {
    const opcode = load<i32>(p);
    if (opcode == END) return;
    let n = load<i32>(p, 4);
    let out = load<i32>(p, 8);
    p += 16;
    if (opcode == ADDER) {
      for (; n > 0; n--) {
        const a = v128.load(load<i32>(p));
        const b = v128.load(load<i32>(p, 4));
        const c = v128.load(load<i32>(p, 8));
        const half = v128.xor(a, b);
        v128.store(out, v128.xor(half, c));
        v128.store(out, v128.bitselect(c, a, half), 16);
        p += 12;
        out += 32;
      }
    } else if (opcode == MUX) {
      for (; n > 0; n--) {
        const s = v128.load(load<i32>(p));
        v128.store(out, v128.bitselect(v128.load(load<i32>(p, 4)), v128.load(load<i32>(p, 8)), s));
        p += 12;
        out += 16;
      }
    } else if (opcode == XOR) {
      for (; n > 0; n--) {
        v128.store(out, v128.xor(v128.load(load<i32>(p)), v128.load(load<i32>(p, 4))));
        p += 8;
        out += 16;
      }
    } else if (opcode == AND) {
      for (; n > 0; n--) {
        v128.store(out, v128.and(v128.load(load<i32>(p)), v128.load(load<i32>(p, 4))));
        p += 8;
        out += 16;
      }
    } else if (opcode == OR) {
      for (; n > 0; n--) {
        v128.store(out, v128.or(v128.load(load<i32>(p)), v128.load(load<i32>(p, 4))));
        p += 8;
        out += 16;
      }
    } else if (opcode == NOT) {
      for (; n > 0; n--) {
        v128.store(out, v128.not(v128.load(load<i32>(p))));
        p += 4;
        out += 16;
      }
    } else {
      for (; n > 0; n--) {
        const a = v128.load(load<i32>(p));
        const b = v128.load(load<i32>(p, 4));
        v128.store(out, v128.xor(a, b));
        v128.store(out, v128.and(a, b), 16);
        p += 8;
        out += 32;
      }
    }
  }
}

// @ts-ignore: decorator
@inline
function ones(x: v128): i32 {
  const c = i8x16.popcnt(x);
  const s = i32x4.extadd_pairwise_i16x8_u(i16x8.extadd_pairwise_i8x16_u(c));
  return (
    i32x4.extract_lane(s, 0) + i32x4.extract_lane(s, 1) + i32x4.extract_lane(s, 2) + i32x4.extract_lane(s, 3)
  );
}

// @ts-ignore: decorator
@inline
function replace(out: i32, value: v128, mask: v128): i32 {
  const count = ones(v128.and(mask, v128.xor(v128.load(out), value)));
  v128.store(out, value);
  return count;
}

function addToggles(kind: i32, count: i64): void {
  const at = toggles + (kind << 3);
  store<i64>(at, load<i64>(at) + count);
}

function evaluateCounting(start: i32): void {
  const mask = v128.load(maskPointer);
  let p = start;
  for (;;) {
    const opcode = load<i32>(p);
    if (opcode == END) return;
    let n = load<i32>(p, 4);
    let out = load<i32>(p, 8);
    const kind = load<i32>(p, 12);
    let count: i64 = 0;
    p += 16;
    for (; n > 0; n--) {
      const a = v128.load(load<i32>(p));
      if (opcode == NOT) {
        count += replace(out, v128.not(a), mask);
        p += 4;
        out += 16;
        continue;
      }
      const b = v128.load(load<i32>(p, 4));
      if (opcode == ADDER) {
        const c = v128.load(load<i32>(p, 8));
        const half = v128.xor(a, b);
        count += replace(out, v128.xor(half, c), mask);
        count += replace(out + 16, v128.bitselect(c, a, half), mask);
        p += 12;
        out += 32;
      } else if (opcode == MUX) {
        count += replace(out, v128.bitselect(b, v128.load(load<i32>(p, 8)), a), mask);
        p += 12;
        out += 16;
      } else if (opcode == HALF_ADDER) {
        count += replace(out, v128.xor(a, b), mask);
        count += replace(out + 16, v128.and(a, b), mask);
        p += 8;
        out += 32;
      } else {
        const y = opcode == XOR ? v128.xor(a, b) : opcode == AND ? v128.and(a, b) : v128.or(a, b);
        count += replace(out, y, mask);
        p += 8;
        out += 16;
      }
    }
    addToggles(kind, count);
  }
}

/** Mark what a changed source feeds. The list holds op groups, then -1, then register groups, then -1. */
function wake(list: i32): void {
  let p = list;
  for (let g = load<i32>(p); g != -1; g = load<i32>(p)) {
    store<u8>(groupDirty + g, 1);
    p += 4;
  }
  p += 4;
  for (let r = load<i32>(p); r != -1; r = load<i32>(p)) {
    store<u8>(registerPending + r, 1);
    p += 4;
  }
}

/** Mark what an input port feeds, after the caller changed it. */
export function wakeSource(list: i32): void {
  wake(list);
}

/** Evaluate the op groups whose sources changed. */
export function settle(counting: i32): void {
  for (let g = 0; g < groupCount; g++) {
    if (!load<u8>(groupDirty + g)) continue;
    store<u8>(groupDirty + g, 0);
    const tape = load<i32>(groupTapes + (g << 2));
    if (counting) evaluateCounting(tape);
    else evaluate(tape);
    for (let p = load<i32>(groupFanouts + (g << 2)); ; p += 4) {
      const r = load<i32>(p);
      if (r == -1) break;
      store<u8>(registerPending + r, 1);
    }
  }
}

/** Return 0 or 1 when the active lanes agree, 2 otherwise. */
function scalar(pointer: i32): i32 {
  const mask = v128.load(maskPointer);
  const value = v128.load(pointer);
  if (!v128.any_true(v128.and(value, mask))) return 0;
  return v128.any_true(v128.andnot(mask, value)) ? 2 : 1;
}

/** Read an unsigned number of control bits; -1 when the lanes disagree. */
function scalarWord(pointers: i32, width: i32): i32 {
  let value = 0;
  for (let i = 0; i < width; i++) {
    const bit = scalar(load<i32>(pointers + (i << 2)));
    if (bit == 2) return -1;
    value |= bit << i;
  }
  return value;
}

/** Store new values over old ones; returns whether any lane changed. */
function commit(from: i32, to: i32, count: i32, kind: i32, counting: i32): bool {
  let any = i32x4.splat(0);
  if (counting) {
    const mask = v128.load(maskPointer);
    let total: i64 = 0;
    for (let i = 0; i < count; i++) {
      const difference = v128.xor(v128.load(from), v128.load(to));
      any = v128.or(any, difference);
      total += ones(v128.and(mask, difference));
      v128.store(to, v128.load(from));
      from += 16;
      to += 16;
    }
    addToggles(kind, total);
  } else {
    for (let i = 0; i < count; i++) {
      const value = v128.load(from);
      any = v128.or(any, v128.xor(value, v128.load(to)));
      v128.store(to, value);
      from += 16;
      to += 16;
    }
  }
  return v128.any_true(any);
}

/**
 * Apply one rising clock edge to settled nets. Returns 0, or 1 when a register's enable or reset differs between lanes,
 * 2 for a memory's enable, 3 for its address.
 */
export function tick(counting: i32): i32 {
  let loaded: i64 = 0;
  // All inputs are sampled before any output changes.
  for (let r = 0, at = registers; r < registerCount; r++, at += REGISTER_WORDS << 2) {
    store<u8>(registerLoading + r, 0);
    const reset = scalar(load<i32>(at, 24));
    const enable = reset == 0 ? 1 : scalar(load<i32>(at, 20));
    if (reset == 2 || enable == 2) {
      faultPlace = r;
      return 1;
    }
    if (!enable) continue;
    const count = load<i32>(at, 16);
    loaded += count;
    if (reset == 1 && !load<u8>(registerPending + r)) continue;
    store<u8>(registerLoading + r, 1);
    let next = load<i32>(at, 4);
    let from = reset == 0 ? load<i32>(at, 12) : load<i32>(at, 8);
    for (let i = 0; i < count; i++) {
      v128.store(next, v128.load(load<i32>(from)));
      from += 4;
      next += 16;
    }
    // After a reset q need not equal d, so the group must load again.
    store<u8>(registerPending + r, reset == 0 ? 1 : 0);
  }
  let reads: i64 = 0;
  let writes: i64 = 0;
  let port = 0;
  for (let m = 0, at = rams; m < ramCount; m++, at += RAM_WORDS << 2) {
    const words = load<i32>(at);
    const depth = load<i32>(at, 4);
    const width = load<i32>(at, 8);
    const readList = load<i32>(at, 20);
    const readCount = load<i32>(at, 24);
    for (let i = 0; i < readCount; i++, port++) {
      const read = readList + i * (READ_WORDS << 2);
      const enable = scalar(load<i32>(read));
      store<u8>(readLoading + port, <u8>enable);
      if (enable == 0) continue;
      const address = enable == 2 ? 0 : scalarWord(load<i32>(read, 4), load<i32>(read, 8));
      if (enable == 2 || address < 0) {
        faultPlace = m;
        return enable == 2 ? 2 : 3;
      }
      const next = load<i32>(read, 16);
      if (address < depth) memory.copy(next, words + address * (width << 4), width << 4);
      else memory.fill(next, 0, width << 4);
      reads += width;
    }
    const writeList = load<i32>(at, 12);
    const writeCount = load<i32>(at, 16);
    for (let i = 0; i < writeCount; i++) {
      const write = writeList + i * (WRITE_WORDS << 2);
      const enable = scalar(load<i32>(write));
      if (enable == 0) continue;
      const address = enable == 2 ? 0 : scalarWord(load<i32>(write, 4), load<i32>(write, 8));
      if (enable == 2 || address < 0) {
        faultPlace = m;
        return enable == 2 ? 2 : 3;
      }
      writes += width;
      if (address >= depth) continue;
      let to = words + address * (width << 4);
      let from = load<i32>(write, 12);
      for (let b = 0; b < width; b++) {
        v128.store(to, v128.load(load<i32>(from)));
        from += 4;
        to += 16;
      }
    }
  }
  for (let r = 0, at = registers; r < registerCount; r++, at += REGISTER_WORDS << 2) {
    if (!load<u8>(registerLoading + r)) continue;
    const changed = commit(load<i32>(at, 4), load<i32>(at), load<i32>(at, 16), load<i32>(at, 32), counting);
    if (changed) wake(load<i32>(at, 28));
  }
  port = 0;
  for (let m = 0, at = rams; m < ramCount; m++, at += RAM_WORDS << 2) {
    const width = load<i32>(at, 8);
    const readList = load<i32>(at, 20);
    const readCount = load<i32>(at, 24);
    for (let i = 0; i < readCount; i++, port++) {
      if (!load<u8>(readLoading + port)) continue;
      const read = readList + i * (READ_WORDS << 2);
      const changed = commit(load<i32>(read, 16), load<i32>(read, 12), width, load<i32>(read, 24), counting);
      if (changed) wake(load<i32>(read, 20));
    }
  }
  store<i64>(statistics, load<i64>(statistics) + loaded);
  store<i64>(statistics + 8, load<i64>(statistics + 8) + reads);
  store<i64>(statistics + 16, load<i64>(statistics + 16) + writes);
  return 0;
}
