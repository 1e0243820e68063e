/**
 * `MessageChannel`: two ports of one isolate. What is posted to one arrives at the other, as a
 * clone and in a task of its own.
 *
 * A task here is a timer without delay, of the request that posted the message; it goes when that
 * request has ended. In global scope nothing can be posted. Ports cannot be transferred: there is
 * no other realm that they could go to.
 * https://html.spec.whatwg.org/#message-channels
 * @module
 */

import { Event, messageEvent, trusted } from "../events/event.js";
import { defineEventHandler, dispatch, EventTarget } from "../events/event_target.js";
import { primordials } from "../primordials.js";
import { cloneWithTransfer, transferOption } from "../structured_clone/structured_clone.js";
import { startTimer } from "../timers/timer_table.js";
import {
  defineInterface,
  illegalConstructor,
  illegalInvocation,
  isObject,
  requireArguments,
  toObject,
  toSequence,
} from "../webidl/webidl.js";

const {
  ArrayPrototypePush,
  ObjectDefineProperty,
  ObjectGetOwnPropertyDescriptor,
  ReflectApply,
  SymbolIterator,
} = primordials;

/** Only this module may construct a MessagePort. */
const PORT_TOKEN = { __proto__: null };

const POST = "Failed to execute 'postMessage' on 'MessagePort'";

/** The second argument is a list of objects or a dictionary that has one. */
function transferList(value) {
  const what = `${POST}: parameter 2`;
  if (isObject(value) && value[SymbolIterator] !== undefined && value[SymbolIterator] !== null) {
    return toSequence(value, toObject, what);
  }
  return transferOption(value, what);
}

let entangle;
let startPort;

/** https://html.spec.whatwg.org/#message-ports */
export class MessagePort extends EventTarget {
  /** The port at the other end, null when one of the two was closed. @type {MessagePort | null} */
  #other = null;
  /** What arrived before the port was started; null since then. @type {any[] | null} */
  #waiting = [];
  #closed = false;

  /** The brand check of all members. */
  static #check(receiver) {
    if (!isObject(receiver) || !(#other in receiver)) illegalInvocation();
  }

  constructor(token) {
    if (token !== PORT_TOKEN) illegalConstructor();
    super();
  }

  // https://html.spec.whatwg.org/#dom-messageport-postmessage
  postMessage(message, options = undefined) {
    MessagePort.#check(this);
    const other = this.#other;
    requireArguments(arguments.length, 1, POST);
    const data = cloneWithTransfer(message, transferList(options));
    if (other !== null) other.#receive(data);
  }

  // https://html.spec.whatwg.org/#dom-messageport-start
  start() {
    MessagePort.#check(this);
    this.#start();
  }

  // https://html.spec.whatwg.org/#dom-messageport-close
  close() {
    MessagePort.#check(this);
    this.#closed = true;
    const other = this.#other;
    if (other === null) return;
    this.#other = null;
    other.#other = null;
    startTimer("MessagePort.close()", 0, () => dispatch(other, trusted(new Event("close"))));
  }

  #start() {
    const waiting = this.#waiting;
    if (waiting === null) return;
    this.#waiting = null;
    for (let i = 0; i < waiting.length; i++) this.#receive(waiting[i]);
  }

  #receive(data) {
    if (this.#waiting !== null) {
      ArrayPrototypePush(this.#waiting, data);
      return;
    }
    startTimer("MessagePort.postMessage()", 0, () => {
      if (!this.#closed) dispatch(this, messageEvent(data));
    });
  }

  static {
    entangle = (one, two) => {
      one.#other = two;
      two.#other = one;
    };
    startPort = (port) => port.#start();
  }
}

defineInterface(MessagePort, { __proto__: null, length: 0 });
defineEventHandler(MessagePort, "message");
defineEventHandler(MessagePort, "messageerror");
defineEventHandler(MessagePort, "close");

/** https://html.spec.whatwg.org/#handler-messageport-onmessage: setting it starts the port. */
function makeOnmessageStart() {
  const plain = ObjectGetOwnPropertyDescriptor(MessagePort.prototype, "onmessage");
  const accessors = {
    __proto__: null,
    set onmessage(value) {
      ReflectApply(plain.set, this, [value]);
      startPort(this);
    },
  };
  const { set } = ObjectGetOwnPropertyDescriptor(accessors, "onmessage");
  ObjectDefineProperty(MessagePort.prototype, "onmessage", {
    __proto__: null,
    get: plain.get,
    set,
    enumerable: true,
    configurable: true,
  });
}
makeOnmessageStart();

/** https://html.spec.whatwg.org/#messagechannel */
export class MessageChannel {
  #port1 = new MessagePort(PORT_TOKEN);
  #port2 = new MessagePort(PORT_TOKEN);

  /** The brand check of all members. */
  static #check(receiver) {
    if (!isObject(receiver) || !(#port1 in receiver)) illegalInvocation();
  }

  constructor() {
    entangle(this.#port1, this.#port2);
  }

  get port1() {
    MessageChannel.#check(this);
    return this.#port1;
  }

  get port2() {
    MessageChannel.#check(this);
    return this.#port2;
  }
}

defineInterface(MessageChannel);
