use super::{
    super::{
        definition::Definition,
        token::{Kind, tokens},
    },
    Rewritten, copy_rows, integer_key, keep_sequence, renamed, require_unreferred,
};
use crate::{
    diff::Difference,
    facts::Keys,
    model::{Attributes, Column, Filled, ForeignKey, Kind as TableKind, Table},
    plan::sqlite::compare::{self, Pairs},
    types::Type,
};

fn column(name: &str, printed: &str) -> Column {
    Column {
        name: name.to_owned(),
        printed: printed.to_owned(),
        kind: Type::INTEGER,
        nullable: false,
        default: None,
        filled: Filled::ByDefault,
        attributes: Attributes::default(),
    }
}

fn foreign_key(column: &str, parent: &str, on_delete: &str) -> ForeignKey {
    ForeignKey {
        name: Some(format!("{column}_fkey")),
        columns: vec![column.to_owned()],
        table: parent.to_owned(),
        references: vec!["id".to_owned()],
        on_delete: on_delete.to_owned(),
        on_update: "NO ACTION".to_owned(),
        timing: String::new(),
        comment: None,
        validated: None,
        enforced: true,
    }
}

fn primary_key(columns: &[&str]) -> Difference {
    Difference::PrimaryKey {
        columns: columns.iter().map(|&one| one.to_owned()).collect(),
        numbered: None,
        found: Vec::new(),
        keys: Keys::default(),
    }
}

fn nullable(name: &str) -> Difference {
    Difference::Nullable {
        declared: column(name, "integer"),
        found: column(name, "integer"),
        nulls: 0,
    }
}

fn rewritten(sql: &str, differences: &[Difference]) -> String {
    let definition = Definition::parse(sql).unwrap();
    let mut statement = Rewritten::new(sql, &definition);
    for difference in differences {
        statement.fix(difference).unwrap();
    }
    statement.text()
}

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

#[test]
fn every_new_constraint_stands_behind_the_last_column() {
    let absent = |declared| Difference::ForeignKeyAbsent { declared };

    let text = rewritten(
        "CREATE TABLE tags (note INTEGER, tag INTEGER)",
        &[
            primary_key(&["note", "tag"]),
            absent(foreign_key("note", "notes", "CASCADE")),
            absent(foreign_key("tag", "the \"tags\"", "NO ACTION")),
            nullable("tag"),
        ],
    );

    assert_eq!(
        text,
        "CREATE TABLE tags (note INTEGER, tag INTEGER NOT NULL, PRIMARY KEY (\"note\", \"tag\"), \
         CONSTRAINT \"note_fkey\" FOREIGN KEY (\"note\") REFERENCES \"notes\" (\"id\") ON DELETE CASCADE, \
         CONSTRAINT \"tag_fkey\" FOREIGN KEY (\"tag\") REFERENCES \"the \"\"tags\"\"\" (\"id\") ON DELETE NO ACTION)"
    );
}

#[test]
fn only_the_keys_that_are_meant_get_the_declared_action_and_each_once() {
    let found = foreign_key("note", "notes", "NO ACTION");
    let unlike = Difference::ForeignKeyUnlike {
        declared: foreign_key("note", "notes", "SET NULL"),
        found,
    };

    let text = rewritten(
        "CREATE TABLE tags (note INT REFERENCES Notes, tag INT REFERENCES notes, \
         FOREIGN KEY (NOTE) REFERENCES notes (id) ON DELETE RESTRICT, FOREIGN KEY (note) REFERENCES others)",
        &[unlike.clone(), unlike],
    );

    assert_eq!(
        text,
        "CREATE TABLE tags (note INT REFERENCES Notes ON DELETE SET NULL, tag INT REFERENCES notes, \
         FOREIGN KEY (NOTE) REFERENCES notes (id) ON DELETE SET NULL, FOREIGN KEY (note) REFERENCES others)"
    );
}

#[test]
fn a_new_key_of_one_integer_is_what_sqlite_numbers_rows_by() {
    let found = Table {
        columns: vec![column("id", "INTEGER"), column("short", "INT")],
        ..Table::new("notes", TableKind::Table)
    };
    let number = |columns: &[&str]| {
        let change = primary_key(columns).of("notes");
        integer_key(&found, &[&change]).map(str::to_owned)
    };

    assert_eq!(number(&["id"]).as_deref(), Some("id"));
    assert_eq!(number(&["short"]), None);
    assert_eq!(number(&["id", "short"]), None);
}

