// Every diagram in a snapshot parses, by the word of the real mermaid.

import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import mermaid from "mermaid";

const root = join(import.meta.dirname, "..", "..");

function* snapshots(directory) {
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) yield* snapshots(path);
    else if (path.endsWith(".snap") || path.endsWith(".md")) yield path;
  }
}

const parses = (text) => mermaid.parse(text).then(() => true, () => false);

// The check can fail: these are the traps that the diagrams step around.
for (const trap of ["sequenceDiagram\n participant end\n end->>end: x", "sequenceDiagram\n a->>b: x; y"]) {
  if (await parses(trap)) throw new Error(`mermaid takes what it should refuse: ${trap}`);
}

let count = 0;
for (const member of ["reports", "scenarios"]) {
  for (const path of snapshots(join(root, member, "tests"))) {
    for (const [, diagram] of readFileSync(path, "utf8").matchAll(/```mermaid\n([^]*?)```/g)) {
      if (!(await parses(diagram))) throw new Error(`${path}: mermaid does not parse\n${diagram}`);
      count += 1;
    }
  }
}
if (count === 0) throw new Error("no snapshot holds a diagram");
console.log(`${count} diagrams parse`);
