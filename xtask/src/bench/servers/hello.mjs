/** What the row `hello` asks for, in Node. */
import { createServer } from "node:http";

createServer((request, response) => {
  response.setHeader("content-type", "text/plain;charset=UTF-8");
  response.end("Hello World!");
}).listen(Number(process.argv[2]), "127.0.0.1");
