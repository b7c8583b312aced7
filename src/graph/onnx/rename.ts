import type { OnnxModel, OnnxNode } from "./model.js";

/** Take off the number that `OnnxBuilder.fresh` puts behind a hint. */
const hintOf = (name: string): string => name.replace(/_\d+$/, "");

/**
 * Give a model names for people: some values get the names that are asked for, the others their hints without the
 * builder's numbers (a number again where two hints are equal). A node is called after its first output, or as `nodes`
 * says.
 *
 * @param preferred new names by old ones; they must differ from each other
 * @param nodes names of nodes by the old name of their first output
 */
export function renameValues(
  model: OnnxModel,
  preferred: ReadonlyMap<string, string>,
  nodes: ReadonlyMap<string, string> = new Map(),
): OnnxModel {
  const taken = new Set(preferred.values());
  const names = new Map(preferred);
  const rename = (old: string): string => {
    const known = names.get(old);
    if (known !== undefined) return known;
    const hint = hintOf(old);
    let name = hint;
    for (let i = 1; taken.has(name); i++) name = `${hint}_${i}`;
    taken.add(name);
    names.set(old, name);
    return name;
  };
  const inputs = model.inputs.map((info) => ({ ...info, name: rename(info.name) }));
  const nodeNames = new Set<string>();
  const renamed = model.nodes.map((node): OnnxNode => {
    const outputs = node.outputs.map(rename);
    const base = nodes.get(node.outputs[0]!) ?? outputs[0]!;
    let name = base;
    for (let i = 1; nodeNames.has(name); i++) name = `${base}_${i}`;
    nodeNames.add(name);
    return { ...node, inputs: node.inputs.map(rename), outputs, name };
  });
  return {
    ...model,
    inputs,
    nodes: renamed,
    initializers: model.initializers.map((initializer) => ({
      ...initializer,
      name: rename(initializer.name),
    })),
    outputs: model.outputs.map((info) => ({ ...info, name: rename(info.name) })),
    ...(model.values === undefined
      ? {}
      : { values: model.values.map((info) => ({ ...info, name: rename(info.name) })) }),
  };
}
