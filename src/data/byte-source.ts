/** Reads a stream of bytes piece by piece; never holds more than a chunk and what was asked for. */
export type ByteSource = {
  /** Return the next `length` bytes; fewer only at the end. */
  read(length: number): Promise<Buffer>;
  /** Pass the next `length` bytes over. */
  skip(length: number): Promise<void>;
  /** Yield the next `length` bytes in pieces as they come; fewer only at the end. */
  stream(length: number): AsyncGenerator<Buffer, void, void>;
  /** Bytes handed out so far. */
  position(): number;
  /** Give the stream up. */
  close(): Promise<void>;
};

/** Make a source of chunks, for formats that are parsed from front to back. */
export function createByteSource(chunks: AsyncIterable<Buffer>): ByteSource {
  const iterator = chunks[Symbol.asyncIterator]();
  let held: Buffer = Buffer.alloc(0);
  let position = 0;
  /** Return up to `length` bytes of what is there, waiting only when nothing is; empty at the end. */
  const take = async (length: number): Promise<Buffer> => {
    while (held.length === 0) {
      const { done, value } = await iterator.next();
      if (done === true) return held;
      held = value;
    }
    const piece = held.subarray(0, length);
    held = held.subarray(piece.length);
    position += piece.length;
    return piece;
  };
  async function* stream(length: number): AsyncGenerator<Buffer, void, void> {
    for (let left = length; left > 0; ) {
      const piece = await take(left);
      if (piece.length === 0) return;
      left -= piece.length;
      yield piece;
    }
  }
  return {
    async read(length) {
      const pieces: Buffer[] = [];
      for await (const piece of stream(length)) pieces.push(piece);
      return pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces);
    },
    async skip(length) {
      for await (const piece of stream(length)) void piece;
    },
    stream,
    position: () => position,
    async close() {
      await iterator.return?.(undefined);
    },
  };
}
