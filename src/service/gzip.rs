//! Bodies that come compressed (RFC 9110 §8.4.1.3), decoded within the bounds of any other body.

use std::io::{Error, Result as Written, Write};

use flate2::write::GzDecoder;
use scim::ScimError;

/// How much is decoded before the lead is looked at again.
const PIECE: usize = 1024;

/// By how many bytes the encoded form may be ahead of the decoded one: the decoder holds back
/// 32 KB, and incompressible text costs five bytes more for each stored block. A body that is
/// further ahead consists of empty blocks, and the decoder would build its tables anew for each of
/// them.
const MAX_LEAD: usize = 64 * 1024;

/// The body as it was before it was encoded, of at most so many bytes.
///
/// # Errors
/// `invalidSyntax` when this is not one member of gzip and nothing else; 413 when the body is too
/// large.
pub(super) fn decoded(encoded: &[u8], most: usize) -> Result<Vec<u8>, ScimError> {
    decode(encoded.chunks(PIECE), most)
}

fn decode<'e>(pieces: impl Iterator<Item = &'e [u8]>, most: usize) -> Result<Vec<u8>, ScimError> {
    let mut decoder = GzDecoder::new(Bounded {
        most,
        ..Bounded::default()
    });
    let mut read = 0;
    for piece in pieces {
        let written = decoder.write_all(piece);
        let body = decoder.get_ref();
        read += piece.len();
        if body.is_too_large {
            return Err(too_large(most));
        }
        if written.is_err() || read > body.bytes.len() + MAX_LEAD {
            return Err(not_gzip());
        }
    }
    let rest = decoder.try_finish();
    let body = decoder.get_ref();
    if body.is_too_large {
        return Err(too_large(most));
    }
    rest.map_err(|_| not_gzip())?;
    decoder
        .finish()
        .map(|body| body.bytes)
        .map_err(|_| not_gzip())
}

/// What has been decoded. It takes no more than a body may have, which ends the decoding.
#[derive(Default)]
struct Bounded {
    bytes: Vec<u8>,
    most: usize,
    is_too_large: bool,
}

impl Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> Written<usize> {
        self.is_too_large |= self.bytes.len() + bytes.len() > self.most;
        if self.is_too_large {
            return Err(Error::other("the body is too large"));
        }
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> Written<()> {
        Ok(())
    }
}

fn not_gzip() -> ScimError {
    ScimError::InvalidSyntax(
        "the body is not one member of gzip, as its `Content-Encoding` says; send the body as it is"
            .to_owned(),
    )
}

fn too_large(most: usize) -> ScimError {
    ScimError::PayloadTooLarge(format!(
        "the body is longer than {most} bytes once it is decoded; send less at once"
    ))
}

#[cfg(test)]
mod tests {
    use flate2::Compression;
    use flate2::write::GzEncoder;
    use scim::bulk::MAX_PAYLOAD_SIZE;

    use super::*;

