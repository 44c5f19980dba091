//! Runs the fuzz target's check without a fuzzer. `PROPTEST_CASES` sets the number of texts, and `PROPTEST_RNG_SEED`
//! repeats a run.

#[path = "../fuzz/check.rs"]
mod check;

use check::check;
use entity::{VectorId, VectorIds};
use proptest::{collection::vec, prelude::*, sample::Index};

/// Texts that damage a list, or may seem to, when they are inserted into it.
const PIECES: [&str; 26] = [
    "", "[", "]", ",", "\"", "\\", "'", "{", "}", " ", "\n", "\0", "\u{a0}", "0", "7", "-", ".",
    "e3", "f", "G", "\\n", "\\u00e9", "\\ud83e", "\\udd80", "null", "é🦀",
];

fn id() -> impl Strategy<Value = String> {
    prop_oneof![
        "[0-9a-fA-F]{32}",
        "[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}",
        any::<u64>().prop_map(|id| id.to_string()),
        "[0-9]{1,21}",
        any::<String>(),
    ]
}

fn written() -> impl Strategy<Value = String> {
    let array = vec(id(), 0..8).prop_map(|ids| VectorIds::from_iter(ids).to_string());
    let numbers = vec(any::<u64>(), 0..8)
        .prop_map(|ids| VectorIds::from_iter(ids.into_iter().map(VectorId::from)).to_string());
    let commas = vec(id(), 0..8).prop_map(|ids| ids.join(","));
    prop_oneof![array, numbers, commas]
}

/// Returns lists that are long enough to be decoded in several groups of blocks of one layout.
fn long() -> impl Strategy<Value = String> {
    const GROUPS: usize = 64 * 3;
    let plain = vec("[0-9a-fA-F]{32}", 0..GROUPS);
    let hyphenated = vec(
        "[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}",
        0..GROUPS,
    );
    prop_oneof![plain, hyphenated].prop_map(|ids| format!("[\"{}\"]", ids.join("\", \"")))
}

/// Returns lists in which a few characters are replaced, removed or added.
fn damaged(list: impl Strategy<Value = String>) -> impl Strategy<Value = String> {
    let edits = vec((any::<Index>(), 0..3_usize, any::<Index>()), 0..4);
    (list, edits).prop_map(|(text, edits)| {
        let mut text: Vec<char> = text.chars().collect();
        for (at, removed, piece) in edits {
            let at = at.index(text.len() + 1);
            let end = text.len().min(at + removed);
            text.splice(at..end, piece.get(&PIECES).chars());
        }
        text.into_iter().collect()
    })
}

/// Returns short arrays that consist of pieces alone, which covers nearly every way in which such an array can be wrong.
fn assembled() -> impl Strategy<Value = String> {
    let piece = any::<Index>().prop_map(|piece| *piece.get(&PIECES));
    vec(piece, 0..8).prop_map(|pieces| format!("[{}", pieces.concat()))
}

/// Replaces each byte of blocks that are decoded in a group with other blocks.
#[test]
fn a_list_with_any_byte_replaced_fails_or_is_read_as_it_is_written() {
    const IDS: usize = 70;
    const OTHERS: &[u8] = b"\"',-[ 09/:afgAFG@`{\\\x7f\n";
    let digits = "0f8fad5bd9cb469fa16570867728950e";
    let hyphenated = "0f8fad5b-d9cb-469f-a165-70867728950e";
    for id in [digits, hyphenated] {
        let text = format!("[\"{}\"]", [id; IDS].join("\", \""));
        let block = id.len() + 4;
        for first in [1, 1 + 63 * block, text.len() - 2 * block] {
            for at in first..first + block {
                for other in OTHERS {
                    let mut text = text.clone().into_bytes();
                    text[at] = *other;
                    check(&String::from_utf8(text).expect("ASCII"));
                }
            }
        }
    }
}

proptest! {
    // A failure prints the smallest text that fails, so no file of failures is needed.
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_fails_or_is_read_as_it_is_written(
        text in prop_oneof![4 => damaged(written()), 2 => damaged(long()), 2 => assembled(), 1 => any::<String>()]
    ) {
        check(&text);
    }
}
