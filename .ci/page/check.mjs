// Every state of the pages that a reader meets, checked by axe-core. It prints each violation, and fails if there is one.

import { spawn } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";
import { join } from "node:path";
import { Chromium } from "./chromium.mjs";

const [shakedown, place, screenshots] = process.argv.slice(2);
if (screenshots) mkdirSync(screenshots, { recursive: true });
const AXE = readFileSync(new URL("node_modules/axe-core/axe.min.js", import.meta.url), "utf8");
const SCREENS = [
  { name: "desk-light", width: 1360, dark: false },
  { name: "desk-dark", width: 1360, dark: true },
  { name: "phone-light", width: 360, dark: false },
  { name: "phone-dark", width: 360, dark: true },
];
const FAILURE = "?scenario=booking&without=retry-safe-job:a&seed=1";

/** What the served page can show: each state is reached from the one before it. */
const STATES = [
  ["failing", async () => {}],
  ["shrunk", (page) => change(page, "document.querySelector('#shrink').click()")],
  ["open", async (page) => {
    await page.evaluate("document.querySelectorAll('details').forEach((closed) => (closed.open = true))");
    await page.evaluate("(() => { const text = document.querySelector('#script'); text.focus(); text.setRangeText('\\npartner.reserve', text.value.length, text.value.length, 'end'); text.dispatchEvent(new Event('input')); })()");
    await page.until("!document.querySelector('#completions').hidden");
  }],
  ["beside", (page) => change(page, "document.querySelector(\"[aria-label^='Put ']\").click()")],
  ["wrong", async (page) => {
    await page.evaluate("document.querySelector('#script').value = 'nonsense'; document.querySelector('#run-script').click()");
    await page.until("document.querySelector('#problem').textContent");
  }],
  ["campaign", async (page) => {
    await page.evaluate("document.querySelector('#to-campaign').click()");
    await page.evaluate("document.querySelector('#seeds').value = '256'; document.querySelector('#start').click()");
    await page.until("document.querySelector('#campaign').dataset.state === 'done'");
  }],
];

async function change(page, expression) {
  await page.evaluate("delete document.querySelector('#run').dataset.digest");
  await page.evaluate(expression);
  await page.until("document.querySelector('#run').dataset.digest");
}

let failed = 0;
let checked = 0;

async function check(page, name) {
  // The debugger may run what the page's own policy forbids.
  await page.evaluate(AXE);
  const violations = JSON.parse(await page.evaluate("axe.run().then(({ violations }) => JSON.stringify(violations))"));
  checked += 1;
  for (const { id, help, nodes } of violations) {
    failed += 1;
    console.error(`${name}: ${id}: ${help}`);
    for (const { target, html, failureSummary } of nodes.slice(0, 4)) console.error(`  ${target}\n    ${html.slice(0, 160)}\n    ${failureSummary.replaceAll("\n", " ")}`);
  }
  if (screenshots) writeFileSync(join(screenshots, `${name}.png`), await page.screenshot(true));
}

/** Starts the server, and returns its address with what ends it. */
async function serve() {
  const child = spawn(shakedown, ["serve", "--traces", place], { stdio: ["ignore", "pipe", "inherit"] });
  for await (const line of createInterface({ input: child.stdout })) return { address: line.trim(), child };
  throw new Error("the server printed no address");
}

const browser = new Chromium();
const { address, child } = await serve();
try {
  for (const { name, width, dark } of SCREENS) {
    for (const report of ["failing", "passing"]) {
      const page = await browser.page(width, dark);
      await page.visit(pathToFileURL(join(place, `${report}.html`)).href, "true");
      await page.evaluate("document.querySelectorAll('details').forEach((closed) => (closed.open = true))");
      await check(page, `report-${report}-${name}`);
      await page.close();
    }
    const page = await browser.page(width, dark);
    await page.visit(`${address}${FAILURE}`, "document.body?.dataset.ready");
    for (const [state, reach] of STATES) {
      await reach(page);
      await check(page, `served-${state}-${name}`);
    }
    await page.close();
  }
} finally {
  child.kill();
  await browser.close();
}
console.log(`${checked} pages checked, ${failed} violations`);
process.exit(failed > 0 || checked === 0 ? 1 : 0);