    fn encoded(body: &[u8], level: Compression) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), level);
        encoder.write_all(body).unwrap();
        encoder.finish().unwrap()
    }

    /// Text without repetitions, which compression makes longer.
    fn noise(length: usize) -> Vec<u8> {
        let mut state = 7_u32;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            state.to_be_bytes()[0]
        };
        (0..length).map(|_| next()).collect()
    }

    fn outcome(encoded: &[u8]) -> Result<usize, u16> {
        decoded(encoded, MAX_PAYLOAD_SIZE)
            .map(|body| body.len())
            .map_err(|error| error.status().as_u16())
    }

    #[test]
    fn bodies_of_any_length_and_level_are_decoded_up_to_the_limit() {
        for level in [Compression::none(), Compression::fast()] {
            for length in [0, 1, 33_000, MAX_PAYLOAD_SIZE] {
                for body in [vec![b' '; length], noise(length)] {
                    assert!(
                        decoded(&encoded(&body, level), MAX_PAYLOAD_SIZE) == Ok(body),
                        "{length}"
                    );
                }
            }
            let longer = encoded(&vec![b' '; MAX_PAYLOAD_SIZE + 1], level);
            assert_eq!(outcome(&longer), Err(413));
        }
    }

    #[test]
    fn what_is_no_gzip_or_more_than_one_member_is_refused() {
        let whole = encoded(b"{\"userName\":\"lena\"}", Compression::default());
        let mut doubled = whole.clone();
        doubled.extend_from_slice(&whole);
        let mut trailing = whole.clone();
        trailing.push(b' ');
        let mut wrong_sum = whole.clone();
        let sum = whole.len() - 8;
        wrong_sum[sum] ^= 1;
        for refused in [
            &b""[..],
            b"{}",
            b"\x1f\x8b",
            &doubled,
            &trailing,
            &wrong_sum,
        ] {
            assert_eq!(outcome(refused), Err(400), "{refused:?}");
        }
        for end in 0..whole.len() {
            assert_eq!(outcome(&whole[..end]), Err(400), "{end}");
        }
    }

    /// How many bytes were looked at, and the outcome.
    fn looked_at(encoded: &[u8]) -> (usize, Result<usize, u16>) {
        let mut read = 0;
        let pieces = encoded.chunks(PIECE).inspect(|piece| read += piece.len());
        let outcome = decode(pieces, MAX_PAYLOAD_SIZE);
        let outcome = outcome.map(|body| body.len());
        (read, outcome.map_err(|error| error.status().as_u16()))
    }

    #[test]
    fn a_bomb_is_not_decoded_beyond_the_limit() {
        let bomb = encoded(&vec![0; 64 * MAX_PAYLOAD_SIZE], Compression::best());
        assert!(bomb.len() > 60_000, "{}", bomb.len());
        let (read, outcome) = looked_at(&bomb);
        assert_eq!(outcome, Err(413));
        assert!(read <= 2 * PIECE, "{read}");
    }

    /// A megabyte of blocks without content, each with tables of its own.
    #[test]
    fn empty_blocks_are_not_decoded_to_their_end() {
        let mut bits = Bits::default();
        while bits.bytes.len() < MAX_PAYLOAD_SIZE {
            bits.empty_block();
        }
        let mut body = b"\x1f\x8b\x08\0\0\0\0\0\0\xff".to_vec();
        body.extend_from_slice(&bits.bytes);
        // The blocks are valid: without the bound all of them would be read.
        let mut decoder = flate2::Decompress::new(false);
        let end = decoder.decompress(&bits.bytes, &mut [0; 8], flate2::FlushDecompress::None);
        assert!(end.is_ok() && decoder.total_in() as usize > MAX_PAYLOAD_SIZE - 64);
        let (read, outcome) = looked_at(&body);
        assert_eq!(outcome, Err(400));
        assert!(read <= MAX_LEAD + PIECE, "{read}");
    }

    /// A stream of bits, the lowest of each byte first (RFC 1951 §3.1.1).
    #[derive(Default)]
    struct Bits {
        bytes: Vec<u8>,
        used: u32,
    }

    impl Bits {
        fn push(&mut self, value: u32, count: u32) {
            for bit in 0..count {
                if self.used.is_multiple_of(8) {
                    self.bytes.push(0);
                }
                let last = self.bytes.last_mut().unwrap();
                *last |= u8::try_from(value >> bit & 1).unwrap() << (self.used % 8);
                self.used += 1;
            }
        }

        /// A block with Huffman codes of its own (RFC 1951 §3.2.7) that has only its end.
        fn empty_block(&mut self) {
            self.push(0, 1); // not the last one
            self.push(2, 2); // dynamic codes
            self.push(0, 5); // 257 codes of literals and lengths
            self.push(0, 5); // one code of distances
            self.push(14, 4); // 18 code lengths, in the order 16, 17, 18, 0, ..., 1
            for position in 0..18 {
                // 18 (repeat zero) and 1 have one bit each.
                self.push(u32::from(position == 2 || position == 17), 3);
            }
            // 256 literals without a code: 138 and 118 times zero.
            for zeros in [138, 118] {
                self.push(1, 1);
                self.push(zeros - 11, 7);
            }
            self.push(0, 1); // the end of the block has a code of one bit
            self.push(0, 1); // so has the distance
            self.push(0, 1); // the end of the block
        }
    }
}
