use proptest::prelude::*;
use serde_json::Value;
use uuid::Uuid;

use super::{ParseVectorIdsError, VectorId, VectorIds};

const UUID: u128 = 0x0f8f_ad5b_d9cb_469f_a165_7086_7728_950e;

fn read(text: &str) -> Result<VectorIds, ParseVectorIdsError> {
    text.parse()
}

fn uuid() -> VectorId {
    Uuid::from_u128(UUID).into()
}

#[test]
fn a_uuid_is_read_with_and_without_hyphens_and_in_either_case() {
    for text in [
        "0f8fad5bd9cb469fa16570867728950e",
        "0F8FAD5BD9CB469FA16570867728950E",
        "0f8fad5b-d9cb-469f-a165-70867728950e",
        "0F8FAD5B-d9cb-469f-a165-70867728950e",
        "\\u0030f8fad5bd9cb469fa16570867728950e",
    ] {
        let ids = read(&format!("[\"{text}\"]")).unwrap();
        assert_eq!(*ids, [uuid()], "{text}");
        assert_eq!(ids.to_string(), r#"["0f8fad5bd9cb469fa16570867728950e"]"#);
    }
}

#[test]
fn what_is_no_uuid_stays_as_it_is_written() {
    for text in [
        "",
        "7",
        "0f8fad5bd9cb469fa16570867728950",
        "0f8fad5bd9cb469fa16570867728950e0",
        "0f8fad5bd9cb469fa16570867728950g",
        "0f8fad5bd9cb-469f-a165-70867728950e",
        "0f8fad5-bd9cb-469f-a165-70867728950e",
        "0x8fad5bd9cb469fa16570867728950e",
        "{0f8fad5b-d9cb-469f-a165-70867728950e}",
        "urn:uuid:0f8fad5b-d9cb-469f-a165-70867728950e",
        "Seite 7, Zeile 3 – 東京 🦀",
    ] {
        let ids = read(&format!("[\"{text}\"]")).unwrap();
        assert!(
            matches!(&ids[0], VectorId::Opaque(id) if **id == *text),
            "{text}"
        );
        assert_eq!(ids.to_string(), format!("[\"{text}\"]"));
    }
}

#[test]
fn numbers_are_read_up_to_the_largest_of_64_bits() {
    let ids = read("[0, 7, 18446744073709551615]").unwrap();
    assert_eq!(*ids, [0.into(), 7.into(), u64::MAX.into()]);
    assert_eq!(ids.to_string(), "[0, 7, 18446744073709551615]");
}

#[test]
fn spaces_and_escapes_are_read_as_json_allows() {
    let ids = read(" \t\r\n[ \"a\\/\\\"\\\\\\b\\f\\n\\r\\t\\ud83e\\udd80\" ,\n7\t] \n").unwrap();
    assert_eq!(*ids, ["a/\"\\\u{8}\u{c}\n\r\t🦀".into(), 7.into()]);
    assert_eq!(ids.to_string(), "[\"a/\\\"\\\\\\b\\f\\n\\r\\t🦀\", 7]");
}

#[test]
fn an_empty_array_has_no_ids() {
    for text in ["[]", " [ ] "] {
        assert!(read(text).unwrap().is_empty(), "{text}");
    }
    assert_eq!(VectorIds::default().to_string(), "[]");
}

#[test]
fn ids_with_commas_between_are_read() {
    let ids = read(" 0f8fad5b-d9cb-469f-a165-70867728950e, 7 ,007,chunk-1\n").unwrap();
    assert_eq!(*ids, [uuid(), 7.into(), "007".into(), "chunk-1".into()]);
    let one = read("0f8fad5bd9cb469fa16570867728950e").unwrap();
    assert_eq!(*one, [uuid()]);
}

#[test]
fn a_damaged_text_is_an_error_that_says_where() {
    for (text, at) in [
        ("", 0),
        ("  ", 0),
        ("[", 1),
        ("[,", 1),
        ("[\"a\"", 4),
        ("[\"a\",", 5),
        ("[\"a\",]", 5),
        ("[\"a\" \"b\"]", 5),
        ("[\"a\"]]", 5),
        ("[\"a\"] x", 6),
        ("[\"a]", 1),
        ("[\"a\\\"]", 1),
        ("[\"a\\x\"]", 1),
        ("[\"\\ud83e\"]", 1),
        ("[\"a\nb\"]", 1),
        ("[null]", 1),
        ("[true]", 1),
        ("[-1]", 1),
        ("[-0]", 1),
        ("[01]", 1),
        ("[1.0]", 1),
        ("[1e3]", 1),
        ("[7a]", 1),
        ("[18446744073709551616]", 1),
        ("[[\"a\"]]", 1),
        ("[{\"a\": 1}]", 1),
        ("['a']", 1),
        ("{\"a\": 1}", 0),
        ("\"a\"", 0),
        ("null", 0),
        ("a,,b", 2),
        ("a,b,", 4),
        (",a", 0),
        ("a, b c", 4),
        ("\"a\", \"b\"]", 0),
        ("a, b\"]", 4),
        ("a, null", 3),
        ("a\u{0}", 1),
    ] {
        let error = read(text).unwrap_err();
        assert_eq!(error.at(), at, "{text:?}: {error}");
    }
}

#[test]
fn an_error_shows_what_was_found_and_not_megabytes() {
    let error = read("[\"a\", x]").unwrap_err().to_string();
    assert_eq!(
        error,
        "vectors.vector_ids: expected a vector id: a JSON string or an unsigned 64-bit number at byte 6, found \"x]\""
    );
    let long = format!("[\"a\" {}", "é".repeat(1_000_000));
    assert!(read(&long).unwrap_err().to_string().len() < 200);
    let end = read("[\"a\"").unwrap_err().to_string();
    assert!(end.ends_with("at byte 4, found the end"), "{end}");
}

#[test]
fn ids_go_through_serde_as_strings_and_numbers() {
    let ids = VectorIds::from_iter([uuid(), 7.into(), "chunk".into()]);
    let json = serde_json::to_string(&ids).unwrap();
    assert_eq!(json, r#"["0f8fad5bd9cb469fa16570867728950e",7,"chunk"]"#);
    assert_eq!(serde_json::from_str::<VectorIds>(&json).unwrap(), ids);
    assert!(serde_json::from_str::<VectorIds>("[-1]").is_err());
}

#[test]
fn an_id_becomes_a_uuid_or_a_number_where_it_is_one() {
    assert_eq!(Uuid::try_from(uuid()), Ok(Uuid::from_u128(UUID)));
    assert_eq!(u64::try_from(VectorId::from(7)), Ok(7));
    assert_eq!(u64::try_from(uuid()), Err(uuid()));
    assert_eq!(Uuid::try_from(VectorId::from("a")), Err("a".into()));
}

#[cfg(feature = "qdrant")]
#[test]
fn an_id_goes_to_qdrant_and_comes_back() {
    use qdrant_client::qdrant::PointId;
    for id in [uuid(), 7.into()] {
        let point = PointId::try_from(id.clone()).unwrap();
        assert_eq!(VectorId::try_from(point), Ok(id));
    }
    assert_eq!(
        PointId::try_from(VectorId::from("chunk")),
        Err("chunk".into())
    );
}

fn any_id() -> impl Strategy<Value = VectorId> {
    prop_oneof![
        any::<u128>().prop_map(|id| Uuid::from_u128(id).into()),
        any::<u64>().prop_map(VectorId::from),
        any::<String>().prop_map(VectorId::from),
    ]
}

/// What serde_json takes for an array of strings and unsigned numbers.
fn is_array_of_ids(text: &str) -> bool {
    let is_id = |value: &Value| value.is_string() || value.is_u64();
    serde_json::from_str::<Vec<Value>>(text).is_ok_and(|values| values.iter().all(is_id))
}

proptest! {
    #[test]
    fn what_is_written_is_read_again(ids in prop::collection::vec(any_id(), 0..20)) {
        let ids = VectorIds::from(ids);
        let text = ids.to_string();
        prop_assert_eq!(text.len(), ids.written_len());
        prop_assert_eq!(ids.to_json(), text.clone());
        prop_assert_eq!(read(&text).unwrap(), ids);
    }

    #[test]
    fn what_is_read_is_written_and_read_again(text in any::<String>()) {
        if let Ok(ids) = read(&text) {
            prop_assert_eq!(read(&ids.to_string()).unwrap(), ids);
        }
    }

    #[test]
    fn an_array_is_read_where_serde_json_reads_one(
        text in r#"\[(("[a0\\u"/ -]{0,6}"|[0-9.eE+-]{1,5}|null|\{\}|\[\]| )[ ,]{0,2}){0,6}\]?"#
    ) {
        prop_assert_eq!(read(&text).is_ok(), is_array_of_ids(&text), "{}", text);
    }
}
