/**
 * `Fetcher`: another Worker of the same owner, as a service binding in `env`.
 * https://developers.cloudflare.com/workers/runtime-apis/bindings/service-bindings/http/
 * @module
 */

import { primordials } from "../primordials.js";
import {
  defineInterface,
  illegalConstructor,
  invocationError,
  requireArguments,
} from "../webidl/webidl.js";
import { startFetch } from "./fetch.js";

const { PromiseReject } = primordials;

const TOKEN = {};

/** A Worker that can be asked. */
class Fetcher {
  /** The number of the binding: the native side knows the Worker. */
  #service;

  constructor(token, service) {
    if (token !== TOKEN) illegalConstructor();
    this.#service = service;
  }

  /** Asks the Worker, as `fetch` asks the network; the host of the URL is its affair.
   * @param {any} input @param {any} [init] @returns {Promise<Response>} */
  fetch(input, init = undefined) {
    if (!(#service in this)) return PromiseReject(invocationError());
    try {
      requireArguments(arguments.length, 1, "Failed to execute 'fetch' on 'Fetcher'");
    } catch (error) {
      return PromiseReject(error);
    }
    return startFetch(input, init, this.#service);
  }
}
defineInterface(Fetcher);

/** @param {number} service the number of the binding @returns {Fetcher} */
export function createFetcher(service) {
  return new Fetcher(TOKEN, service);
}
