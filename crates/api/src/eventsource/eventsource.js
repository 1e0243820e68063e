/**
 * EventSource: server-sent events.
 * https://html.spec.whatwg.org/multipage/server-sent-events.html
 *
 * It belongs to the request that made it, and ends with it. Each connection is a subrequest. The
 * platform's own are `EventSource.from(stream)` and the option `fetcher`, a binding that is asked
 * in place of the network.
 * @module
 */

import { url_origin } from "isolde:ops";
import { checkContext, requireContext } from "../context.js";
import { showAttributes } from "../console/shown.js";
import { createDecoderState, decodeBytes } from "../encoding/text_decoder.js";
import { createAbortSignal, signalAbort } from "../events/abort.js";
import { domException } from "../events/dom_exception.js";
import { Event, MessageEvent, trusted } from "../events/event.js";
import { defineEventHandler, dispatch, EventTarget } from "../events/event_target.js";
import { startFetch } from "../fetch/fetch.js";
import { flatGet } from "../fetch/flat_headers.js";
import { extractMimeType, mimeEssence } from "../fetch/mime.js";
import { isResponseObject, responseParts, responseUrl } from "../fetch/response.js";
import { parseUrl } from "../fetch/url_input.js";
import { internal } from "../internal.js";
import { load } from "../lazy.js";
import { primordials } from "../primordials.js";
import { cancelTimer, startTimer } from "../timers/timer_table.js";
import {
  defineInterface,
  illegalInvocation,
  isObject,
  requireArguments,
  toBoolean,
  toDictionary,
  toObject,
  toUSVString,
} from "../webidl/webidl.js";
import { bytesOfBody, bytesOfStream, cancelBytes, readBytes } from "./bytes.js";
import { EventParser, feed } from "./parser.js";

const {
  MathMax,
  MathMin,
  Promise,
  PromisePrototypeThen,
  PromiseResolve,
  ReflectApply,
  StringPrototypeStartsWith,
  TypeError,
} = primordials;

const CONNECTING = 0;
const OPEN = 1;
const CLOSED = 2;

/** How long it waits before it connects again, in milliseconds, unless the server says so. */
const WAIT_MS = 2_000;
const WAIT_MS_MIN = 100;
const WAIT_MS_MAX = 60_000;
/** So many times in a row there may be no answer. The wait doubles each time. */
const FAILURES_MAX = 6;

/** What follows when a connection has ended. */
const RECONNECTS = true;
const FAILS = false;

const EVENT_STREAM = "text/event-stream";

const toFetcher = (v, what) => (v === null ? undefined : toObject(v, what));

/** https://html.spec.whatwg.org/multipage/server-sent-events.html#eventsourceinit */
const INIT_MEMBERS = [
  { __proto__: null, key: "fetcher", convert: toFetcher },
  { __proto__: null, key: "withCredentials", convert: toBoolean, default: false },
];

/** The state of an EventSource. */
class Source {
  /** The EventSource. */
  target = undefined;
  /** Serialized; empty for that of a stream. */
  url = "";
  withCredentials = false;
  /** Asked in place of the network. */
  fetcher = undefined;
  readyState = CONNECTING;
  lastEventId = "";
  origin = "";
  waitMs = WAIT_MS;
  failures = 0;
  /** Ends the subrequest. */
  signal = createAbortSignal();
  timer = 0;

  /** @param {any} owner the request that it belongs to */
  constructor(owner) {
    this.owner = owner;
  }
}
internal(Source);

/** @param {Source} source @param {string} type */
function fire(source, type) {
  dispatch(source.target, trusted(new Event(type)));
}

/** https://html.spec.whatwg.org/multipage/server-sent-events.html#fail-the-connection
 * @param {Source} source */
function fail(source) {
  if (source.readyState === CLOSED) return;
  source.readyState = CLOSED;
  fire(source, "error");
}

/** What the parser tells of. @param {Source} source
 * @returns {import('./parser.js').EventSink} */
