// Perfetto reads the Chrome trace events of a run as they are meant: every step a slice on its node's track, every
// message between nodes a flow, and nothing that its importer complains of.

import { readFileSync } from "node:fs";
import { processor } from "./processor.mjs";

function same(what, found, expected) {
  if (JSON.stringify(found) !== JSON.stringify(expected)) {
    throw new Error(`${what}: Perfetto has ${JSON.stringify(found)}, the file ${JSON.stringify(expected)}`);
  }
}

async function check(path) {
  const text = readFileSync(path, "utf8");
  const events = JSON.parse(text).traceEvents;
  const of = (phase) => events.filter((event) => event.ph === phase);
  const { query, close } = await processor(text);
  same("complaints", await query("select name, value from stats where severity = 'error' and value > 0"), []);
  const names = new Map(of("M").filter((one) => one.name === "thread_name").map((one) => [one.tid, one.args.name]));
  const slices = of("X").map((one) => [names.get(one.tid), one.name, Math.round(one.ts * 1000)]);
  const sorted = (rows) => rows.map((row) => JSON.stringify(row)).sort();
  const tracks = "thread_track on slice.track_id = thread_track.id join thread using (utid)";
  same("slices", sorted(await query(`select thread.name, slice.name, ts from slice join ${tracks}`)), sorted(slices));
  same("flows", (await query("select count(*) from flow"))[0][0], of("s").length);
  const nested = "select count(*) from slice where depth > 0 and parent_id is null";
  same("slices without a parent", (await query(nested))[0][0], 0);
  close();
  console.log(`${path}: ${slices.length} slices, ${of("s").length} flows`);
}

/** The check can fail: a flow that begins nowhere is complained of. */
async function refusesWhatIsWrong() {
  const lost = { ph: "f", bp: "e", name: "message", cat: "message", id: "1-2", pid: 1, tid: 1, ts: 5 };
  const { query, close } = await processor(JSON.stringify({ traceEvents: [lost] }));
  const complaints = await query("select name from stats where severity in ('error', 'info') and value > 0");
  if (complaints.length === 0) throw new Error("Perfetto takes a flow that begins nowhere");
  close();
}

await refusesWhatIsWrong();
for (const path of process.argv.slice(2)) await check(path);
