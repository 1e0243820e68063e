/** What the row `json` asks for, in Node. */
import { createServer } from "node:http";

createServer((request, response) => {
  response.setHeader("content-type", "application/json");
  response.end(JSON.stringify({ message: "Hello, World!" }));
}).listen(Number(process.argv[2]), "127.0.0.1");
