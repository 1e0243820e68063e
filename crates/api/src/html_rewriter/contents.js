/**
 * What handlers put into a document: text, HTML, or the bytes of a stream or a Response, which are
 * read when their place has come.
 * @module
 */

import { html_give, html_give_end, utf8_encode } from "isolde:ops";
import { streamOf, takeBody } from "../fetch/body.js";
import { bodyOfResponse, isResponseObject } from "../fetch/response.js";
import { internal } from "../internal.js";
import { primordials } from "../primordials.js";
import { acquireReader, isReadableStream, readChunk } from "../streams/streams.js";
import {
  bytesOf,
  isBufferSource,
  isObject,
  requireArguments,
  toBoolean,
  toDictionary,
  toDOMString,
} from "../webidl/webidl.js";

const { TypedArrayPrototypeGetByteLength, TypeError } = primordials;

const NO_BYTES = "This ReadableStream did not return bytes.";

const CONTENT_OPTIONS = [
  { __proto__: null, key: "html", convert: toBoolean, default: false },
];

/** Bytes on their way into a rewriter: those of the document, or of a stream that becomes part of
 * it. */
export class Source {
  /** What is left of the last chunk begins at `offset`. @type {Uint8Array | undefined} */
  chunk = undefined;
  offset = 0;

  /** @param {any} reader of the stream */
  constructor(reader) {
    this.reader = reader;
  }
}
internal(Source);

function toBytes(chunk) {
  if (typeof chunk === "string") return utf8_encode(chunk);
  if (!isObject(chunk) || !isBufferSource(chunk)) throw new TypeError(NO_BYTES);
  return bytesOf(chunk);
}

/** Gives a rewriter the next bytes of a source, or its end.
 * @param {{ number: number, ended: boolean }} rewriting @param {Source} source */
export async function feed(rewriting, source) {
  if (source.chunk === undefined) {
    const { done, value } = await readChunk(source.reader);
    if (rewriting.ended) return;
    if (done) {
      html_give_end(rewriting.number);
      return;
    }
    source.chunk = toBytes(value);
    source.offset = 0;
  }
  feedChunk(rewriting, source);
}

/** Gives a rewriter the next piece of the chunk that a source has.
 * @param {{ number: number }} rewriting @param {Source} source */
export function feedChunk(rewriting, source) {
  const { chunk } = source;
  // The memory may be a Worker's, whose length can change.
  if (source.offset < TypedArrayPrototypeGetByteLength(chunk)) {
    source.offset += html_give(rewriting.number, chunk, source.offset);
  }
  if (source.offset >= TypedArrayPrototypeGetByteLength(chunk)) source.chunk = undefined;
}

/** The arguments of methods that take content.
 * @param {number} count of them @param {any} content @param {any} options @param {string} what
 * @returns {{ content: any, isHtml: boolean }} text, or what `takeContent` takes */
export function toContent(count, content, options, what) {
  requireArguments(count, 1, what);
  const converted = convertContent(content, `${what}: parameter 1`);
  const { html } = toDictionary(options, CONTENT_OPTIONS, `${what}: parameter 2`);
  return { __proto__: null, content: converted, isHtml: html };
}

function convertContent(content, what) {
  if (!isObject(content)) return toDOMString(content, what);
  if (isReadableStream(content)) return content;
  return isResponseObject(content) ? content : toDOMString(content, what);
}

/** Takes a stream or a Response for the document; "" where a Response has no body.
 * @param {any} content @returns {"" | Source} */
export function takeContent(content) {
  if (isReadableStream(content)) return new Source(acquireReader(content));
  const body = bodyOfResponse(content);
  return body === null ? "" : new Source(acquireReader(streamOf(takeBody(body))));
}
