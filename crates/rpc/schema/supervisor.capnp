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

  status @2 () -> (isolates :UInt32, connections :UInt32);
  # What it is doing.
}