function sinkOf(source) {
  return {
    __proto__: null,
    id: (id) => {
      source.lastEventId = id;
    },
    retry: (milliseconds) => {
      source.waitMs = MathMin(MathMax(milliseconds, WAIT_MS_MIN), WAIT_MS_MAX);
    },
    event: (type, data) => {
      const { lastEventId, origin, target } = source;
      const init = { __proto__: null, data, lastEventId, origin };
      dispatch(target, trusted(new MessageEvent(type === "" ? "message" : type, init)));
      return source.readyState !== CLOSED;
    },
  };
}

/** Reads a stream to its end, or until it is closed.
 * @param {Source} source @param {import('./bytes.js').Bytes} bytes
 * @returns {Promise<boolean>} what follows */
async function readStream(source, bytes) {
  const parser = new EventParser(sinkOf(source), source.lastEventId);
  const decoder = createDecoderState(undefined, undefined, "");
  try {
    for (;;) {
      let chunk;
      try {
        chunk = await readBytes(bytes);
      } catch {
        return RECONNECTS;
      }
      if (chunk === undefined || source.readyState === CLOSED) return RECONNECTS;
      if (!feed(parser, decodeBytes(decoder, chunk, true))) return RECONNECTS;
    }
  } finally {
    // Frees the native decoder.
    decodeBytes(decoder, undefined, false);
    cancelBytes(bytes, undefined);
  }
}

/** Asks for the stream. @param {Source} source @returns {Promise<Response>} */
async function ask({ fetcher, lastEventId, signal, url }) {
  const headers = { __proto__: null, accept: EVENT_STREAM };
  if (lastEventId !== "") headers["last-event-id"] = lastEventId;
  const init = { __proto__: null, cache: "no-store", headers, signal };
  if (fetcher === undefined) return await startFetch(url, init, 0);
  const response = await PromiseResolve(ReflectApply(fetcher.fetch, fetcher, [url, init]));
  if (!isResponseObject(response)) throw new TypeError("A fetcher must give a Response.");
  return response;
}

/** https://html.spec.whatwg.org/multipage/server-sent-events.html#announce-the-connection
 * @param {Source} source */
function announce(source) {
  source.readyState = OPEN;
  fire(source, "open");
}

/** One connection, from its request to its end. @param {Source} source
 * @returns {Promise<boolean>} what follows */
async function connect(source) {
  let response;
  try {
    response = await ask(source);
  } catch {
    source.failures++;
    return source.failures > FAILURES_MAX ? FAILS : RECONNECTS;
  }
  const { body, bodyKind, headers, status } = responseParts(response);
  const bytes = bytesOfBody(bodyKind, body, source.signal);
  const mime = extractMimeType(flatGet(headers, "content-type"));
  const isStream = status === 200 && mime !== null && mimeEssence(mime) === EVENT_STREAM;
  if (!isStream || source.readyState === CLOSED) {
    cancelBytes(bytes, undefined);
    return FAILS;
  }
  source.failures = 0;
  source.origin = url_origin(responseUrl(response) || source.url);
  announce(source);
  return readStream(source, bytes);
}

/** Waits before it connects again. What is closed meanwhile waits for ever. */
function pause(source) {
  const delay = MathMin(source.waitMs * 2 ** source.failures, WAIT_MS_MAX);
  return new Promise((resolve) => {
    source.timer = startTimer("EventSource", delay, resolve);
  });
}

/** Whether `fetch` knows the scheme: another one is no answer later either. */
const isFetched = (url) =>
  StringPrototypeStartsWith(url, "http://") ||
  StringPrototypeStartsWith(url, "https://") ||
  StringPrototypeStartsWith(url, "data:");

