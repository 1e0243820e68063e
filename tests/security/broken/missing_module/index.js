/** Imports a module that does not exist. */
import { gone } from "./gone.js";

export default {
  fetch: () => new Response(gone),
};
