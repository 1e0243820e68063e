/** Imports what is not there. */
import { gone } from "./gone.js";

export default {
  fetch: () => new Response(gone),
};
