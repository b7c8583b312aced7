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

// Words of a domain, the registers of one enable and reset: enable, resetN, bits, register groups.
const DOMAIN_WORDS: i32 = 4;
// Words of a register group: q, staging, d pointers, reset values, count, staged, fan-out list, class.
const REGISTER_WORDS: i32 = 8;
// Words of a memory record: words, depth, width, bytes a word, packed, write list, write count, read list, read count.
const RAM_WORDS: i32 = 9;
// Words of a write port: enable, address bits, address width, data pointers.
const WRITE_WORDS: i32 = 4;
// Words of a read port: enable, address bits, address width, q, staging, fan-out list, class.
const READ_WORDS: i32 = 7;

let groupCount: i32 = 0;
let groupTapes: i32 = 0;
let groupDirty: i32 = 0;
let groupFanouts: i32 = 0;
let domainCount: i32 = 0;
let domains: i32 = 0;
let registers: i32 = 0;
let registerPending: i32 = 0;
let loading: i32 = 0;
let ramCount: i32 = 0;
let rams: i32 = 0;
let readFrom: i32 = 0;
let readLast: i32 = 0;
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
  domainCount = load<i32>(table, 16);
  domains = load<i32>(table, 20);
  registers = load<i32>(table, 24);
  registerPending = load<i32>(table, 28);
  loading = load<i32>(table, 32);
  ramCount = load<i32>(table, 36);
  rams = load<i32>(table, 40);
  readFrom = load<i32>(table, 44);
  readLast = load<i32>(table, 48);
  toggles = load<i32>(table, 52);
  statistics = load<i32>(table, 56);
  maskPointer = load<i32>(table, 60);
}

/** Index of the domain or memory whose control disagreed between lanes. */
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
    if (!load<u8>(groupDirty + g)) {
      // Eight idle groups at a time.
      if (load<u64>(groupDirty + g) == 0) g += 7;
      continue;
    }
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

/** Store one new value over an old one; returns the lanes that changed. */
// @ts-ignore: decorator
@inline
function put(to: i32, value: v128): v128 {
  const difference = v128.xor(value, v128.load(to));
  v128.store(to, value);
  return difference;
}

/** Give registers their new values, from staging and from where d comes from; returns whether any lane changed. */
function loadRegisters(at: i32, from: i32, counting: i32): bool {
  let q = load<i32>(at);
  let staging = load<i32>(at, 4);
  const count = load<i32>(at, 16);
  const staged = load<i32>(at, 20);
  let any = i32x4.splat(0);
  if (counting) {
    const mask = v128.load(maskPointer);
    let total: i64 = 0;
    for (let i = 0; i < count; i++) {
      const value = i < staged ? v128.load(staging) : v128.load(load<i32>(from + (i << 2)));
      const difference = put(q, value);
      any = v128.or(any, difference);
      total += ones(v128.and(mask, difference));
      staging += 16;
      q += 16;
    }
    addToggles(load<i32>(at, 28), total);
    return v128.any_true(any);
  }
  for (let i = 0; i < staged; i++) {
    any = v128.or(any, put(q, v128.load(staging)));
    staging += 16;
    q += 16;
  }
  from += staged << 2;
  for (let i = staged; i < count; i++) {
    any = v128.or(any, put(q, v128.load(load<i32>(from))));
    from += 4;
    q += 16;
  }
  return v128.any_true(any);
}

/** Give a read port its word; a packed word has one bit for all lanes. Returns whether any lane changed. */
function loadRead(read: i32, from: i32, width: i32, packed: i32, counting: i32): bool {
  let q = load<i32>(read, 12);
  let any = i32x4.splat(0);
  const mask = v128.load(maskPointer);
  let total: i64 = 0;
  let word: u32 = 0;
  for (let i = 0; i < width; i++) {
    let value: v128;
    if (packed) {
      if ((i & 31) == 0) {
        word = load<u32>(from);
        from += 4;
      }
      value = i32x4.splat(-(<i32>(word & 1)));
      word >>= 1;
    } else {
      value = v128.load(from);
      from += 16;
    }
    const difference = put(q, value);
    any = v128.or(any, difference);
    if (counting) total += ones(v128.and(mask, difference));
    q += 16;
  }
  if (counting) addToggles(load<i32>(read, 24), total);
  return v128.any_true(any);
}

