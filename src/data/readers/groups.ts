/** Number names in the order in which they first come: equal names, equal numbers. */
export function numberGroups(names: readonly string[]): Uint32Array {
  const groups = new Uint32Array(new SharedArrayBuffer(4 * names.length));
  const known = new Map<string, number>();
  for (const [i, name] of names.entries()) {
    const group = known.get(name) ?? known.size;
    known.set(name, group);
    groups[i] = group;
  }
  return groups;
}
