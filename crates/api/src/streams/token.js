/**
 * The first argument of constructors that only the platform may call, and of the platform's own
 * calls of constructors that a Worker may call too. It is never handed out.
 * @module
 */

/** The private token. */
export const internalToken = { __proto__: null };
