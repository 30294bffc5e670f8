// The network between the browser and the server: passes bytes on until it is cut.

import net from "node:net";

export class Wire {
  #server;
  #port;
  #sockets = new Set();
  #isCut = false;

  // Listens on a free port and leads to `host:port`.
  static async to(host, port) {
    const wire = new Wire();
    wire.#port = port;
    wire.#server = net.createServer((near) => wire.#join(near, net.connect(wire.#port, host)));
    await new Promise((resolve) => wire.#server.listen(0, "127.0.0.1", resolve));
    return wire;
  }

  get url() {
    return `http://127.0.0.1:${this.#server.address().port}/`;
  }

  // Breaks every connection, in the middle of whatever it carries, and lets no new one through.
  cut() {
    this.#isCut = true;
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  mend() {
    this.#isCut = false;
  }

  // Leads new connections to another port.
  lead(port) {
    this.#port = port;
  }

  async close() {
    this.cut();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #join(near, far) {
    for (const [one, other] of [[near, far], [far, near]]) {
      this.#sockets.add(one);
      one.on("error", () => {}); // a broken connection is what this is for
      one.on("close", () => {
        this.#sockets.delete(one);
        other.destroy();
      });
      one.pipe(other);
    }
    if (this.#isCut) near.resetAndDestroy();
  }
}
