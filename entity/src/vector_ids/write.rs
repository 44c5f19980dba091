//! From ids to the text that Python's `json.dumps(…, ensure_ascii=False)` writes.

use std::fmt::{self, Write};

use uuid::{Uuid, fmt::Simple};

use super::VectorId;

const BETWEEN: &str = ", ";

pub(super) fn write(ids: &[VectorId], out: &mut impl Write) -> fmt::Result {
    out.write_char('[')?;
    let mut between = "";
    for id in ids {
        out.write_str(between)?;
        write_id(id, out)?;
        between = BETWEEN;
    }
    out.write_char(']')
}

fn write_id(id: &VectorId, out: &mut impl Write) -> fmt::Result {
    match id {
        VectorId::Uuid(id) => write_uuid(*id, out),
        VectorId::Number(id) => write!(out, "{id}"),
        // serde_json escapes what Python escapes, and in the same way.
        VectorId::Opaque(id) => {
            out.write_str(&serde_json::to_string(&**id).map_err(|_| fmt::Error)?)
        }
    }
}

fn write_uuid(id: Uuid, out: &mut impl Write) -> fmt::Result {
    let mut digits = [0; Simple::LENGTH];
    out.write_char('"')?;
    out.write_str(id.simple().encode_lower(&mut digits))?;
    out.write_char('"')
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
    let quotes = 2;
    match id {
        VectorId::Uuid(_) => quotes + Simple::LENGTH,
        VectorId::Number(0) => 1,
        VectorId::Number(id) => 1 + id.ilog10() as usize,
        VectorId::Opaque(id) => quotes + id.bytes().map(escaped_len).sum::<usize>(),
    }
}

fn escaped_len(byte: u8) -> usize {
    match byte {
        b'"' | b'\\' | 0x08 | b'\t' | b'\n' | 0x0c | b'\r' => 2,
        0..0x20 => 6,
        _ => 1,
    }
}
