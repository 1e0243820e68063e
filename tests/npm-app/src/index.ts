/** A reading list: one route for each npm library, so that a failure names the one that broke. */
import { addDays, differenceInCalendarDays, formatISO } from "date-fns";
import { XMLBuilder, XMLParser } from "fast-xml-parser";
import { Hono } from "hono";
import { marked } from "marked";
import Mustache from "mustache";
import { customAlphabet, nanoid } from "nanoid";
import semver from "semver";
import { parse as parseYaml, stringify as toYaml } from "yaml";
import { z } from "zod";

const Book = z.object({
  title: z.string().min(1),
  year: z.number().int().min(1450),
  tags: z.array(z.string()).default([]),
});

const hexadecimal = customAlphabet("0123456789abcdef", 12);

const PAGE = "<h1>{{name}}</h1>{{#books}}<p>{{title}} ({{year}})</p>{{/books}}";

const app = new Hono();

app.get("/", (c) => c.text("npm-app"));

app.post("/books", async (c) => {
  const book = Book.safeParse(await c.req.json());
  if (!book.success) {
    const problems = book.error.issues.map((issue) => `${issue.path.join(".")}: ${issue.code}`);
    return c.json({ problems }, 400);
  }
  return c.json({ book: book.data }, 201);
});

app.get("/id", (c) => {
  const ids = new Set(Array.from({ length: 100 }, () => nanoid()));
  return c.json({
    distinct: ids.size,
    urlSafe: [...ids].every((id) => /^[\w-]{21}$/.test(id)),
    hexadecimal: /^[0-9a-f]{12}$/.test(hexadecimal()),
  });
});

app.get("/dates", (c) => {
  const start = new Date(2024, 1, 28);
  const end = addDays(start, 2);
  return c.json({
    end: formatISO(end, { representation: "date" }),
    days: differenceInCalendarDays(end, start),
  });
});

app.post("/markdown", async (c) => c.html(await marked.parse(await c.req.text())));

app.get("/template", (c) => {
  const books = [{ title: "Emma & co", year: 1815 }, { title: "Ulysses", year: 1922 }];
  return c.html(Mustache.render(PAGE, { name: "Books", books }));
});

app.get("/semver", (c) =>
  c.json({
    satisfies: semver.satisfies("1.2.9", "^1.2.3"),
    sorted: semver.sort(["1.10.0", "1.9.0", "1.9.0-beta.2"]),
  }),
);

app.post("/yaml", async (c) => {
  const value = parseYaml(await c.req.text());
  return c.json({ value, again: toYaml(value) });
});

app.post("/xml", async (c) => {
  const parser = new XMLParser({ ignoreAttributes: false });
  const value = parser.parse(await c.req.text());
  return c.json({ value, again: new XMLBuilder({ ignoreAttributes: false }).build(value) });
});

export default app;
