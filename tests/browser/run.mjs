// Runs the stories, each with a browser window of its own, and says how long each took.
//
//   node tests/browser/run.mjs [NAME…]     only stories whose name has one of these words
//
// From the environment (tests/browser.rs sets all of it):
//   BROWSER_SERVER       host:port of the server; its providers are those of tests/browser.rs
//   BROWSER_BINARY       the server's program, for stories that need one of their own
//   BROWSER_CONFIG       its settings
//   BROWSER_TEXT         what its provider writes
//   BROWSER_MODULES      the node_modules with playwright-core and axe-core
//   BROWSER_SCREENSHOTS  the folder for pictures
//   BROWSER_CHROMIUM     the browser, if it is not /usr/bin/chromium

import { createRequire } from "node:module";
import { join } from "node:path";

import * as events from "./stories/events.mjs";
import * as generate from "./stories/generate.mjs";
import * as looks from "./stories/looks.mjs";
import * as manners from "./stories/manners.mjs";
import * as network from "./stories/network.mjs";
import * as restart from "./stories/restart.mjs";
import * as rooms from "./stories/rooms.mjs";
import { Wire } from "./wire.mjs";

const STORY_MS = 40_000;

function setting(name) {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set`);
  return value;
}

const modules = setting("BROWSER_MODULES");
const { chromium } = createRequire(join(modules, "x.js"))("playwright-core");
const [host, port] = setting("BROWSER_SERVER").split(":");
const house = {
  host,
  port: Number(port),
  url: `http://${host}:${port}/`,
  binary: setting("BROWSER_BINARY"),
  config: setting("BROWSER_CONFIG"),
  text: setting("BROWSER_TEXT"),
  screenshots: setting("BROWSER_SCREENSHOTS"),
  modules,
  wire: () => Wire.to(host, Number(port)),
};
const browser = await chromium.launch({
  executablePath: process.env.BROWSER_CHROMIUM ?? "/usr/bin/chromium",
  // Its sandbox needs rights that root in a container does not have. It visits only this server.
  args: ["--no-sandbox", "--disable-dev-shm-usage"],
});

const wanted = process.argv.slice(2);
let failed = 0;
let run = 0;

async function play(name, tell) {
  const began = Date.now();
  run += 1;
  try {
    const late = new Promise((_, reject) => setTimeout(reject, STORY_MS, new Error("it took too long")).unref());
    await Promise.race([tell(browser, house), late]);
    console.log(`ok ${name} (${Date.now() - began} ms)`);
  } catch (error) {
    failed += 1;
    console.log(`FAILED ${name}: ${error.stack}`);
  }
}

// Stories of one file one after the other, because they look at what others left in the store; those
// of several files together, and the pictures last, all at once.
async function playAll(...files) {
  const told = (file) => Object.entries(file).filter(([name]) => wanted.length === 0 || wanted.some((word) => name.includes(word)));
  await Promise.all(files.map(async (file) => {
    for (const [name, tell] of told(file)) await play(name, tell);
  }));
}

await playAll(events, rooms);
await playAll(generate, network, restart, manners);
await playAll(...Object.entries(looks).map(([name, tell]) => ({ [name]: tell })));
await browser.close();
console.log(`${run} stories, ${failed} failed`);
process.exit(failed === 0 && run > 0 ? 0 : 1);
