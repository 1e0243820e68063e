//! Sockets that carry file descriptors: short messages, each with at most one descriptor.

use std::io::{self, IoSlice, IoSliceMut};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

use nix::sys::socket::{
    AddressFamily, ControlMessage, ControlMessageOwned, MsgFlags, SockFlag, SockType, recvmsg,
    send, sendmsg, socketpair,
};
use tokio::io::unix::AsyncFd;

/// Longest message in bytes.
pub const MESSAGE_BYTES_MAX: usize = 4 << 10;

/// One end of a socket that carries messages and file descriptors. Messages arrive whole and in
/// their order, or not at all.
#[derive(Debug)]
pub struct Channel(OwnedFd);

/// A message with its file descriptor.
#[derive(Debug)]
pub struct Message {
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// The descriptor that came with it; nothing else has it.
    pub descriptor: Option<OwnedFd>,
}

impl Channel {
    /// Both ends of a new socket. Neither blocks, and neither is inherited by programs that are
    /// started.
    ///
    /// # Errors
    /// When the process or the system has no descriptor left.
    pub fn pair() -> io::Result<(Self, Self)> {
        let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
        let (one, other) = socketpair(AddressFamily::Unix, SockType::SeqPacket, None, flags)?;
        Ok((Self(one), Self(other)))
    }

    /// Takes an end that was inherited.
    pub fn inherited(socket: OwnedFd) -> Self {
        Self(socket)
    }

    /// Sends a message. It does not wait: the error is `WouldBlock` when the other end does not
    /// read.
    ///
    /// # Errors
    /// When the message is too long, the other end is gone, or does not read.
    pub fn send(&self, bytes: &[u8], descriptor: Option<BorrowedFd<'_>>) -> io::Result<()> {
        if bytes.is_empty() || bytes.len() > MESSAGE_BYTES_MAX {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "the message has a wrong size",
            ));
        }
        let (socket, flags) = (self.0.as_raw_fd(), MsgFlags::MSG_NOSIGNAL);
        match descriptor {
            Some(descriptor) => {
                let descriptors = [descriptor.as_raw_fd()];
                let rights = [ControlMessage::ScmRights(&descriptors)];
                sendmsg::<()>(socket, &[IoSlice::new(bytes)], &rights, flags, None)?;
            }
            // Processes that pass no descriptors may not call `sendmsg`.
            None => _ = send(socket, bytes, flags)?,
        }
        Ok(())
    }

    /// Takes the next message without waiting for it; `None` when the other end is gone.
    ///
    /// # Errors
    /// `WouldBlock` when there is none, `InvalidData` when it is too long or has more than one
    /// descriptor. Those are closed.
    pub fn receive(&self) -> io::Result<Option<Message>> {
        let mut bytes = vec![0; MESSAGE_BYTES_MAX];
        let mut control = nix::cmsg_space!([RawFd; 2]);
        let mut parts = [IoSliceMut::new(&mut bytes)];
        let flags = MsgFlags::MSG_CMSG_CLOEXEC;
        let received = recvmsg::<()>(self.0.as_raw_fd(), &mut parts, Some(&mut control), flags)?;
        let (length, flags) = (received.bytes, received.flags);
        let mut descriptors = Vec::new();
        for message in received.cmsgs()? {
            if let ControlMessageOwned::ScmRights(rights) = message {
                // SAFETY: the kernel has just made these descriptors for this message, so nothing
                // else in the process knows or owns them.
                let own = |right| unsafe { OwnedFd::from_raw_fd(right) };
                descriptors.extend(rights.into_iter().map(own));
            }
        }
        if length == 0 && descriptors.is_empty() {
            return Ok(None);
        }
        let is_cut = flags.intersects(MsgFlags::MSG_TRUNC | MsgFlags::MSG_CTRUNC);
        if is_cut || descriptors.len() > 1 {
            let text = "the message is too long or has too many descriptors";
            return Err(io::Error::new(io::ErrorKind::InvalidData, text));
        }
        bytes.truncate(length);
        Ok(Some(Message { bytes, descriptor: descriptors.pop() }))
    }
}