/** Connects again and again. @param {Source} source */
async function run(source) {
  // Listeners have to be there before.
  await undefined;
  if (source.fetcher === undefined && !isFetched(source.url)) return fail(source);
  while (await connect(source)) {
    if (source.readyState === CLOSED) return undefined;
    // https://html.spec.whatwg.org/multipage/server-sent-events.html#reestablish-the-connection
    source.readyState = CONNECTING;
    fire(source, "error");
    if (source.readyState === CLOSED) return undefined;
    await pause(source);
  }
  return fail(source);
}

/** Reads the one stream that there is. */
async function runOnce(source, bytes) {
  await undefined;
  if (source.readyState !== CLOSED) announce(source);
  if (source.readyState === CLOSED) cancelBytes(bytes, undefined);
  else await readStream(source, bytes);
  fail(source);
}

/** First argument of a construction by `EventSource.from`. */
const OF_STREAM = { __proto__: null };

/** https://html.spec.whatwg.org/multipage/server-sent-events.html#eventsource */
export class EventSource extends EventTarget {
  #source;

  /** The brand check of all members. */
  static #check(receiver) {
    if (!isObject(receiver) || !(#source in receiver)) illegalInvocation();
  }

  // https://html.spec.whatwg.org/multipage/server-sent-events.html#dom-eventsource
  constructor(url, eventSourceInitDict = undefined) {
    super();
    const what = "Failed to construct 'EventSource'";
    const source = new Source(requireContext("EventSource"));
    source.target = this;
    this.#source = source;
    if (url === OF_STREAM) return;
    requireArguments(arguments.length, 1, what);
    const text = toUSVString(url, `${what}: parameter 1`);
    const init = toDictionary(eventSourceInitDict, INIT_MEMBERS, `${what}: parameter 2`);
    const parsed = parseUrl(text);
    if (parsed === null) {
      throw domException("SyntaxError", `${what}: '${text}' is not a valid URL.`);
    }
    source.url = parsed;
    source.withCredentials = init.withCredentials;
    source.fetcher = init.fetcher;
    PromisePrototypeThen(run(source), undefined, () => fail(source));
  }

  /** An EventSource of a stream: it is open at once, and at the end of the stream it is closed.
   * https://developers.cloudflare.com/workers/runtime-apis/eventsource/ */
  static from(stream) {
    const what = "Failed to execute 'from' on 'EventSource'";
    requireArguments(arguments.length, 1, what);
    const { isDisturbed, isLocked, isReadableStream } = load("streams/streams.js");
    if (!isReadableStream(stream)) {
      throw new TypeError(`${what}: parameter 1 is not of type 'ReadableStream'.`);
    }
    if (isLocked(stream)) throw new TypeError("This ReadableStream is locked.");
    if (isDisturbed(stream)) {
      throw new TypeError("This ReadableStream has already been read from.");
    }
    const result = new EventSource(OF_STREAM);
    const source = result.#source;
    source.readyState = OPEN;
    const run = runOnce(source, bytesOfStream(stream));
    PromisePrototypeThen(run, undefined, () => fail(source));
    return result;
  }

  get url() {
    EventSource.#check(this);
    return this.#source.url;
  }

  /** Without effect: there are no credentials here. */
  get withCredentials() {
    EventSource.#check(this);
    return this.#source.withCredentials;
  }

  get readyState() {
    EventSource.#check(this);
    return this.#source.readyState;
  }

  // https://html.spec.whatwg.org/multipage/server-sent-events.html#dom-eventsource-close
  close() {
    EventSource.#check(this);
    const source = this.#source;
    checkContext(source.owner, "EventSource");
    if (source.readyState === CLOSED) return;
    source.readyState = CLOSED;
    cancelTimer(source.timer);
    signalAbort(source.signal, undefined);
  }
}

defineInterface(EventSource, { constants: { __proto__: null, CONNECTING, OPEN, CLOSED } });
defineEventHandler(EventSource, "open");
defineEventHandler(EventSource, "message");
defineEventHandler(EventSource, "error");
showAttributes(EventSource, ["readyState", "url", "withCredentials"]);
