// How long `serve` takes to answer "what if": `node benchmarks/what_if.mjs target/release/shakedown`. It measures whole requests
// over loopback: the run is simulated, explained, compared and rendered. The server's answers are read and parsed.

import { spawn } from "node:child_process";
import { readFileSync, readdirSync } from "node:fs";
import { createInterface } from "node:readline";

const REPEATS = 200;
const [shakedown] = process.argv.slice(2);
const child = spawn(shakedown, ["serve"], { stdio: ["ignore", "pipe", "inherit"] });

async function address() {
  for await (const line of createInterface({ input: child.stdout })) return line.trim();
  throw new Error("the server printed no address");
}

async function run(base, asked) {
  const headers = { "content-type": "application/json" };
  const response = await fetch(`${base}api/run`, { method: "POST", headers, body: JSON.stringify(asked) });
  if (!response.ok) throw new Error(`${response.status}: ${await response.text()}`);
  return response.json();
}

/** Processor time of the server and its children so far, in milliseconds; Linux counts in hundredths of a second. */
function processorTime(pid) {
  const stat = (id) => readFileSync(`/proc/${id}/stat`, "utf8").replace(/^.*\) /s, "").split(" ");
  const all = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  const times = all.map((id) => {
    try {
      const fields = stat(id);
      return id === `${pid}` || fields[1] === `${pid}` ? 10 * (Number(fields[11]) + Number(fields[12])) : 0;
    } catch {
      return 0;
    }
  });
  return times.reduce((sum, time) => sum + time, 0);
}

/** Milliseconds of a request: the median, the greatest of nineteen in twenty, and the server's processor time on average. */
async function measure(base, name, asked) {
  const times = [];
  let before = 0;
  for (let number = 0; number < REPEATS + 10; number++) {
    if (number === 10) before = processorTime(child.pid);
    const began = performance.now();
    await run(base, asked);
    if (number >= 10) times.push(performance.now() - began);
  }
  const processor = ((processorTime(child.pid) - before) / REPEATS).toFixed(1);
  times.sort((one, other) => one - other);
  const at = (part) => times[Math.floor(part * (times.length - 1))].toFixed(1);
  console.log(`| ${name} | ${at(0.5)} ms | ${at(0.95)} ms | ${processor} ms |`);
}

try {
  const base = await address();
  const failing = await run(base, { seeded: { scenario: "booking", without: ["retry-safe-job:a"], seed: "1" } });
  const shrunk = (await (async () => {
    const response = await fetch(`${base}api/shrink`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ script: failing.script }),
    });
    return response.json();
  })()).script;
  const guarded = shrunk.split("\n").filter((line) => !line.startsWith("without")).join("\n");
  const deviation = shrunk.split("\n").find((line) => line.includes(" = "));
  const other = shrunk.replace(deviation, deviation.replace(/ = .*/, " = pause 90 s"));
  console.log("| what | median | 95 % | processor |\n|---|---:|---:|---:|");
  await measure(base, "a run with 50 deviations, as the seed draws it", { script: failing.script });
  await measure(base, "the shrunk failure", { script: shrunk });
  await measure(base, "another alternative", { script: other });
  await measure(base, "the happy path", { script: shrunk.replace(`${deviation}\n`, "").replace(deviation, "") });
  await measure(base, "the guardrail put back, beside the failure", { script: guarded, against: shrunk });
} finally {
  child.kill();
}
