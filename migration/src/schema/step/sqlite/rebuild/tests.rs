use super::{
    super::{
        definition::Definition,
        token::{Kind, tokens},
    },
    Rewritten,
};

#[test]
fn a_statement_without_changes_is_the_same_text() {
    let sql = "CREATE TABLE vectors (id INTEGER, flags INT DEFAULT 0x10 CHECK (flags <= 0xFF), x BLOB DEFAULT x'0f') STRICT";
    let definition = Definition::parse(sql).unwrap();

    assert_eq!(Rewritten::new(sql, &definition).text(), sql);
}

#[test]
fn numbers_blobs_texts_and_names_are_told_apart() {
    let kinds = tokens("0x10 X'10' 1e-3 .5 'it''s' \"a\"\"b\" [c d] `e` f -- g\n/* h */ -");
    let kinds: Vec<Kind> = kinds.into_iter().map(|token| token.kind).collect();

    let quoted = |name: &str| Kind::Quoted(name.to_owned());
    assert_eq!(
        kinds,
        [
            Kind::Number,
            Kind::Blob,
            Kind::Number,
            Kind::Number,
            Kind::Text("it's".to_owned()),
            quoted("a\"b"),
            quoted("c d"),
            quoted("e"),
            Kind::Word("f".to_owned()),
            Kind::Sign('-'),
        ]
    );
}

#[test]
fn what_is_cut_short_is_read_to_its_end_and_not_understood() {
    for sql in [
        "",
        "CREATE TABLE",
        "CREATE TABLE vectors (id INTEGER",
        "CREATE TABLE vectors (id INTEGER, 'it''s",
        "CREATE TABLE vectors (id INTEGER /* never",
        "CREATE TABLE vectors (id INTEGER, [never",
        "CREATE TABLE vectors (id INTEGER) WITHOUT",
        "CREATE TABLE vectors (id INTEGER DEFAULT x'",
        "CREATE TABLE vectors (id INTEGER WHATEVER IS 1)",
        "CREATE TABLE vectors AS SELECT 1",
    ] {
        assert!(Definition::parse(sql).is_none(), "{sql}");
    }
}
