//! Lists of UUIDs as blocks of equal length, as nearly every list is written.
//!
//! A block is an opening quote, the UUID, a closing quote, a comma and a space. The loops over its bytes have neither a
//! branch nor an early exit, which is what lets the compiler turn them into vector instructions; whether everything was
//! as expected is asked once for a group of blocks. A `match` or an `?` inside of them costs a factor of three and more.

use uuid::Uuid;

use super::VectorId;

/// The length of a block with 32 digits.
pub(super) const BLOCK: usize = 36;

/// The length of a block with 32 digits and four hyphens.
const HYPHENATED: usize = BLOCK + 4;

/// The blocks that are decoded before it is asked whether they were blocks, or encoded before they are written.
pub(super) const GROUP: usize = 64;

const DIGITS: usize = 32;
const BYTES: usize = DIGITS / 2;

/// Decodes the blocks at the beginning of `text` into `ids`, with or without hyphens as the first one. Returns how many
/// bytes they take. Decoding stops at the first group that holds anything else, and takes nothing of that group.
pub(super) fn decode(text: &[u8], ids: &mut Vec<VectorId>) -> usize {
    match text.get(BLOCK - 3) {
        Some(b'"') => decode_all(text, ids, plain),
        _ => decode_all(text, ids, hyphenated),
    }
}

fn decode_all<const LENGTH: usize>(
    text: &[u8],
    ids: &mut Vec<VectorId>,
    decode_block: impl Fn(&[u8; LENGTH]) -> ([u8; BYTES], bool),
) -> usize {
    let (blocks, _) = text.as_chunks::<LENGTH>();
    let mut decoded = 0;
    for group in blocks.chunks(GROUP) {
        let known = ids.len();
        let mut are_blocks = true;
        ids.extend(group.iter().map(|block| {
            let (id, is_block) = decode_block(block);
            are_blocks &= is_block;
            VectorId::Uuid(Uuid::from_bytes(id))
        }));
        if !are_blocks {
            ids.truncate(known);
            break;
        }
        decoded += group.len() * LENGTH;
    }
    decoded
}

#[inline(always)]
fn plain(block: &[u8; BLOCK]) -> ([u8; BYTES], bool) {
    let [opening, digits @ .., closing, comma, space] = block;
    let (id, are_digits) = decode_digits(digits);
    let is_framed = (*opening == b'"') & (*closing == b'"') & (*comma == b',') & (*space == b' ');
    (id, are_digits & is_framed)
}

#[inline(always)]
fn hyphenated(block: &[u8; HYPHENATED]) -> ([u8; BYTES], bool) {
    const HYPHENS: [usize; 4] = [9, 14, 19, 24];
    let mut digits = [0; DIGITS];
    digits[..8].copy_from_slice(&block[1..9]);
    digits[8..12].copy_from_slice(&block[10..14]);
    digits[12..16].copy_from_slice(&block[15..19]);
    digits[16..20].copy_from_slice(&block[20..24]);
    digits[20..].copy_from_slice(&block[25..37]);
    let (id, are_digits) = decode_digits(&digits);
    let [opening, .., closing, comma, space] = block;
    let mut is_framed =
        (*opening == b'"') & (*closing == b'"') & (*comma == b',') & (*space == b' ');
    for at in HYPHENS {
        is_framed &= block[at] == b'-';
    }
    (id, are_digits & is_framed)
}

/// Also returns whether all of them are hexadecimal digits, in either case.
#[inline(always)]
fn decode_digits(digits: &[u8; DIGITS]) -> ([u8; BYTES], bool) {
    let mut values = [0; DIGITS];
    let mut others = [0; DIGITS];
    for ((digit, value), other) in digits.iter().zip(&mut values).zip(&mut others) {
        let number = digit.wrapping_sub(b'0');
        let letter = (digit | 0x20).wrapping_sub(b'a');
        let is_number = mask(number < 10);
        let is_letter = mask(letter < 6);
        *value = number & is_number | letter.wrapping_add(10) & is_letter;
        *other = !(is_number | is_letter);
    }
    let mut id = [0; BYTES];
    for (byte, [high, low]) in id.iter_mut().zip(values.as_chunks().0) {
        *byte = high << 4 | low;
    }
    (id, others.iter().fold(0, |any, other| any | other) == 0)
}

/// Returns the block of a UUID, without hyphens and in lower case.
#[inline(always)]
pub(super) fn encode(id: Uuid) -> [u8; BLOCK] {
    let mut block = [b'"'; BLOCK];
    let [_, digits @ .., _, comma, space] = &mut block;
    for (pair, byte) in digits.as_chunks_mut().0.iter_mut().zip(id.as_bytes()) {
        *pair = [byte >> 4, byte & 0xf];
    }
    for digit in digits {
        let to_letter = (b'a' - b'0' - 10) & mask(*digit > 9);
        *digit += b'0' + to_letter;
    }
    (*comma, *space) = (b',', b' ');
    block
}

const fn mask(is_set: bool) -> u8 {
    if is_set { u8::MAX } else { 0 }
}