/** Find the registers that load and keep those of their new values that come from other state. Returns how many groups load, or −1. */
function sampleRegisters(): i32 {
  let loads = 0;
  let bits: i64 = 0;
  let r = 0;
  for (let n = 0, at = domains; n < domainCount; n++, at += DOMAIN_WORDS << 2) {
    const end = r + load<i32>(at, 12);
    const reset = scalar(load<i32>(at, 4));
    const enable = reset == 0 ? 1 : scalar(load<i32>(at));
    if (reset == 2 || enable == 2) {
      faultPlace = n;
      return -1;
    }
    if (!enable) {
      r = end;
      continue;
    }
    bits += load<i32>(at, 8);
    for (; r < end; r++) {
      if (reset == 1 && !load<u8>(registerPending + r)) continue;
      const record = registers + r * (REGISTER_WORDS << 2);
      const from = reset == 0 ? load<i32>(record, 12) : load<i32>(record, 8);
      let staging = load<i32>(record, 4);
      for (let p = from, last = from + (load<i32>(record, 20) << 2); p < last; p += 4) {
        v128.store(staging, v128.load(load<i32>(p)));
        staging += 16;
      }
      const entry = loading + (loads++ << 3);
      store<i32>(entry, record);
      store<i32>(entry, from, 4);
      // After a reset q need not equal d, so the group must load again.
      store<u8>(registerPending + r, reset == 0 ? 1 : 0);
    }
  }
  store<i64>(statistics, load<i64>(statistics) + bits);
  return loads;
}

/** Find the words to read, and write; a word that is read and written at once is kept as it was. Returns 0 or the status of {@link tick}. */
function sampleMemories(): i32 {
  let reads: i64 = 0;
  let writes: i64 = 0;
  let port = 0;
  for (let m = 0, at = rams; m < ramCount; m++, at += RAM_WORDS << 2) {
    const words = load<i32>(at);
    const depth = load<i32>(at, 4);
    const width = load<i32>(at, 8);
    const stride = load<i32>(at, 12);
    const readList = load<i32>(at, 28);
    const readCount = load<i32>(at, 32);
    const firstPort = port;
    for (let i = 0; i < readCount; i++, port++) {
      const read = readList + i * (READ_WORDS << 2);
      const enable = scalar(load<i32>(read));
      store<i32>(readFrom + (port << 2), 0);
      if (enable == 0) continue;
      const address = enable == 2 ? 0 : scalarWord(load<i32>(read, 4), load<i32>(read, 8));
      if (enable == 2 || address < 0) {
        faultPlace = m;
        return enable == 2 ? 2 : 3;
      }
      // Behind the last word there is one of zeros.
      store<i32>(readFrom + (port << 2), words + (address < depth ? address : depth) * stride);
      reads += width;
    }
    const writeList = load<i32>(at, 20);
    const writeCount = load<i32>(at, 24);
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
      let to = words + address * stride;
      for (let p = firstPort; p < port; p++) {
        if (load<i32>(readFrom + (p << 2)) != to) continue;
        const staging = load<i32>(readList + (p - firstPort) * (READ_WORDS << 2), 16);
        memory.copy(staging, to, stride);
        store<i32>(readFrom + (p << 2), staging);
      }
      let from = load<i32>(write, 12);
      for (let b = 0; b < width; b++) {
        v128.store(to, v128.load(load<i32>(from)));
        from += 4;
        to += 16;
      }
    }
  }
  store<i64>(statistics + 8, load<i64>(statistics + 8) + reads);
  store<i64>(statistics + 16, load<i64>(statistics + 16) + writes);
  return 0;
}

/**
 * Apply one rising clock edge to settled nets. Returns 0, or 1 when a register's enable or reset differs between lanes,
 * 2 for a memory's enable, 3 for its address.
 */
export function tick(counting: i32): i32 {
  // All that comes from state is sampled before any state changes.
  const loads = sampleRegisters();
  if (loads < 0) return 1;
  const status = sampleMemories();
  if (status != 0) return status;
  for (let i = 0, entry = loading; i < loads; i++, entry += 8) {
    const record = load<i32>(entry);
    if (loadRegisters(record, load<i32>(entry, 4), counting)) wake(load<i32>(record, 24));
  }
  let port = 0;
  for (let m = 0, at = rams; m < ramCount; m++, at += RAM_WORDS << 2) {
    const packed = load<i32>(at, 16);
    const readList = load<i32>(at, 28);
    const readCount = load<i32>(at, 32);
    for (let i = 0; i < readCount; i++, port++) {
      const from = load<i32>(readFrom + (port << 2));
      if (from == 0) continue;
      if (packed) {
        // The same word of constants again.
        if (load<i32>(readLast + (port << 2)) == from) continue;
        store<i32>(readLast + (port << 2), from);
      }
      const read = readList + i * (READ_WORDS << 2);
      if (loadRead(read, from, load<i32>(at, 8), packed, counting)) wake(load<i32>(read, 20));
    }
  }
  return 0;
}
