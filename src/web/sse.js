// Server-sent events out of bytes (https://html.spec.whatwg.org/multipage/server-sent-events.html).
//
// The browser's own EventSource cannot send a POST and does not show the status of a refusal, so
// this page reads the stream itself. No I/O in here: bytes in, events out, at any split.

export class EventReader {
  #decoder = new TextDecoder("utf-8"); // takes a byte order mark away, as the standard wants
  #rest = ""; // of a line that is not whole yet
  #skipFeed = false; // the last line ended with CR, and its LF may still come
  #name = "";
  #data = [];
  #id = null;

  // The events that are complete with these bytes: `{ name, data, id }`, `id` null if it had none.
  feed(bytes) {
    const text = this.#decoder.decode(bytes, { stream: true });
    const events = [];
    let from = 0;
    for (let at = 0; at < text.length; at += 1) {
      const char = text[at];
      const skip = this.#skipFeed && char === "\n";
      this.#skipFeed = false;
      if (skip) {
        from = at + 1;
      } else if (char === "\n" || char === "\r") {
        this.#line(this.#rest + text.slice(from, at), events);
        this.#rest = "";
        from = at + 1;
        this.#skipFeed = char === "\r";
      }
    }
    this.#rest += text.slice(from);
    return events;
  }

  #line(line, events) {
    if (line === "") return this.#dispatch(events);
    const colon = line.indexOf(":");
    if (colon === 0) return undefined; // a comment: the server's heartbeat
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (field === "event") this.#name = value;
    else if (field === "data") this.#data.push(value);
    else if (field === "id") this.#id = value;
    return undefined;
  }

  #dispatch(events) {
    if (this.#data.length > 0) {
      const name = this.#name || "message";
      events.push({ name, data: this.#data.join("\n"), id: this.#id });
    }
    this.#name = "";
    this.#data = [];
    this.#id = null;
  }
}
