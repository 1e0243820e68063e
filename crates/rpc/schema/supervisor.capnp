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

  hasOrigin @4 :Bool;
  # Whether there is a server behind it. The outbound proxy knows which one from the stamp, and what
  # goes there.
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

  report @3 (report :Report) -> ();
  # What has happened since the last report. Comes every second in which something has.

  resolveService @4 (key :Data, worker :Text) -> (key :Data, isHere :Bool);
  # The key of the Worker that a service binding names. The first key is that of the Worker that
  # has the binding. Where `isHere` is not set, another process runs it, and the key opens
  # connections to it only. Empty when there is no such Worker.
}

struct Report {
  # What a runtime process says of itself: it may lie, to the harm of its own Workers alone.

  isolates @0 :UInt32;
  # Isolates that have a Worker now.

  inFlight @1 :UInt32;
  # Requests that are being answered now.

  workers @2 :List(WorkerReport);
  # The Workers that did something.

  isWorn @3 :Bool;
  # So much is lost to code that cannot be stopped that another process should take over.
}

struct WorkerReport {
  # What a Worker has done since the last report.

  number @0 :UInt64;
  # The Worker's number.

  requests @1 :UInt64;
  # Requests that have ended.

  exceptions @2 :UInt64;
  # Of those: it threw, or could never have answered.

  exceededCpu @3 :UInt64;
  # Of those: it used too much CPU time.

  exceededMemory @4 :UInt64;
  # Of those: it used too much memory.

  canceled @5 :UInt64;
  # Of those: the client left first.

  condemned @6 :UInt64;
  # Isolates that it lost because of a limit.

  cpuMicroseconds @7 :UInt64;
  # CPU time of its turns.

  timedTurns @8 :UInt64;
  # Turns that used at least a millisecond of CPU time and read the clock, without the first of an
  # event: a timing attack is made of them.

  stuck @9 :UInt64;
  # Threads that it has kept for good, with code that cannot be stopped.

  beyondRate @10 :UInt64;
  # Requests of clients that it did not get, because it has had too many.
}

interface Runtime {
  # A runtime process, as its supervisor sees it.

  setRoutesVersion @0 (version :UInt64, gone :List(Data));
  # What was resolved before is to be resolved again. Of the keys that this runtime was given, these
  # stand for nothing any more.

  drain @1 () -> ();
  # Take no new connections and finish requests in flight; answers when there are none.

  stopListening @2 () -> ();
  # Take no more clients of plain HTTP: the inbound proxy takes them from now on. Those that are
  # there stay.

  alive @3 () -> ();
  # Answers at once: asked again and again, so that a process that is stuck is found.
}
