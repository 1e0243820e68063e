/**
 * The variables and bindings of the Worker.
 * @module
 */

/** It is `env` of `cloudflare:workers` from the start and filled before modules run. */
export const environment = {};
