/**
 * The module `cloudflare:workers`: base classes of entrypoints, and `env` for code that is not a
 * handler.
 * @module
 */

import { requireContext } from "../context.js";
import { requireArguments } from "../webidl/webidl.js";
import { waitUntilOf } from "./request_context.js";
import { environment } from "./environment.js";

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

/** Gives an entrypoint its context even when its constructor did not call `super` with it.
 * @param {any} instance @param {any} ctx @param {any} env */
export function setEntrypointState(instance, ctx, env) {
  if (instance.ctx === undefined) instance.ctx = ctx;
  if (instance.env === undefined) instance.env = env;
}

/** Keeps the running request alive until `promise` settles. @param {any} promise */
function waitUntil(promise) {
  requireArguments(arguments.length, 1, "Failed to execute 'waitUntil'");
  waitUntilOf(requireContext("waitUntil"), promise);
}

/** What an import of a module of the platform gives.
 * @param {string} name @returns {object | undefined} */
export function builtinModule(name) {
  if (name !== "cloudflare:workers") return undefined;
  return {
    __proto__: null,
    WorkerEntrypoint, DurableObject, WorkflowEntrypoint, RpcTarget, env: environment, waitUntil,
  };
}
