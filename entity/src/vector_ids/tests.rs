use std::borrow::Cow;

use proptest::prelude::*;
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
fn ids_go_through_a_format_that_does_not_describe_itself() {
    let ids = VectorIds::from([uuid(), 7.into(), "chunk 1".into()]);

    let bytes = bincode::serialize(&ids).unwrap();

    assert_eq!(bincode::deserialize::<VectorIds>(&bytes).unwrap(), ids);
}

#[test]
fn a_list_is_made_of_and_compared_with_what_a_service_has() {
    let texts = ["a".to_owned(), "b".to_owned()];
    let mut ids = VectorIds::from(["a", "b"]);
    assert_eq!(texts.iter().collect::<VectorIds>(), ids);
    assert_eq!(texts.map(Cow::from).into_iter().collect::<VectorIds>(), ids);
    assert_eq!(ids.iter().collect::<VectorIds>(), ids);
    assert_eq!(ids, [VectorId::from("a"), "b".into()]);
    assert_eq!(ids, ids.to_vec()[..]);
    assert_eq!(ids, vec![VectorId::from("a"), "b".into()]);

    ids.extend([Uuid::from_u128(UUID)]);
    ids.push("a");
    ids.dedup();
    assert_eq!(ids.len(), 3);
    assert_eq!(ids.uuids().collect::<Vec<_>>(), [Uuid::from_u128(UUID)]);
    ids.retain(|id| id.as_uuid().is_none());
    assert_eq!(ids, VectorIds::from(["a", "b"]));
    ids.clear();
    assert_eq!(ids, VectorIds::new());
}

#[test]
fn an_id_becomes_a_uuid_or_a_number_where_it_is_one() {
    assert_eq!(Uuid::try_from(uuid()), Ok(Uuid::from_u128(UUID)));
    assert_eq!(u64::try_from(VectorId::from(7)), Ok(7));
    assert_eq!(u64::try_from(uuid()), Err(uuid()));
    assert_eq!(Uuid::try_from(VectorId::from("a")), Err("a".into()));
}

#[test]
fn an_id_takes_24_bytes() {
    assert_eq!(size_of::<VectorId>(), 24);
}

#[test]
fn the_column_is_text_and_keeps_what_is_written() {
    use sea_orm::sea_query::{ColumnType, Nullable, ValueType};
    let ids = VectorIds::from_iter([uuid(), 7.into(), "a\"b".into()]);
    let value = sea_orm::Value::from(ids.clone());
    assert_eq!(value, sea_orm::Value::from(ids.to_string()));
    assert_eq!(<VectorIds as ValueType>::try_from(value).unwrap(), ids);
    assert_eq!(VectorIds::column_type(), ColumnType::Text);
    assert_eq!(VectorIds::null(), sea_orm::Value::String(None));
}

/// Python escapes the control characters, `"` and `\`, and no others of these.
#[test]
fn characters_are_escaped_as_json_dumps_escapes_them() {
    for (character, written) in [
        ('\0', "\\u0000"),
        ('\u{8}', "\\b"),
        ('\u{b}', "\\u000b"),
        ('\u{1f}', "\\u001f"),
        ('"', "\\\""),
        ('\\', "\\\\"),
        ('/', "/"),
        ('\u{7f}', "\u{7f}"),
        ('\u{2028}', "\u{2028}"),
        ('é', "é"),
    ] {
        let ids = VectorIds::from_iter([character.to_string()]);
        assert_eq!(ids.to_string(), format!("[\"{written}\"]"));
    }
}

#[cfg(feature = "qdrant")]
#[test]
fn each_form_in_which_qdrant_reads_a_uuid_is_the_uuid() {
    use qdrant_client::qdrant::PointId;
    for text in [
        "0F8FAD5BD9CB469FA16570867728950E",
        "urn:uuid:0f8fad5b-d9cb-469f-a165-70867728950e",
    ] {
        let id = VectorId::try_from(PointId::from(text));
        assert_eq!(id, Ok(uuid()), "{text}");
    }
    let none = [PointId::default(), PointId::from("chunk")];
    for point in none {
        assert_eq!(VectorId::try_from(point.clone()), Err(point));
    }
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

/// Long enough for several groups of blocks, most of which contain only UUIDs.
fn long_list() -> impl Strategy<Value = Vec<VectorId>> {
    let id = prop_oneof![
        60 => any::<u128>().prop_map(|id| Uuid::from_u128(id).into()),
        1 => any_id(),
    ];
    prop::collection::vec(id, 0..200)
}

proptest! {
    #[test]
    fn a_long_list_is_written_as_its_ids_are(ids in long_list()) {
        let text = VectorIds::from(ids.clone()).to_string();
        let each = ids.iter().map(|id| {
            let alone = VectorIds::from([id]).to_string();
            alone[1..alone.len() - 1].to_owned()
        });
        prop_assert_eq!(&text, &format!("[{}]", each.collect::<Vec<_>>().join(", ")));
        prop_assert_eq!(text.len(), VectorIds::from(ids.clone()).written_len());
        prop_assert_eq!(read(&text).unwrap(), VectorIds::from(ids));
    }

    #[test]
    fn what_is_written_is_read_again(ids in prop::collection::vec(any_id(), 0..20)) {
        let ids = VectorIds::from(ids);
        let text = ids.to_string();
        prop_assert_eq!(text.len(), ids.written_len());
        prop_assert_eq!(ids.to_json(), text.clone());
        prop_assert_eq!(read(&text).unwrap(), ids);
    }
}
