/** TypeScript: types go, enums and parameter properties stay. */
import { label, type Label } from "./label";

enum Color {
  Red = "red",
}

class Box<T> {
  constructor(private readonly value: T) {}

  get(): T {
    return this.value;
  }
}

interface Env {
  NAME: string;
}

export default {
  async fetch(request: Request, env: Env): Promise<Response> {
    if (new URL(request.url).pathname === "/throw") {
      throw new Error("from TypeScript" satisfies string);
    }
    const text: Label = label(env.NAME as string);
    return new Response(`${text} ${Color.Red} ${new Box<number>(7).get()}\n`);
  },
} satisfies ExportedHandler<Env>;
