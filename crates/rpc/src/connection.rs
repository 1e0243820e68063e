//! A Cap'n Proto connection over a UNIX socket.

use capnp::message::ReaderOptions;
use capnp_rpc::rpc_twoparty_capnp::Side;
use capnp_rpc::{RpcSystem, twoparty};
use tokio::net::UnixStream;
use tokio_util::compat::{TokioAsyncReadCompatExt, TokioAsyncWriteCompatExt};

/// Words that are read of one answer, of 8 bytes: an artifact with its modules fits. A peer that
/// points at the same words again and again gets no further.
const ANSWER_WORDS_MAX: usize = 32 << 20;
/// Words that are read of one call by the end that offers something: a report on all isolates that
/// a process can have fits. The memory is taken as soon as a peer says how much it will send.
const CALL_WORDS_MAX: usize = 512 << 10;
/// Pointers in a row.
const NESTING_MAX: i32 = 16;

/// One end of a connection.
pub type Connection = RpcSystem<Side>;

/// The end that offers something: `bootstrap`. Run the connection as a task.
pub fn serve(stream: UnixStream, bootstrap: capnp::capability::Client) -> Connection {
    RpcSystem::new(network(stream, Side::Server, CALL_WORDS_MAX), Some(bootstrap))
}

/// The end that asks for it. Run the connection as a task.
pub fn connect<C>(stream: UnixStream) -> (Connection, C)
where
    C: capnp::capability::FromClientHook,
{
    let mut connection = RpcSystem::new(network(stream, Side::Client, ANSWER_WORDS_MAX), None);
    let client = connection.bootstrap(Side::Server);
    (connection, client)
}

fn network(
    stream: UnixStream,
    side: Side,
    words_max: usize,
) -> Box<dyn capnp_rpc::VatNetwork<Side>> {
    let (read, write) = stream.into_split();
    let mut options = ReaderOptions::new();
    options.traversal_limit_in_words(Some(words_max)).nesting_limit(NESTING_MAX);
    Box::new(twoparty::VatNetwork::new(read.compat(), write.compat_write(), side, options))
}
