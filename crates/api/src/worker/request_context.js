/**
 * What belongs to one request: its number on the native side, and the `ctx` that a handler gets.
 * @module
 */

import { wait_until_note } from "isolde:ops";
import { internal } from "../internal.js";
import { primordials } from "../primordials.js";
import {
  defineInterface,
  illegalConstructor,
  illegalInvocation,
  isObject,
  requireArguments,
} from "../webidl/webidl.js";
import { reportException } from "../events/report.js";

const { Error, PromisePrototypeThen, PromiseResolve } = primordials;

const EXECUTION_CONTEXT_TOKEN = {};

/** A request in flight. It is the value of the continuation-preserved embedder data while its code
 * runs. */
export class RequestContext {
  /** @param {number} id what the native side calls it */
  constructor(id) {
    this.id = id;
    this.passThrough = false;
  }
}
internal(RequestContext);

/** Keeps a request alive until `promise` settles; a rejection is reported, not thrown.
 * @param {RequestContext} context @param {any} promise */
export function waitUntilOf(context, promise) {
  wait_until_note(context.id, true);
  PromisePrototypeThen(
    PromiseResolve(promise),
    () => wait_until_note(context.id, false),
    (reason) => {
      reportException(reason);
      wait_until_note(context.id, false);
    },
  );
}

/** The third argument of handlers. */
export class ExecutionContext {
  #context;
  /** Made for who asks: few do. */
  #props = undefined;

  /** The brand check of all members. */
  static #check(receiver) {
    if (!isObject(receiver) || !(#context in receiver)) illegalInvocation();
  }

  constructor(key, context) {
    if (key !== EXECUTION_CONTEXT_TOKEN) illegalConstructor();
    this.#context = context;
  }

  /** What a binding of this Worker has been given; no binding leads to a Worker yet. */
  get props() {
    ExecutionContext.#check(this);
    return (this.#props ??= {});
  }

  waitUntil(promise) {
    ExecutionContext.#check(this);
    requireArguments(arguments.length, 1, "Failed to execute 'waitUntil' on 'ExecutionContext'");
    waitUntilOf(this.#context, promise);
  }

  passThroughOnException() {
    ExecutionContext.#check(this);
    this.#context.passThrough = true;
  }

  abort(reason) {
    ExecutionContext.#check(this);
    throw reason ?? new Error("ctx.abort() was called");
  }
}
defineInterface(ExecutionContext, {});

/** @param {RequestContext} context @returns {ExecutionContext} */
export function createExecutionContext(context) {
  return new ExecutionContext(EXECUTION_CONTEXT_TOKEN, context);
}
