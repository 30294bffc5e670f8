// A server of one story's own, which may be killed and started again where it was: behind a wire, so
// that its address stays the same.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

import { Wire } from "./wire.mjs";

export class OwnServer {
  #house;
  #folder = mkdtempSync(join(tmpdir(), "maitred-story-"));
  #child = null;
  #wire = null;

  // With the settings of the server that all stories share, and so with its providers.
  static async start(house) {
    const server = new OwnServer();
    server.#house = house;
    const port = await server.#spawn();
    server.#wire = await Wire.to(house.host, port);
    return server;
  }

  get url() {
    return this.#wire.url;
  }

  // As `kill -9` does, in the middle of whatever it does.
  async kill() {
    const ended = once(this.#child, "exit");
    this.#child.kill("SIGKILL");
    await ended;
  }

  async startAgain() {
    this.#wire.lead(await this.#spawn());
  }

  async close() {
    await this.kill();
    await this.#wire.close();
    rmSync(this.#folder, { recursive: true });
  }

  // Starts it and gives the port that it says.
  async #spawn() {
    const options = ["--listen", `${this.#house.host}:0`, "--data-dir", this.#folder, "--config", this.#house.config];
    this.#child = spawn(this.#house.binary, options, { stdio: ["ignore", "pipe", "inherit"] });
    const child = this.#child;
    process.once("exit", () => child.kill("SIGKILL")); // also when the story has failed
    return new Promise((resolve, reject) => {
      createInterface({ input: child.stdout }).on("line", (line) => {
        const said = /http:\/\/[\d.]+:(\d+)/.exec(line);
        if (said) resolve(Number(said[1]));
      });
      child.once("exit", () => reject(new Error("the server has ended")));
    });
  }
}