impl AsFd for Channel {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl AsRawFd for Channel {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}

impl From<Channel> for OwnedFd {
    fn from(channel: Channel) -> Self {
        channel.0
    }
}

/// A channel whose messages are waited for.
#[derive(Debug)]
pub struct Receiver(AsyncFd<Channel>);

impl Receiver {
    /// Registers a channel with the event loop of this thread.
    ///
    /// # Errors
    /// When the event loop cannot watch it.
    ///
    /// # Panics
    /// Outside of a tokio runtime with I/O.
    pub fn new(channel: Channel) -> io::Result<Self> {
        // SAFETY: a channel is one descriptor, which it owns and closes when it is dropped, and
        // nothing gives another one out meanwhile.
        Ok(Self(unsafe { AsyncFd::register(channel) }?))
    }

    /// Sends a message, as [`Channel::send`] does.
    ///
    /// # Errors
    /// As [`Channel::send`].
    pub fn send(&self, bytes: &[u8], descriptor: Option<BorrowedFd<'_>>) -> io::Result<()> {
        self.0.get_ref().send(bytes, descriptor)
    }

    /// Waits for the next message; `None` when the other end is gone.
    ///
    /// # Errors
    /// As [`Channel::receive`], but for `WouldBlock`.
    pub async fn receive(&self) -> io::Result<Option<Message>> {
        loop {
            let mut ready = self.0.readable().await?;
            if let Ok(received) = ready.try_io(|channel| channel.get_ref().receive()) {
                return received;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::os::unix::net::UnixStream;

    use super::*;

    #[test]
    fn a_descriptor_goes_along() {
        let (one, other) = Channel::pair().unwrap();
        let (mut near, far) = UnixStream::pair().unwrap();
        one.send(b"here", Some(far.as_fd())).unwrap();
        drop(far);
        let message = other.receive().unwrap().unwrap();
        assert_eq!(message.bytes, b"here");
        let mut far = UnixStream::from(message.descriptor.unwrap());
        far.write_all(b"hello").unwrap();
        drop(far);
        let mut text = String::new();
        near.read_to_string(&mut text).unwrap();
        assert_eq!(text, "hello");
    }

    #[test]
    fn nothing_waits() {
        let (one, other) = Channel::pair().unwrap();
        assert_eq!(other.receive().unwrap_err().kind(), io::ErrorKind::WouldBlock);
        while one.send(&[1; MESSAGE_BYTES_MAX], None).is_ok() {}
        let full = one.send(&[1; MESSAGE_BYTES_MAX], None).unwrap_err();
        assert_eq!(full.kind(), io::ErrorKind::WouldBlock);
        drop(other);
        let gone = one.send(b"x", None).unwrap_err().kind();
        assert!(matches!(gone, io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset));
    }

    #[test]
    fn the_end_is_seen() {
        let (one, other) = Channel::pair().unwrap();
        one.send(b"last", None).unwrap();
        drop(one);
        assert_eq!(other.receive().unwrap().unwrap().bytes, b"last");
        assert!(other.receive().unwrap().is_none());
    }

    #[test]
    fn too_long_messages_and_too_many_descriptors_are_refused() {
        let (one, other) = Channel::pair().unwrap();
        assert!(one.send(&[1; MESSAGE_BYTES_MAX + 1], None).is_err());
        assert!(one.send(&[], None).is_err());
        let (near, far) = UnixStream::pair().unwrap();
        let both = [near.as_raw_fd(), far.as_raw_fd()];
        let rights = [ControlMessage::ScmRights(&both)];
        let bytes = [IoSlice::new(b"two")];
        sendmsg::<()>(one.as_raw_fd(), &bytes, &rights, MsgFlags::empty(), None).unwrap();
        assert_eq!(other.receive().unwrap_err().kind(), io::ErrorKind::InvalidData);
        drop(near);
        let mut rest = Vec::new();
        let mut far = far;
        far.read_to_end(&mut rest).unwrap();
        assert!(rest.is_empty(), "the copies in the refused message were closed");
    }
}
