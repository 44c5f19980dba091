//! From the bytes of a value to its ids.

use super::{Fault, rows::VECTOR_IDS};
use crate::VectorIds;

/// The ids of a value, and how they are written.
pub(super) struct Decoded {
    pub(super) ids: VectorIds,
    pub(super) is_comma_separated: bool,
}

pub(super) fn decode(text: &[u8]) -> Result<Decoded, Fault> {
    let text = std::str::from_utf8(text).map_err(|error| not_utf8(text, error.valid_up_to()))?;
    let ids: VectorIds = text.parse()?;
    Ok(Decoded {
        ids,
        is_comma_separated: !text.trim_ascii_start().starts_with('['),
    })
}

fn not_utf8(text: &[u8], at: usize) -> Fault {
    let found = text
        .get(at)
        .map_or("the end".to_owned(), |byte| format!("the byte {byte:#04x}"));
    Fault {
        column: VECTOR_IDS,
        at,
        expected: "UTF-8",
        found,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(text: &[u8]) -> (usize, &'static str, String) {
        let fault = decode(text).err().expect("a fault");
        (fault.at, fault.expected, fault.found)
    }

    #[test]
    fn what_is_not_utf8_is_a_fault_with_its_position() {
        let cut = "[\"Ä".as_bytes();
        assert_eq!(fault(&cut[..3]), (2, "UTF-8", "the byte 0xc3".to_owned()));
        assert_eq!(fault(b"\xff"), (0, "UTF-8", "the byte 0xff".to_owned()));
    }

    #[test]
    fn what_is_no_list_is_a_fault_with_its_position() {
        assert_eq!(fault(b"[1").0, 2);
        assert_eq!(fault(b"null").0, 0);
        assert_eq!(fault(b"").2, "the end");
    }

    #[test]
    fn the_form_of_a_list_is_known() {
        let is_comma_separated = |text: &str| {
            decode(text.as_bytes())
                .ok()
                .map(|one| one.is_comma_separated)
        };
        assert_eq!(is_comma_separated(" [1]"), Some(false));
        assert_eq!(is_comma_separated("[]"), Some(false));
        assert_eq!(is_comma_separated(" 1, 2"), Some(true));
    }
}
