// Event-driven simulation with delays: integer picoseconds, one pending event a net, an event wheel of one slot a picosecond.
//
// The caller lays everything out in memory (src/sim/timed/layout.ts) and hands over one table of pointers. At one time all
// nets change first, then every cell that saw a change is looked at once, so the order within a time never matters.

const NONE: i32 = -1;

let netCount: i32 = 0;
let value: i32 = 0;
let pending: i32 = 0;
let next: i32 = 0;
let previous: i32 = 0;
let rises: i32 = 0;
let falls: i32 = 0;
let settled: i32 = 0;
let parity: i32 = 0;
let touched: i32 = 0;
let fanoutFrom: i32 = 0;
let fanouts: i32 = 0;
let cellState: i32 = 0;
let cellMark: i32 = 0;
let cellTables: i32 = 0;
let cellOutputs: i32 = 0;
let cellDelays: i32 = 0;
let delays: i32 = 0;
let marked: i32 = 0;
let heads: i32 = 0;
let wheelMask: i32 = 0;
let bitmap: i32 = 0;
let flopCount: i32 = 0;
let flops: i32 = 0;
let popped: i32 = 0;

let live: i32 = 0;
let now: i32 = 0;
let touchedCount: i32 = 0;
let events: i64 = 0;
let filtered: i64 = 0;

/** Read the table of pointers that the caller wrote at `table`. */
export function configure(table: i32): void {
  netCount = load<i32>(table, 0);
  value = load<i32>(table, 4);
  pending = load<i32>(table, 8);
  next = load<i32>(table, 12);
  previous = load<i32>(table, 16);
  rises = load<i32>(table, 20);
  falls = load<i32>(table, 24);
  settled = load<i32>(table, 28);
  parity = load<i32>(table, 32);
  touched = load<i32>(table, 36);
  fanoutFrom = load<i32>(table, 40);
  fanouts = load<i32>(table, 44);
  cellState = load<i32>(table, 48);
  cellMark = load<i32>(table, 52);
  cellTables = load<i32>(table, 56);
  cellOutputs = load<i32>(table, 60);
  cellDelays = load<i32>(table, 64);
  delays = load<i32>(table, 68);
  marked = load<i32>(table, 72);
  heads = load<i32>(table, 76);
  wheelMask = load<i32>(table, 80) - 1;
  bitmap = load<i32>(table, 84);
  flopCount = load<i32>(table, 88);
  flops = load<i32>(table, 92);
  popped = load<i32>(table, 96);
  live = 0;
  now = 0;
  touchedCount = 0;
  events = 0;
  filtered = 0;
}

/** Transitions since `configure`, and pulses that were shorter than a cell's delay. */
export function eventCount(): f64 {
  return <f64>events;
}
export function filteredCount(): f64 {
  return <f64>filtered;
}

function insert(net: i32, time: i32): void {
  const slot = time & wheelMask;
  const head = heads + (slot << 2);
  const first = load<i32>(head);
  store<i32>(next + (net << 2), first);
  store<i32>(previous + (net << 2), NONE);
  if (first != NONE) store<i32>(previous + (first << 2), net);
  store<i32>(head, net);
  store<i32>(pending + (net << 2), slot);
  const word = bitmap + ((slot >> 6) << 3);
  store<u64>(word, load<u64>(word) | (<u64>1 << (slot & 63)));
  live++;
}

function remove(net: i32): void {
  const slot = load<i32>(pending + (net << 2));
  const after = load<i32>(next + (net << 2));
  const before = load<i32>(previous + (net << 2));
  if (after != NONE) store<i32>(previous + (after << 2), before);
  if (before != NONE) store<i32>(next + (before << 2), after);
  else {
    store<i32>(heads + (slot << 2), after);
    if (after == NONE) {
      const word = bitmap + ((slot >> 6) << 3);
      store<u64>(word, load<u64>(word) & ~(<u64>1 << (slot & 63)));
    }
  }
  store<i32>(pending + (net << 2), NONE);
  live--;
}

/** Let a source (input, memory read port) take a value so many picoseconds after the clock edge. */
export function drive(net: i32, target: i32, delay: i32): void {
  if (<i32>load<u8>(value + net) != target) insert(net, delay);
}

