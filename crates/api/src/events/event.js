/**
 * The event classes that more than one standard uses.
 * @module
 */

import { showAttributes } from "../console/shown.js";
import { primordials } from "../primordials.js";
import {
  defineInterface,
  illegalInvocation,
  isObject,
  requireArguments,
  toAny,
  toBoolean,
  toDictionary,
  toDOMString,
  toObject,
  toSequence,
  toUnsignedLong,
  toUnsignedShort,
  toUSVString,
} from "../webidl/webidl.js";
import { Event, internals, trusted } from "./event_base.js";

export { Event, trusted } from "./event_base.js";

const { ObjectFreeze } = primordials;
const { initialise, isDispatching: isInDispatch } = internals;

/** True for instances of Event. @type {(v: any) => boolean} */
export const isEvent = internals.isEvent;

/** One member of an init dictionary. */
const member = (key, convert, preset = undefined) => ({
  __proto__: null,
  key,
  convert,
  default: preset,
});

const CUSTOM_INIT = [member("detail", toAny, null)];

/** https://dom.spec.whatwg.org/#interface-customevent */
export class CustomEvent extends Event {
  #detail;

  /** The brand check of all members. */
  static #check(receiver) {
    if (!isObject(receiver) || !(#detail in receiver)) illegalInvocation();
  }

  constructor(type, eventInitDict = undefined) {
    requireArguments(arguments.length, 1, "Failed to construct 'CustomEvent'");
    super(type, eventInitDict);
    const what = "Failed to construct 'CustomEvent': parameter 2";
    this.#detail = toDictionary(eventInitDict, CUSTOM_INIT, what).detail;
  }

  get detail() {
    CustomEvent.#check(this);
    return this.#detail;
  }

  // https://dom.spec.whatwg.org/#dom-customevent-initcustomevent
  initCustomEvent(type, bubbles = false, cancelable = false, detail = null) {
    const what = "Failed to execute 'initCustomEvent' on 'CustomEvent'";
    CustomEvent.#check(this);
    requireArguments(arguments.length, 1, what);
    const name = toDOMString(type, `${what}: parameter 1`);
    if (isInDispatch(this)) return;
    initialise(this, name, bubbles, cancelable);
    this.#detail = detail;
  }
}

defineInterface(CustomEvent);
showAttributes(CustomEvent, ["type", "detail", "defaultPrevented", "cancelable", "timeStamp"]);

const ERROR_INIT = [
  member("colno", toUnsignedLong, 0),
  member("error", toAny),
  member("filename", toUSVString, ""),
  member("lineno", toUnsignedLong, 0),
  member("message", toDOMString, ""),
];

/** https://html.spec.whatwg.org/#errorevent */
export class ErrorEvent extends Event {
  #init;

  /** The brand check of all members. */
  static #check(receiver) {
    if (!isObject(receiver) || !(#init in receiver)) illegalInvocation();
  }

  constructor(type, eventInitDict = undefined) {
    requireArguments(arguments.length, 1, "Failed to construct 'ErrorEvent'");
    super(type, eventInitDict);
    const what = "Failed to construct 'ErrorEvent': parameter 2";
    this.#init = toDictionary(eventInitDict, ERROR_INIT, what);
  }

  get message() {
    ErrorEvent.#check(this);
    return this.#init.message;
  }

  get filename() {
    ErrorEvent.#check(this);
    return this.#init.filename;
  }

  get lineno() {
    ErrorEvent.#check(this);
    return this.#init.lineno;
  }

  get colno() {
    ErrorEvent.#check(this);
    return this.#init.colno;
  }

  get error() {
    ErrorEvent.#check(this);
    return this.#init.error;
  }

  static {
    internals.isErrorEvent = (event) => #init in event;
    internals.errorInit = (event) => event.#init;
  }
}

defineInterface(ErrorEvent);
showAttributes(ErrorEvent, ["type", "message", "filename", "lineno", "colno", "error"]);

/** MessageEventSource?: a port or another object, until ports have a class that can be asked. */
const toSource = (v, what) => (v === null ? null : toObject(v, what));
const toPorts = (v, what) => ObjectFreeze(toSequence(v, toObject, what));
const noPorts = () => ObjectFreeze([]);

const MESSAGE_INIT = [
  member("data", toAny, null),
  member("lastEventId", toDOMString, ""),
  member("origin", toUSVString, ""),
  member("ports", toPorts, noPorts),
  member("source", toSource, null),
];

let setData;

/** https://html.spec.whatwg.org/#messageevent */
export class MessageEvent extends Event {
  #init;

