type Entry = { readonly time: number; readonly order: number; readonly action: () => void };

const isBefore = (a: Entry, b: Entry): boolean => a.time < b.time || (a.time === b.time && a.order < b.order);

/** Actions in the order of their cycles; those of one cycle in the order in which they were entered. */
export class Agenda {
  #now = 0;
  #entered = 0;
  /** A binary heap, the next entry first. */
  readonly #heap: Entry[] = [];

  /** The present cycle. */
  get now(): number {
    return this.#now;
  }

  /** Enter an action for a cycle; one that has passed counts as now. */
  at(time: number, action: () => void): void {
    const heap = this.#heap;
    const entry = { time: Math.max(time, this.#now), order: this.#entered++, action };
    let i = heap.length;
    heap.push(entry);
    while (i > 0) {
      const parent = (i - 1) >> 1;
      if (!isBefore(entry, heap[parent]!)) break;
      heap[i] = heap[parent]!;
      i = parent;
    }
    heap[i] = entry;
  }

  /** Do what is entered until nothing is left. */
  run(): void {
    for (let next = this.#take(); next !== undefined; next = this.#take()) {
      this.#now = next.time;
      next.action();
    }
  }

  #take(): Entry | undefined {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (first === undefined || last === undefined || heap.length === 0) return first;
    let i = 0;
    for (;;) {
      let child = 2 * i + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child++;
      if (!isBefore(heap[child]!, last)) break;
      heap[i] = heap[child]!;
      i = child;
    }
    heap[i] = last;
    return first;
  }
}
