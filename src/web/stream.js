// A text that is being written: asked for, read, taken up again when the network was lost, stopped.
//
//   asking ──start──► writing ──done──────────► done
//     │                │   ▲  └─(cancelled)───► stopped   (by us: DELETE was sent)
//     │                ▼   │  └─error─────────► failed
//     │              lost ─┘ again after ¼ s, ½ s … 4 s, at once when the browser is online again
//     │                └─(the server does not know the text: for 20 s)─► failed, (at stop)─► stopped
//     └─(refused, unreachable)─► failed          (stop before the first word) ─► stopped
//
// How it was stopped: `stored` with what there was of it; `unsaid`, before the first word; `untold`,
// because the server could not be reached; `gone`, because it is not writing the text any more.
//
// It knows no document. Whoever made it is told of every change: `state(name, more)`, `text(piece)`.
// Where to go on from is the `id` of the last event: bytes of the text that have arrived.

import { Problem, send } from "./api.js";
import { EventReader } from "./sse.js";

const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 4000;
// The server says something every 15 s (limits.heartbeat_ms): three times nothing is a dead network.
const SILENCE_MS = 45000;
// A server that was killed has forgotten what it was writing, and can only say that an id as young
// as that is not known yet.
const UNKNOWN_MS = 20000;
const FORGOTTEN = "The server does not know this text any more. It was probably started again while it was writing.";

export class TextStream {
  id = null;
  state = "idle";
  #tell;
  #last = null; // Last-Event-ID
  #aborter = new AbortController();
  #wake = null;
  #stopping = false;
  #unknownSince = null; // when the server first said that it does not know this text yet

  constructor(tell) {
    this.#tell = tell;
  }

  // Asks for a new text. Resolves at its end, whatever that is; it never rejects.
  async ask(order) {
    this.#enter("asking");
    await this.#run(() => this.#send("POST", "generate/", { body: { ...order, stream: true } }));
  }

  // Takes up a text of which nothing is there yet: after a reload.
  async resume(id) {
    this.id = id;
    this.#enter("lost");
    await this.#run(() => this.#reopen());
  }

  // Stops the text, for all who read it. Before its first word there is nothing to name, but then
  // hanging up is enough: the server notices that nobody is left.
  async stop() {
    if (this.#stopping || this.isOver) return;
    this.#stopping = true;
    if (!this.id) return this.#leave("unsaid");
    try {
      await send("DELETE", `generate/${this.id}`);
    } catch (problem) {
      if (problem.status !== 404) this.#leave("untold");
      else if (this.state === "lost") this.#leave("gone");
      else this.#stopping = false; // its end is on the way to us, or else it can be stopped again
    }
    this.#wake?.();
  }

  // Stopped on our side, without an event that says so.
  #leave(how) {
    this.#enter("stopped", { how });
    this.#aborter.abort();
  }

  // The network is said to be gone: no need to wait until reading fails.
  lose() {
    if (this.state === "writing") this.#aborter.abort();
  }

  // The network is said to be back.
  retry() {
    this.#wake?.();
  }

  get isOver() {
    return ["idle", "done", "stopped", "failed"].includes(this.state);
  }

  async #run(open) {
    let pause = FIRST_PAUSE_MS;
    while (!this.isOver) {
      const before = this.#last;
      try {
        const response = await open();
        this.#unknownSince = null;
        if (this.id) this.#enter("writing");
        await this.#read(response.body.getReader());
      } catch (error) {
        if (this.#isFinal(error)) return this.#fail(error);
        if (this.#isForgotten(error)) return this.#fail(new Problem({ code: error.code, detail: FORGOTTEN }));
      }
      if (this.isOver) return undefined;
      if (!this.id) return this.#fail(Problem.unreachable());
      this.#enter("lost");
      if (this.#last !== before) pause = FIRST_PAUSE_MS;
      await this.#rest(pause);
      pause = Math.min(2 * pause, LONGEST_PAUSE_MS);
      open = () => this.#reopen();
    }
    return undefined;
  }

  #reopen() {
    const headers = this.#last === null ? {} : { "Last-Event-ID": this.#last };
    return this.#send("GET", `generate/${this.id}/events`, { headers });
  }

  #send(method, path, options) {
    this.#aborter = new AbortController();
    return send(method, path, { ...options, signal: this.#aborter.signal });
  }

  // A refusal is an answer, and so is anything that was said about a text that is known. The rest
  // (no network, a server that starts again, a proxy without one) passes.
  #isFinal(error) {
    if (!(error instanceof Problem) || error.code === "unreachable") return false;
    return !this.id || ![404, 429, 500, 502, 503, 504].includes(error.status) || error.code === "not_found";
  }

  #isForgotten(error) {
    if (error.code !== "not_yet") return false;
    this.#unknownSince ??= Date.now();
    return Date.now() - this.#unknownSince >= UNKNOWN_MS;
  }

  async #read(reader) {
    const events = new EventReader();
    for (;;) {
      const timer = setTimeout(() => this.#aborter.abort(), SILENCE_MS);
      const { value, done } = await reader.read().finally(() => clearTimeout(timer));
      if (done) return;
      let text = "";
      for (const event of events.feed(value)) {
        if (event.id !== null) this.#last = event.id;
        if (event.name === "token") text += JSON.parse(event.data).text;
        else if (event.name !== "message") {
          this.#grow(text);
          text = "";
          this.#event(event.name, JSON.parse(event.data));
        }
      }
      this.#grow(text);
      if (this.isOver) return void reader.cancel().catch(() => {}); // nothing more was to come
    }
  }

  #grow(text) {
    if (text === "") return;
    this.#enter("writing");
    this.#tell.text(text);
  }

  #event(name, said) {
    if (name === "start") {
      this.id = said.id;
      this.#enter("writing");
    } else if (name === "done") {
      this.#enter("done", said);
    } else if (name === "error" && said.code === "cancelled" && this.#stopping) {
      this.#enter("stopped", { how: "stored" });
    } else if (name === "error") {
      this.#fail(new Problem(said));
    }
  }

  #fail(problem) {
    this.#enter("failed", problem);
  }

  #enter(state, more) {
    if (this.state === state || (this.isOver && this.state !== "idle")) return;
    this.state = state;
    this.#tell.state(state, more);
  }

  #rest(ms) {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
