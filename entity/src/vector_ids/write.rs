//! From ids to the text that Python's `json.dumps(…, ensure_ascii=False)` writes.

use std::fmt::{self, Write};

use uuid::fmt::Simple;

use super::{
    VectorId,
    blocks::{self, BLOCK, GROUP},
};

const BETWEEN: &str = ", ";

const QUOTES: usize = 2;

pub(super) fn write(ids: &[VectorId], out: &mut impl Write) -> fmt::Result {
    let Some((last, others)) = ids.split_last() else {
        return out.write_str("[]");
    };
    out.write_char('[')?;
    let mut blocks = [[0; BLOCK]; GROUP];
    for group in others.chunks(GROUP) {
        write_group(group, &mut blocks, out)?;
    }
    write_id(last, out)?;
    out.write_char(']')
}

/// What stands before the first id that is no UUID goes through `blocks`, in one piece.
fn write_group(
    group: &[VectorId],
    blocks: &mut [[u8; BLOCK]; GROUP],
    out: &mut impl Write,
) -> fmt::Result {
    let mut uuids = 0;
    for (block, id) in blocks
        .iter_mut()
        .zip(group.iter().map_while(VectorId::as_uuid))
    {
        *block = blocks::encode(id);
        uuids += 1;
    }
    let (blocks, rest) = (&blocks[..uuids], &group[uuids..]);
    out.write_str(str::from_utf8(blocks.as_flattened()).map_err(|_| fmt::Error)?)?;
    for id in rest {
        write_id(id, out)?;
        out.write_str(BETWEEN)?;
    }
    Ok(())
}

fn write_id(id: &VectorId, out: &mut impl Write) -> fmt::Result {
    match id {
        VectorId::Uuid(id) => write!(out, "\"{}\"", id.simple()),
        VectorId::Number(id) => write!(out, "{id}"),
        // serde_json escapes what Python escapes, and in the same way.
        VectorId::Opaque(id) => {
            out.write_str(&serde_json::to_string(&**id).map_err(|_| fmt::Error)?)
        }
    }
}

/// In bytes, exactly.
pub(super) fn written_len(ids: &[VectorId]) -> usize {
    let brackets = 2;
    let between = BETWEEN.len() * ids.len().saturating_sub(1);
    brackets + between + ids.iter().map(len).sum::<usize>()
}

/// With what stands around it.
pub(super) fn len_in_list(id: &VectorId) -> usize {
    BETWEEN.len() + len(id)
}

fn len(id: &VectorId) -> usize {
    match id {
        VectorId::Uuid(_) => QUOTES + Simple::LENGTH,
        VectorId::Number(id) => number_len(*id),
        VectorId::Opaque(id) => opaque_len(id),
    }
}

/// A call, so that the loop over UUIDs is an addition each.
#[inline(never)]
fn number_len(id: u64) -> usize {
    1 + id.checked_ilog10().unwrap_or_default() as usize
}

#[inline(never)]
fn opaque_len(id: &str) -> usize {
    QUOTES + id.bytes().map(escaped_len).sum::<usize>()
}

fn escaped_len(byte: u8) -> usize {
    match byte {
        b'"' | b'\\' | 0x08 | b'\t' | b'\n' | 0x0c | b'\r' => 2,
        0..0x20 => 6,
        _ => 1,
    }
}
