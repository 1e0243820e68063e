/**
 * The rewriting of one response: reads the document as its own output is read, and runs handlers.
 *
 * The native side stops at everything that it needs from here and says what (`html_next`). A
 * handler that gives a promise is waited for; meanwhile nothing else of this document goes on.
 * @module
 */

import {
  html_close,
  html_handler_returned,
  html_next,
  html_open,
  html_output,
} from "isolde:ops";
import { checkContext, requireContext } from "../context.js";
import { internal } from "../internal.js";
import { primordials } from "../primordials.js";
import { viewBuffer, viewLength, viewOffset } from "../streams/buffers.js";
import { closeAndAnswer } from "../streams/byob_algorithms.js";
import { enqueueOwned, setUpByteController } from "../streams/readable_byte.js";
import { readableFace } from "../streams/readable_stream.js";
import { ReadableRecord } from "../streams/records.js";
import { cancelReader } from "../streams/streams.js";
import { isObject } from "../webidl/webidl.js";
import { feed, feedChunk } from "./contents.js";
import { CONTENT, createToken, DOCUMENT, END_TAG, NOTHING, OUTPUT } from "./kinds.js";
import { TokenState } from "./token_state.js";

const {
  Map,
  MapPrototypeDelete,
  MapPrototypeForEach,
  MapPrototypeGet,
  PromiseResolve,
  ReflectApply,
} = primordials;

/** How many bits of what is needed next say what it is; the others number a handler or a
 * content. */
const KIND_BITS = 4;
const KIND_MASK = 15;

/** One rewriting. */
class Rewriting {
  /** Of the native side, once it has begun; 0 before. */
  number = 0;
  ended = false;
  /** What handlers have put in place that is read later, by number. */
  contents = new Map();
  /** Handlers of end tags, by number. */
  endTags = new Map();
  /** The last number of both. */
  lastNumber = 0;
  context = requireContext("HTMLRewriter");
  controller = undefined;

  /** @param {any[]} entries what `on` and `onDocument` were called with
   * @param {string} encoding a label @param {import('./contents.js').Source} source */
  constructor(entries, encoding, source) {
    this.entries = entries;
    this.encoding = encoding;
    this.source = source;
  }
}
internal(Rewriting);

/** The flat form of entries: which handlers there are and the selector, each with NUL behind it. */
function describe(entries) {
  let text = "";
  for (let i = 0; i < entries.length; i++) {
    text += `${entries[i].has}\0${entries[i].selector}\0`;
  }
  return text;
}

/** The function that a handler is, and what it is called on. */
function handlerOf(rewriting, kind, number) {
  if (kind === END_TAG) {
    const handler = MapPrototypeGet(rewriting.endTags, number);
    MapPrototypeDelete(rewriting.endTags, number);
    return { __proto__: null, handler, self: undefined };
  }
  const entry = rewriting.entries[number];
  return { __proto__: null, handler: entry.handlers[kind], self: entry.self };
}

/** Hands the output that there is to the reader; says whether there was any. */
function flush(rewriting) {
  const bytes = html_output(rewriting.number);
  const length = viewLength(bytes);
  if (length === 0) return false;
  enqueueOwned(rewriting.controller, viewBuffer(bytes), viewOffset(bytes), length);
  return true;
}

/** Waits for the promise of a handler; the reader need not wait for what comes before it. */
async function waitForHandler(rewriting, result, state) {
  const flushed = !rewriting.ended && flush(rewriting);
  try {
    await PromiseResolve(result);
  } finally {
    state.live = false;
  }
  if (!rewriting.ended) html_handler_returned(rewriting.number);
  return flushed;
}

/** Runs a handler. Its token is dead afterwards. Gives a promise where the handler does, of whether
 * there was output meanwhile. */
function runHandler(rewriting, kind, number) {
  const { handler, self } = handlerOf(rewriting, kind, number);
  const state = new TokenState(rewriting);
  let isWaiting = false;
  try {
    const result = ReflectApply(handler, self, [createToken(kind, state)]);
    isWaiting = isObject(result);
    if (isWaiting) return waitForHandler(rewriting, result, state);
  } finally {
    if (!isWaiting) state.live = false;
  }
  if (!rewriting.ended) html_handler_returned(rewriting.number);
  return undefined;
}

/** Goes on until there is output, or the end. */
async function produce(rewriting) {
  if (rewriting.number === 0) {
    rewriting.number = html_open(rewriting.encoding, describe(rewriting.entries));
  }
  while (!rewriting.ended) {
    const next = html_next(rewriting.number);
    const kind = next & KIND_MASK;
    if (kind === OUTPUT) {
      flush(rewriting);
      return;
    }
    if (kind === NOTHING) {
      end(rewriting, undefined);
      closeAndAnswer(rewriting.controller);
      return;
    }
    if (kind === DOCUMENT) {
      const { source } = rewriting;
      if (source.chunk === undefined) await feed(rewriting, source);
      else feedChunk(rewriting, source);
    } else if (kind === CONTENT) {
      await feed(rewriting, MapPrototypeGet(rewriting.contents, next >>> KIND_BITS));
    } else {
      const waiting = runHandler(rewriting, kind, next >>> KIND_BITS);
      // Where the reader has got something, the next thing is for its next read.
      if (waiting !== undefined && (await waiting)) return;
    }
  }
}

/** Ends a rewriting: what it has not read is cancelled. @param {Rewriting} rewriting
 * @param {any} reason @returns {Promise<undefined>} of the document's cancellation */
function end(rewriting, reason) {
  rewriting.ended = true;
  if (rewriting.number !== 0) html_close(rewriting.number);
  MapPrototypeForEach(rewriting.contents, (source) => cancelReader(source.reader, reason));
  return cancelReader(rewriting.source.reader, reason);
}

async function pull(rewriting) {
  checkContext(rewriting.context, "ReadableStream");
  try {
    await produce(rewriting);
  } catch (error) {
    if (!rewriting.ended) end(rewriting, error);
    throw error;
  }
}

/** The stream of a rewritten document.
 * @param {any[]} entries what `on` and `onDocument` were called with
 * @param {string} encoding a label @param {import('./contents.js').Source} source
 * @returns {import('../streams/readable_stream.js').ReadableStream} */
export function createRewrittenStream(entries, encoding, source) {
  const rewriting = new Rewriting(entries, encoding, source);
  const record = new ReadableRecord();
  const controller = setUpByteController(
    record,
    () => pull(rewriting),
    (_controller, reason) => (rewriting.ended ? undefined : end(rewriting, reason)),
    0,
  );
  controller.started = true;
  rewriting.controller = controller;
  return readableFace(record);
}
