/**
 * Service Worker syntax: `addEventListener("fetch", (event) => event.respondWith(...))`.
 * @module
 */

import { load } from "../lazy.js";
import { primordials } from "../primordials.js";
import { Event, trusted } from "../events/event_base.js";
import { dispatch, hasListeners } from "../events/event_target.js";
import {
  defineInterface,
  illegalConstructor,
  illegalInvocation,
  isObject,
  requireArguments,
} from "../webidl/webidl.js";
import { domException } from "../events/dom_exception.js";

const { Error, globalThis } = primordials;

const FETCH_EVENT_TOKEN = {};
let contextOf;
let takeResponse;

/** Base of events whose handling may outlast their dispatch. */
export class ExtendableEvent extends Event {
  #ctx;

  /** The brand check of all members. */
  static #check(receiver) {
    if (!isObject(receiver) || !(#ctx in receiver)) illegalInvocation();
  }

  constructor(key, type, ctx) {
    if (key !== FETCH_EVENT_TOKEN) illegalConstructor();
    super(type);
    this.#ctx = ctx;
  }

  waitUntil(promise) {
    ExtendableEvent.#check(this);
    requireArguments(arguments.length, 1, "Failed to execute 'waitUntil' on 'ExtendableEvent'");
    this.#ctx.waitUntil(promise); // tidy: our own ExecutionContext
  }

  static {
    contextOf = (event) => event.#ctx;
  }
}
defineInterface(ExtendableEvent, {});

/** A request, as a Service Worker script gets it. */
export class FetchEvent extends ExtendableEvent {
  #request;
  #response = undefined;
  #open = true;

  /** The brand check of all members. */
  static #check(receiver) {
    if (!isObject(receiver) || !(#request in receiver)) illegalInvocation();
  }

  constructor(key, request, ctx) {
    super(key, "fetch", ctx);
    this.#request = request;
  }

  get request() {
    FetchEvent.#check(this);
    return this.#request;
  }

  respondWith(response) {
    FetchEvent.#check(this);
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
    FetchEvent.#check(this);
    contextOf(this).passThroughOnException(); // tidy: our own ExecutionContext
  }

  static {
    takeResponse = (event) => {
      event.#open = false;
      return event.#response;
    };
  }
}
defineInterface(FetchEvent, {});

/** The event of a cron trigger. There are no triggers yet, so none is ever made. */
export class ScheduledEvent extends ExtendableEvent {
  constructor() {
    illegalConstructor();
    super();
  }
}
defineInterface(ScheduledEvent, {});

/** The event of a tail Worker. There are none yet, so none is ever made. */
export class TraceEvent extends ExtendableEvent {
  constructor() {
    illegalConstructor();
    super();
  }
}
defineInterface(TraceEvent, {});

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
    const answer = hasFetchListener()
      ? (0, load("worker/pass_through.js").passOn)(request)
      : undefined;
    if (answer !== undefined) return answer;
    throw new Error(
      hasFetchListener()
        ? "FetchEvent.respondWith() was not called, and there is no origin to pass the request to."
        : "No event handlers were registered. This script does nothing.",
    );
  }
  return given.response;
}
