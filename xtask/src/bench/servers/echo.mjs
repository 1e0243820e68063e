/** What the row `echo-1mib` asks for, in Node. */
import { createServer } from "node:http";

createServer((request, response) => {
  request.pipe(response);
}).listen(Number(process.argv[2]), "127.0.0.1");
