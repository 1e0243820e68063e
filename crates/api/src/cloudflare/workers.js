/**
 * The module `cloudflare:workers`: base classes of entrypoints, and `env` for code that is not a
 * handler.
 * @module
 */

import { requireContext } from "../context.js";
import { requireArguments } from "../webidl/webidl.js";
import { environment } from "../worker/environment.js";
import { waitUntilOf } from "../worker/request_context.js";

/** The variables and bindings, filled before modules run. */
export const env = environment;

/** Base class of entrypoints: `class extends WorkerEntrypoint { fetch(request) {} }`. */
export class WorkerEntrypoint {
  ctx;
  env;

  constructor(ctx, env) {
    this.ctx = ctx;
    this.env = env;
  }
}

/** Base class of Durable Objects. There is no binding for them yet, so none is ever made. */
export class DurableObject {
  ctx;
  env;

  constructor(ctx, env) {
    this.ctx = ctx;
    this.env = env;
  }
}

/** Base class of Workflows. There is no binding for them yet, so none is ever made. */
export class WorkflowEntrypoint {
  ctx;
  env;

  constructor(ctx, env) {
    this.ctx = ctx;
    this.env = env;
  }
}

/** Base class of objects passed by reference over RPC. */
export class RpcTarget {}

/** Keeps the running request alive until `promise` settles. @param {any} promise */
export function waitUntil(promise) {
  requireArguments(arguments.length, 1, "Failed to execute 'waitUntil'");
  waitUntilOf(requireContext("waitUntil"), promise);
}
