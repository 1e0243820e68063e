@0xc2a7d9b34e60f815;

# Calls between a supervisor and its inbound proxy. The proxy holds TLS keys and sees requests, but
# no code and no secret of a Worker.

struct Target {
  # Where requests for a host go.

  key @0 :Data;
  # The Worker's key, which the proxy shows to the runtime process. Empty when there is no Worker.

  place @1 :UInt32;
  # The runtime process: the number that came with its socket.

  owner @2 :UInt64;
  # A number for the Worker's owner, whom connections and requests are counted for.

  isRefused @3 :Bool;
  # The Worker may not run: it has ended its process again and again.

  number @4 :UInt64;
  # The Worker's number, by which the proxy names it in its journal. Not a secret.

  requestBodyBytesMax @5 :UInt64;
  # Largest body of a request to it.
}

struct Certificate {
  # A certificate with its key, both as PEM.

  chain @0 :Data;
  privateKey @1 :Data;
}

interface Directory {
  # The supervisor, as the inbound proxy sees it.

  register @0 (inbound :Inbound) -> (routesVersion :UInt64);
  # The first call: gives the supervisor a way to call the proxy.

  resolve @1 (host :Text) -> (target :Target);
  # The Worker for a host.

  certificates @2 () -> (certificates :List(Certificate));
  # The certificates; the first is for clients that name no host, or an unknown one.
}

interface Inbound {
  # The inbound proxy, as its supervisor sees it.

  setRoutesVersion @0 (version :UInt64) -> ();
  # What was resolved before is to be resolved again, and the certificates are to be fetched again.

  drain @1 () -> ();
  # Take no new connections and finish requests in flight; answers when there are none.

  status @2 () -> (status :InboundStatus);
  # What it is doing.

  acceptPlain @3 () -> ();
  # Take clients of plain HTTP from now on. Until then a runtime takes them.
}

struct InboundStatus {
  # Counts of an inbound process since it started, but for the first two.

  connections @0 :UInt32;
  # Connections of clients now.

  inFlight @1 :UInt32;
  # Requests that are being answered now.

  requests @2 :UInt64;
  # Requests that were passed on to a runtime.

  refused @3 :UInt64;
  # Requests that reached no runtime: malformed, too large, for an unknown host.

  shed @4 :UInt64;
  # Connections and requests that there was no room for.

  lost @5 :UInt64;
  # Requests whose runtime ended before it answered.
}
