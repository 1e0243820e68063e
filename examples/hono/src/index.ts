/** A small API on Hono: middleware, JSON, a path parameter, a body that comes back. */
import { Hono } from "hono";

type Variables = { started: number };

const app = new Hono<{ Variables: Variables }>();

app.use("*", async (c, next) => {
  c.set("started", Date.now());
  await next();
  c.header("x-powered-by", "hono");
  c.header("x-elapsed-ms", String(Date.now() - c.get("started")));
});

app.get("/", (c) => c.text("Hello Hono!"));

app.get("/json", (c) => c.json({ message: "Hello, World!" }));

app.get("/user/:id", (c) => c.json({ id: c.req.param("id") }));

app.post("/echo", async (c) => {
  const body = await c.req.arrayBuffer();
  const type = c.req.header("content-type") ?? "application/octet-stream";
  return c.body(body, 200, { "content-type": type });
});

app.notFound((c) => c.json({ error: "Not Found" }, 404));

export default app;
