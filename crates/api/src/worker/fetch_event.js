/**
 * Service Worker syntax: `addEventListener("fetch", (event) => event.respondWith(...))`.
 * @module
 */

import { primordials } from "../primordials.js";
import { Event, trusted } from "../events/event.js";
import { dispatch, hasListeners } from "../events/event_target.js";
import { defineInterface, illegalConstructor } from "../webidl/webidl.js";
import { domException } from "../events/dom_exception.js";

const { Error, globalThis } = primordials;

const FETCH_EVENT_TOKEN = {};
let takeResponse;

/** Base of events whose handling may outlast their dispatch. */
export class ExtendableEvent extends Event {
  #ctx;

  constructor(key, type, ctx) {
    if (key !== FETCH_EVENT_TOKEN) illegalConstructor();
    super(type);
    this.#ctx = ctx;
  }

  waitUntil(promise) {
    this.#ctx.waitUntil(promise); // tidy: our own ExecutionContext
  }

  get ctx() {
    return this.#ctx;
  }
}
defineInterface(ExtendableEvent, {});

/** A request, as a Service Worker script gets it. */
export class FetchEvent extends ExtendableEvent {
  #request;
  #response = undefined;
  #open = true;

  constructor(key, request, ctx) {
    super(key, "fetch", ctx);
    this.#request = request;
  }

  get request() {
    return this.#request;
  }

  respondWith(response) {
    if (!this.#open) {
      throw domException(
        "InvalidStateError",
        "Too late to call FetchEvent.respondWith(). It must be called synchronously in the event " +
          "handler.",
      );
    }
    if (this.#response !== undefined) {
      throw domException("InvalidStateError", "FetchEvent.respondWith() has already been called.");
    }
    this.#response = { __proto__: null, response };
  }

  passThroughOnException() {
    this.ctx.passThroughOnException(); // tidy: our own ExecutionContext
  }

  static {
    takeResponse = (event) => {
      event.#open = false;
      return event.#response;
    };
  }
}
defineInterface(FetchEvent, {});

/** @returns {boolean} whether the script listens for requests */
export function hasFetchListener() {
  return hasListeners(globalThis, "fetch");
}

/** Sends a request to the script's listeners.
 * @param {any} request @param {any} ctx @returns {any} what was responded */
export function dispatchFetchEvent(request, ctx) {
  const event = trusted(new FetchEvent(FETCH_EVENT_TOKEN, request, ctx));
  dispatch(globalThis, event);
  const given = takeResponse(event);
  if (given === undefined) {
    throw new Error(
      hasFetchListener()
        ? "FetchEvent.respondWith() was not called, and there is no origin to pass the request to."
        : "No event handlers were registered. This script does nothing.",
    );
  }
  return given.response;
}
