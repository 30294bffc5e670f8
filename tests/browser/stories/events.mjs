// The reader of server-sent events, without a browser: at every split.

import assert from "node:assert/strict";

import { EventReader } from "../../../src/web/sse.js";

const STREAM = new TextEncoder().encode(
  "\ufeff: ping\n\nid: 4\nevent: token\ndata: {\"text\":\"thé 茶\"}\n\nevent:done\r\ndata:a\r\ndata: b\r\n\r\nid: 9\n\ndata: 🍵\r\r",
);
const EVENTS = [
  { name: "token", data: '{"text":"thé 茶"}', id: "4" },
  { name: "done", data: "a\nb", id: null },
  { name: "message", data: "🍵", id: null },
];

export async function events_are_the_same_however_the_bytes_are_split() {
  for (let first = 0; first <= STREAM.length; first += 1) {
    for (let second = first; second <= STREAM.length; second += 7) {
      const reader = new EventReader();
      const pieces = [STREAM.slice(0, first), STREAM.slice(first, second), STREAM.slice(second)];
      assert.deepEqual(pieces.flatMap((piece) => reader.feed(piece)), EVENTS, `${first} ${second}`);
    }
  }
  const reader = new EventReader();
  assert.deepEqual([...STREAM].flatMap((byte) => reader.feed(Uint8Array.of(byte))), EVENTS);
}

export async function an_event_without_its_empty_line_is_not_told() {
  assert.deepEqual(new EventReader().feed(new TextEncoder().encode("data: a\n")), []);
}
