/** A class as entrypoint: one instance for each request. */
import { WorkerEntrypoint } from "cloudflare:workers";

let instances = 0;

export default class extends WorkerEntrypoint {
  number = (instances += 1);

  async fetch(request) {
    this.ctx.waitUntil(this.#later());
    const facts = [
      `arguments ${arguments.length}`,
      `env.NAME ${this.env.NAME}`,
      `instance ${this.number}`,
      `is a WorkerEntrypoint ${this instanceof WorkerEntrypoint}`,
      `path ${new URL(request.url).pathname}`,
    ];
    return new Response(`${facts.join("\n")}\n`);
  }

  async #later() {
    await scheduler.wait(1);
    console.log("after the response of instance", this.number);
  }
}