#[test]
fn a_table_to_which_a_key_of_another_refers_is_not_rebuilt() {
    let mut found = Table::new("notes", TableKind::Table);
    found.extras.kept.push("foreign key of Notes".to_owned());
    assert!(require_unreferred(&found, &[]).is_ok());

    found.extras.kept.push("foreign key of tags".to_owned());

    assert!(require_unreferred(&found, &[]).is_err());
    assert!(require_unreferred(&found, &["Tags".to_owned()]).is_ok());
}

#[test]
fn keys_to_their_own_table_get_its_name_while_it_is_filled() {
    let sql = "CREATE TABLE notes (id INTEGER, above INT REFERENCES \"Notes\"(id), below INT)";
    let definition = Definition::parse(sql).unwrap();
    let mut statement = Rewritten::new(sql, &definition);

    statement.rename("notes", "notes_rebuilt");
    let declared = foreign_key("below", "notes", "CASCADE");
    statement
        .fix(&Difference::ForeignKeyAbsent { declared })
        .unwrap();

    assert!(statement.refers_to_itself);
    let rebuilt = statement.text();
    assert_eq!(
        rebuilt,
        "CREATE TABLE \"notes_rebuilt\" (id INTEGER, above INT REFERENCES \"notes_rebuilt\"(id), below INT, \
         CONSTRAINT \"below_fkey\" FOREIGN KEY (\"below\") REFERENCES \"notes_rebuilt\" (\"id\") ON DELETE CASCADE)"
    );
    assert_eq!(
        renamed(&rebuilt, "notes").unwrap(),
        rebuilt.replace("notes_rebuilt", "notes")
    );
}

#[test]
fn a_comma_goes_with_all_constraints_behind_it() {
    let keys = "FOREIGN KEY (a) REFERENCES x(id) FOREIGN KEY (b) REFERENCES y(id)";
    let cases = [
        (
            vec!["a", "b"],
            "CREATE TABLE t (a INT, b INT , CHECK (a > 0))",
        ),
        (
            vec!["a"],
            "CREATE TABLE t (a INT, b INT,  FOREIGN KEY (b) REFERENCES y(id), CHECK (a > 0))",
        ),
        (
            vec!["b"],
            "CREATE TABLE t (a INT, b INT, FOREIGN KEY (a) REFERENCES x(id) , CHECK (a > 0))",
        ),
    ];
    for (dropped, left) in cases {
        let sql = format!("CREATE TABLE t (a INT, b INT, {keys}, CHECK (a > 0))");
        let definition = Definition::parse(&sql).unwrap();
        let mut statement = Rewritten::new(&sql, &definition);
        for column in &dropped {
            let parent = if *column == "a" { "x" } else { "y" };
            statement
                .drop_key(&foreign_key(column, parent, "CASCADE"))
                .unwrap();
        }

        assert_eq!(statement.text(), left, "{dropped:?}");
    }
}

#[test]
fn every_name_is_quoted_and_every_text() {
    let table = Table {
        columns: vec![column("the \"id\"", "INTEGER")],
        primary_key: vec!["the \"id\"".to_owned()],
        ..Table::new("it's \"so\"", TableKind::Table)
    };
    let pairs = [
        Pairs::Rowid("rowid"),
        Pairs::Numbered {
            column: "the \"id\"",
            rowid: "rowid",
        },
        Pairs::PrimaryKey,
        Pairs::Key("the \"id\""),
    ];

    let mut statements = keep_sequence(&table.name, "new").to_vec();
    for pairs in &pairs {
        statements.push(copy_rows(&table, "new", pairs));
        statements.extend(compare::queries(&table, "new", pairs));
    }

    for sql in statements {
        let unquoted = sql
            .replace("\"the \"\"id\"\"\"", "")
            .replace("\"it's \"\"so\"\"\"", "")
            .replace("'it''s \"so\"'", "");
        assert!(
            !unquoted.contains("it's") && !unquoted.contains("id\""),
            "{sql}"
        );
    }
}