  /** The brand check of all members. */
  static #check(receiver) {
    if (!isObject(receiver) || !(#init in receiver)) illegalInvocation();
  }

  constructor(type, eventInitDict = undefined) {
    requireArguments(arguments.length, 1, "Failed to construct 'MessageEvent'");
    super(type, eventInitDict);
    const what = "Failed to construct 'MessageEvent': parameter 2";
    this.#init = toDictionary(eventInitDict, MESSAGE_INIT, what);
  }

  get data() {
    MessageEvent.#check(this);
    return this.#init.data;
  }

  get origin() {
    MessageEvent.#check(this);
    return this.#init.origin;
  }

  get lastEventId() {
    MessageEvent.#check(this);
    return this.#init.lastEventId;
  }

  get source() {
    MessageEvent.#check(this);
    return this.#init.source;
  }

  get ports() {
    MessageEvent.#check(this);
    return this.#init.ports;
  }

  // https://html.spec.whatwg.org/#dom-messageevent-initmessageevent
  initMessageEvent(
    type,
    bubbles = false,
    cancelable = false,
    data = null,
    origin = "",
    lastEventId = "",
    source = null,
    ports = undefined,
  ) {
    const what = "Failed to execute 'initMessageEvent' on 'MessageEvent'";
    if (!isObject(this) || !(#init in this)) illegalInvocation();
    requireArguments(arguments.length, 1, what);
    const name = toDOMString(type, `${what}: parameter 1`);
    const init = {
      __proto__: null,
      data,
      origin: toUSVString(origin, `${what}: parameter 5`),
      lastEventId: toDOMString(lastEventId, `${what}: parameter 6`),
      source: toSource(source ?? null, `${what}: parameter 7`),
      ports: ports === undefined ? noPorts() : toPorts(ports, `${what}: parameter 8`),
    };
    if (isInDispatch(this)) return;
    initialise(this, name, bubbles, cancelable);
    this.#init = init;
  }

  static {
    setData = (event, data) => {
      event.#init.data = data;
    };
  }
}

defineInterface(MessageEvent);
showAttributes(MessageEvent, ["type", "data", "origin", "lastEventId"]);

/** The event for a message that has arrived. @param {any} data @returns {MessageEvent} */
export function messageEvent(data) {
  const event = trusted(new MessageEvent("message"));
  // To the constructor `undefined` would be an absent member.
  setData(event, data);
  return event;
}

const CLOSE_INIT = [
  member("code", toUnsignedShort, 0),
  member("reason", toUSVString, ""),
  member("wasClean", toBoolean, false),
];

/** https://websockets.spec.whatwg.org/#the-closeevent-interface */
export class CloseEvent extends Event {
  #init;

  /** The brand check of all members. */
  static #check(receiver) {
    if (!isObject(receiver) || !(#init in receiver)) illegalInvocation();
  }

  constructor(type, eventInitDict = undefined) {
    requireArguments(arguments.length, 1, "Failed to construct 'CloseEvent'");
    super(type, eventInitDict);
    const what = "Failed to construct 'CloseEvent': parameter 2";
    this.#init = toDictionary(eventInitDict, CLOSE_INIT, what);
  }

  get wasClean() {
    CloseEvent.#check(this);
    return this.#init.wasClean;
  }

  get code() {
    CloseEvent.#check(this);
    return this.#init.code;
  }

  get reason() {
    CloseEvent.#check(this);
    return this.#init.reason;
  }
}

defineInterface(CloseEvent);

const REJECTION_INIT = [
  { __proto__: null, key: "promise", convert: toObject, required: true },
  member("reason", toAny),
];

/** https://html.spec.whatwg.org/#promiserejectionevent */
export class PromiseRejectionEvent extends Event {
  #init;

  /** The brand check of all members. */
  static #check(receiver) {
    if (!isObject(receiver) || !(#init in receiver)) illegalInvocation();
  }

  constructor(type, eventInitDict) {
    requireArguments(arguments.length, 2, "Failed to construct 'PromiseRejectionEvent'");
    super(type, eventInitDict);
    const what = "Failed to construct 'PromiseRejectionEvent': parameter 2";
    this.#init = toDictionary(eventInitDict, REJECTION_INIT, what);
  }

  get promise() {
    PromiseRejectionEvent.#check(this);
    return this.#init.promise;
  }

  get reason() {
    PromiseRejectionEvent.#check(this);
    return this.#init.reason;
  }
}

defineInterface(PromiseRejectionEvent);
