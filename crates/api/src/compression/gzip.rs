//! The gzip format (RFC 1952) around deflate: headers, check values, members one after the other.

use flate2::{Crc, Decompress};

use super::inflate::{DecodeError, Members, Progress, inflate_some};

const FLAG_HEADER_CRC: u8 = 1 << 1;
const FLAG_EXTRA: u8 = 1 << 2;
const FLAG_NAME: u8 = 1 << 3;
const FLAG_COMMENT: u8 = 1 << 4;
const FLAGS_RESERVED: u8 = 0b1110_0000;

/// A gzip stream that is being decoded.
pub(super) struct Gzip {
    place: Place,
    /// Of the member's header.
    flags: u8,
    header_crc: Crc,
    inflate: Decompress,
    /// Of the member's decoded bytes.
    crc: Crc,
    /// A member is complete.
    has_member: bool,
    members: Members,
}

/// Where in a member the next byte is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// In the ten bytes that every header has.
    Fixed {
        index: u8,
    },
    ExtraLength {
        low: Option<u8>,
    },
    Extra {
        left: u16,
    },
    Name,
    Comment,
    HeaderCrc {
        low: Option<u8>,
    },
    Data,
    /// CRC and length, least significant byte first.
    Check {
        index: u8,
    },
    /// Behind the only member.
    End,
}

impl Gzip {
    pub(super) fn new(members: Members) -> Self {
        Self {
            place: Place::Fixed { index: 0 },
            flags: 0,
            header_crc: Crc::new(),
            inflate: Decompress::new(false),
            crc: Crc::new(),
            has_member: false,
            members,
        }
    }

    /// Whether the stream may end here.
    pub(super) fn is_whole(&self) -> bool {
        self.place == Place::End || self.has_member && self.place == Place::Fixed { index: 0 }
    }

    pub(super) fn decode(
        &mut self,
        input: &[u8],
        output: &mut [u8],
    ) -> Result<Progress, DecodeError> {
        let mut read = 0;
        loop {
            if self.place == Place::Data {
                let (progress, is_over) = inflate_some(&mut self.inflate, &input[read..], output)?;
                self.crc.update(&output[..progress.written]);
                if is_over {
                    self.place = Place::Check { index: 0 };
                }
                read += progress.read;
                if progress.written > 0 || !is_over {
                    return Ok(Progress { read, written: progress.written });
                }
            }
            let Some(&byte) = input.get(read) else { return Ok(Progress { read, written: 0 }) };
            self.place = self.step(byte)?;
            read += 1;
        }
    }

    /// Takes one byte outside the data.
    fn step(&mut self, byte: u8) -> Result<Place, DecodeError> {
        if let Place::Check { index } = self.place {
            return self.check(index, byte);
        }
        if !matches!(self.place, Place::HeaderCrc { .. }) {
            self.header_crc.update(&[byte]);
        }
        match self.place {
            Place::Fixed { index } => self.fixed(index, byte),
            Place::ExtraLength { low: None } => Ok(Place::ExtraLength { low: Some(byte) }),
            Place::ExtraLength { low: Some(low) } => match u16::from_le_bytes([low, byte]) {
                0 => Ok(self.after(FLAG_EXTRA)),
                left => Ok(Place::Extra { left }),
            },
            Place::Extra { left: 1 } => Ok(self.after(FLAG_EXTRA)),
            Place::Extra { left } => Ok(Place::Extra { left: left - 1 }),
            Place::Name if byte == 0 => Ok(self.after(FLAG_NAME)),
            Place::Comment if byte == 0 => Ok(self.after(FLAG_COMMENT)),
            Place::HeaderCrc { low: None } => Ok(Place::HeaderCrc { low: Some(byte) }),
            Place::HeaderCrc { low: Some(low) } => {
                let given = u32::from(u16::from_le_bytes([low, byte]));
                match given == self.header_crc.sum() & 0xffff {
                    true => Ok(Place::Data),
                    false => Err(DecodeError::Corrupt),
                }
            }
            Place::End => Err(DecodeError::TrailingData),
            Place::Name | Place::Comment | Place::Data | Place::Check { .. } => Ok(self.place),
        }
    }

    fn fixed(&mut self, index: u8, byte: u8) -> Result<Place, DecodeError> {
        let is_right = match index {
            0 => byte == 0x1f,
            1 => byte == 0x8b,
            2 => byte == 8,
            3 => byte & FLAGS_RESERVED == 0,
            _ => true,
        };
        if !is_right {
            // Bytes that do not begin like a member are trailing data.
            return Err(if self.has_member && index < 2 {
                DecodeError::TrailingData
            } else {
                DecodeError::Corrupt
            });
        }
        match index {
            3 => self.flags = byte,
            9 => return Ok(self.after(0)),
            _ => {}
        }
        Ok(Place::Fixed { index: index + 1 })
    }

    /// The first optional part of the header that comes after the one with this flag.
    fn after(&self, done: u8) -> Place {
        let has = |flag: u8| self.flags & flag != 0;
        let order = [
            (FLAG_EXTRA, Place::ExtraLength { low: None }),
            (FLAG_NAME, Place::Name),
            (FLAG_COMMENT, Place::Comment),
            (FLAG_HEADER_CRC, Place::HeaderCrc { low: None }),
        ];
        let skip = order.iter().position(|(flag, _)| *flag == done).map_or(0, |index| index + 1);
        let next = order[skip..].iter().find(|(flag, _)| has(*flag));
        next.map_or(Place::Data, |(_, place)| *place)
    }

    fn check(&mut self, index: u8, byte: u8) -> Result<Place, DecodeError> {
        let want = match index {
            0..4 => self.crc.sum().to_le_bytes()[usize::from(index)],
            _ => self.crc.amount().to_le_bytes()[usize::from(index - 4)],
        };
        if byte != want {
            return Err(DecodeError::Corrupt);
        }
        if index < 7 {
            return Ok(Place::Check { index: index + 1 });
        }
        self.has_member = true;
        self.inflate.reset(false);
        self.crc.reset();
        self.header_crc.reset();
        Ok(match self.members {
            Members::One => Place::End,
            Members::Any => Place::Fixed { index: 0 },
        })
    }
}
