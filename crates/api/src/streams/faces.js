/**
 * Which record is behind a stream that a Worker passes as an argument. The classes of streams hand
 * in what reads their private fields: they import the readers and writers, which take streams too.
 * @module
 */

import { primordials } from "../primordials.js";

const { TypeError } = primordials;

/** The record of a ReadableStream; undefined for any other value.
 * @type {(v: any) => import('./records.js').ReadableRecord | undefined} */
export let readableRecordOf;

/** The record of a WritableStream; undefined for any other value.
 * @type {(v: any) => import('./writable_records.js').WritableRecord | undefined} */
export let writableRecordOf;

/** @param {(v: any) => any} read of the class ReadableStream */
export function setReadableRecordOf(read) {
  readableRecordOf = read;
}

/** @param {(v: any) => any} read of the class WritableStream */
export function setWritableRecordOf(read) {
  writableRecordOf = read;
}

/** The record of an argument of type ReadableStream. @param {any} v @param {string} what
 * @returns {import('./records.js').ReadableRecord} */
export function toReadableRecord(v, what) {
  const record = readableRecordOf(v);
  if (record === undefined) throw new TypeError(`${what} is not of type 'ReadableStream'.`);
  return record;
}

/** The record of an argument of type WritableStream. @param {any} v @param {string} what
 * @returns {import('./writable_records.js').WritableRecord} */
export function toWritableRecord(v, what) {
  const record = writableRecordOf(v);
  if (record === undefined) throw new TypeError(`${what} is not of type 'WritableStream'.`);
  return record;
}