/** Clock edge: flip-flops whose group is enabled launch what they see. Words: d, q, enable net, delay of rise, of fall. */
export function clock(): void {
  let p = flops;
  for (let i = 0; i < flopCount; i++, p += 20) {
    if (load<u8>(value + load<i32>(p, 8)) == 0) continue;
    const d = load<u8>(value + load<i32>(p));
    const q = load<i32>(p, 4);
    if (d == load<u8>(value + q)) continue;
    insert(q, d == 1 ? load<i32>(p, 12) : load<i32>(p, 16));
  }
}

function consider(net: i32, target: i32, at: i32, changed: i32, stride: i32): void {
  if (load<i32>(pending + (net << 2)) != NONE) {
    // A pulse shorter than the delay: the pending change is withdrawn.
    if (target == <i32>load<u8>(value + net)) {
      remove(net);
      filtered++;
    }
    return;
  }
  if (target == <i32>load<u8>(value + net)) return;
  // Of the inputs that changed at this time the fastest one decides.
  let delay: i32 = i32.MAX_VALUE;
  let p = delays + ((at + (target ^ 1)) << 1);
  for (let m = changed; m != 0; m >>= 1, p += stride) {
    if ((m & 1) == 0) continue;
    const one = <i32>load<u16>(p);
    if (one < delay) delay = one;
  }
  insert(net, now + delay);
}

/** Run until nothing is pending. Returns the time of the last change, in picoseconds after the clock edge. */
export function run(): i32 {
  let last: i32 = 0;
  now = 0;
  while (live > 0) {
    let slot = now & wheelMask;
    let index = slot >> 6;
    let bits = load<u64>(bitmap + (index << 3)) & (~(<u64>0) << (slot & 63));
    while (bits == 0) {
      index = (index + 1) & (wheelMask >> 6);
      bits = load<u64>(bitmap + (index << 3));
    }
    const found = (index << 6) + <i32>ctz(bits);
    now += (found - slot) & wheelMask;
    slot = found;
    last = now;
    let net = load<i32>(heads + (slot << 2));
    store<i32>(heads + (slot << 2), NONE);
    const word = bitmap + ((slot >> 6) << 3);
    store<u64>(word, load<u64>(word) & ~(<u64>1 << (slot & 63)));
    let marks = marked;
    while (net != NONE) {
      const after = load<i32>(next + (net << 2));
      store<i32>(pending + (net << 2), NONE);
      live--;
      events++;
      const v = <i32>load<u8>(value + net) ^ 1;
      store<u8>(value + net, <u8>v);
      const counter = (v == 1 ? rises : falls) + (net << 2);
      store<u32>(counter, load<u32>(counter) + 1);
      const flags = load<u8>(parity + net);
      if (flags == 0) {
        store<i32>(touched + (touchedCount << 2), net);
        touchedCount++;
        store<u8>(parity + net, 3);
      } else store<u8>(parity + net, flags ^ 1);
      const end = fanouts + (load<i32>(fanoutFrom + (net << 2), 4) << 2);
      for (let f = fanouts + (load<i32>(fanoutFrom + (net << 2)) << 2); f < end; f += 4) {
        const entry = load<i32>(f);
        const cell = entry >> 3;
        const pin: u8 = <u8>1 << <u8>(entry & 7);
        store<u8>(cellState + cell, load<u8>(cellState + cell) ^ pin);
        const mark = load<u8>(cellMark + cell);
        store<u8>(cellMark + cell, mark | pin);
        if (mark == 0) {
          store<i32>(marks, cell);
          marks += 4;
        }
      }
      net = after;
    }
    for (let m = marked; m < marks; m += 4) {
      const cell = load<i32>(m);
      const changed = <i32>load<u8>(cellMark + cell);
      store<u8>(cellMark + cell, 0);
      const state = <u64>load<u8>(cellState + cell);
      const at = load<i32>(cellDelays + (cell << 2));
      const table = cellTables + (cell << 4);
      const y = cellOutputs + (cell << 3);
      const first = load<i32>(y);
      const second = load<i32>(y, 4);
      // Delays lie pin by pin: rise and fall of the first output, then of the second.
      if (first != NONE) consider(first, <i32>((load<u64>(table) >> state) & 1), at, changed, 8);
      if (second != NONE) consider(second, <i32>((load<u64>(table, 8) >> state) & 1), at + 2, changed, 8);
    }
  }
  for (let i = 0; i < touchedCount; i++) {
    const net = load<i32>(touched + (i << 2));
    if ((load<u8>(parity + net) & 1) == 1) {
      const counter = settled + (net << 2);
      store<u32>(counter, load<u32>(counter) + 1);
    }
    store<u8>(parity + net, 0);
  }
  touchedCount = 0;
  return last;
}
