@0xdb1c3f8b5a7e4d21;

# Calls between a supervisor and its runtime processes. A runtime is not trusted: it gets code and
# secrets against a key, and no call lists keys.

struct Program {
  # What a runtime needs to run a version of a Worker.
  artifact @0 :Data;
  # The canonical bytes of an artifact (crate program).
  worker @1 :Data;
  # The canonical bytes of the Worker, secrets included.
  stamp @2 :Data;
  # What the runtime shows to the outbound proxy for the Worker's subrequests.

  number @3 :UInt64;
  # The Worker's number, by which the runtime names it to its supervisor. Not a secret, unlike the
  # key.
}

interface Supervisor {
  # The supervisor, as one runtime process sees it.

  register @0 (runtime :Runtime) -> (routesVersion :UInt64);
  # The first call: gives the supervisor a way to call the runtime.

  resolve @1 (host :Text) -> (key :Data);
  # The key of the Worker for a host, empty where there is none. Only for a runtime that accepts
  # plain HTTP itself, and only for Workers of its cordon.

  program @2 (key :Data) -> (program :Program);
  # The program that a key stands for.
}

interface Runtime {
  # A runtime process, as its supervisor sees it.

  setRoutesVersion @0 (version :UInt64, gone :List(Data));
  # What was resolved before is to be resolved again. Of the keys that this runtime was given, these
  # stand for nothing any more.

  drain @1 () -> ();
  # Take no new connections and finish requests in flight; answers when there are none.

  status @2 () -> (status :RuntimeStatus);
  # What it is doing, as far as it can be believed.

  stopListening @3 () -> ();
  # Take no more clients of plain HTTP: the inbound proxy takes them from now on. Those that are
  # there stay.
}

struct RuntimeStatus {
  # Counts of a runtime process since it started, but for the first two.

  isolates @0 :UInt32;
  # Isolates that have a Worker now.

  inFlight @1 :UInt32;
  # Requests that are being answered now.

  requests @2 :UInt64;
  # Requests that have ended.

  exceptions @3 :UInt64;
  # Of those: the Worker threw, or could never have answered.

  exceededCpu @4 :UInt64;
  # Of those: used too much CPU time.

  exceededMemory @5 :UInt64;
  # Of those: used too much memory.

  canceled @6 :UInt64;
  # Of those: the client left first.

  evicted @7 :UInt64;
  # Isolates that made way for others.
}
