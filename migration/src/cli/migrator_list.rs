//! Adds a migration to the text of a `lib.rs`: a module and an entry in the list.

/// Returns the text with one more migration at the end of the list, in the text's own line ends. Returns `None` if the
/// text has no list.
pub(super) fn with_migration(lib: &str, migration: &str) -> Option<String> {
    let newline = newline_of(lib);
    let listed = with_entry(lib, &format!("Box::new({migration}::Migration)"), newline)?;
    Some(with_module(&listed, migration, newline))
}

/// Returns the line end of a text.
pub(super) fn newline_of(text: &str) -> &'static str {
    match text.contains("\r\n") {
        true => "\r\n",
        false => "\n",
    }
}

fn with_entry(lib: &str, entry: &str, newline: &str) -> Option<String> {
    let code = code(lib);
    let list = list(&code)?;
    let (before, content, after) = (&lib[..list.start], &lib[list.clone()], &lib[list.end..]);
    // A comment may follow the last entry.
    let (entries, behind) = content.trim_end().split_at(code[list].trim_end().len());
    let comma = match entries {
        "" => "",
        entries if entries.ends_with(',') => "",
        _ => ",",
    };
    let added = match content.rfind('\n') {
        Some(last) => {
            let closing = &content[last + 1..];
            let indent = indent_of_entries(content).unwrap_or(format!("{closing}    "));
            format!("{comma}{behind}{newline}{indent}{entry},{newline}{closing}")
        }
        None if entries.is_empty() => format!("{behind}{entry}"),
        None => format!("{comma}{behind} {entry}"),
    };
    Some(format!("{before}{entries}{added}{after}"))
}

/// Returns the range between the brackets of the list of migrations: the list in `fn migrations`, or else the last list
/// that contains migrations.
fn list(code: &str) -> Option<std::ops::Range<usize>> {
    const OPENING: &str = "vec![";
    let lists = code.match_indices(OPENING).filter_map(|(at, _)| {
        let start = at + OPENING.len();
        Some(start..start + closing(&code[start..], '[', ']')?)
    });
    let is_list = |list: &std::ops::Range<usize>| match code[list.clone()].trim() {
        "" => code[..list.start].contains("Vec<Box<dyn MigrationTrait>>"),
        content => content.contains("Box::new(") && content.contains("::Migration"),
    };
    let lists: Vec<_> = lists.filter(is_list).collect();
    let asked_for = code.find("fn migrations(").and_then(|at| {
        let body = at + code[at..].find('{')? + 1;
        Some(body..body + closing(&code[body..], '{', '}')?)
    });
    let is_asked_for = |list: &&std::ops::Range<usize>| {
        let body = asked_for.as_ref();
        body.is_some_and(|body| body.contains(&list.start))
    };
    let found = lists.iter().find(is_asked_for).or(lists.last());
    found.cloned()
}

/// Returns the position of the bracket that closes the one before `code`.
fn closing(code: &str, opens: char, closes: char) -> Option<usize> {
    let mut open = 0_usize;
    for (at, letter) in code.char_indices() {
        if letter == opens {
            open += 1;
        } else if letter == closes && open == 0 {
            return Some(at);
        } else if letter == closes {
            open -= 1;
        }
    }
    None
}

/// Returns the text with spaces in place of comments, literals and items that are compiled only for tests. The length
/// stays the same.
fn code(lib: &str) -> String {
    const FOR_TESTS: &str = "#[cfg(test)]";
    let mut code = String::with_capacity(lib.len());
    let mut rest = lib;
    while let Some(first) = rest.chars().next() {
        let length = comment_or_literal(rest);
        let (taken, more) = rest.split_at(length.unwrap_or(first.len_utf8()));
        match length {
            Some(_) => code += &blank(taken),
            None => code += taken,
        }
        rest = more;
    }
    while let Some(at) = code.find(FOR_TESTS) {
        let rest = &code[at..];
        let end = match rest.find(['{', ';']) {
            Some(body) if rest[body..].starts_with('{') => {
                closing(&rest[body + 1..], '{', '}').map(|end| body + 1 + end)
            }
            other => other,
        };
        let end = at + end.map_or(rest.len(), |end| end + 1);
        let blank = blank(&code[at..end]);
        code.replace_range(at..end, &blank);
    }
    code
}

fn blank(text: &str) -> String {
    let blank = |byte| match byte {
        b'\n' => '\n',
        _ => ' ',
    };
    text.bytes().map(blank).collect()
}

/// Returns the length of the comment or the literal at the beginning of a Rust text.
fn comment_or_literal(text: &str) -> Option<usize> {
    let behind = |found: Option<usize>, length: usize| found.map_or(text.len(), |at| at + length);
    if text.starts_with("//") {
        return Some(behind(text.find('\n'), 0));
    }
    if text.starts_with("/*") {
        return Some(behind(text.find("*/"), 2));
    }
    if let Some(string) = text.strip_prefix('"') {
        return Some(behind(unescaped(string, '"'), 2));
    }
    if let Some(raw) = text.strip_prefix('r') {
        let hashes = raw.len() - raw.trim_start_matches('#').len();
        let end = format!("\"{}", &raw[..hashes]);
        let string = raw[hashes..].strip_prefix('"')?;
        return Some(behind(string.find(&end), 2 + hashes + end.len()));
    }
    let letter = text.strip_prefix('\'')?;
    // A lifetime has no closing quote.
    let is_escaped = letter.starts_with('\\');
    let end = unescaped(letter, '\'')?;
    let is_one = letter.chars().nth(1) == Some('\'');
    (is_escaped || is_one).then_some(end + 2)
}

/// Returns the position at which a literal ends.
fn unescaped(text: &str, end: char) -> Option<usize> {
    let mut letters = text.char_indices();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '\\' => {
                letters.next();
            }
            letter if letter == end => return Some(at),
            _ => {}
        }
    }
    None
}

fn indent_of_entries(content: &str) -> Option<String> {
    let entry = content.lines().rev().find(|line| {
        let line = line.trim_start();
        line.starts_with("Box::new(")
    })?;
    let indent = entry.len() - entry.trim_start().len();
    Some(entry[..indent].to_owned())
}

/// Adds the module after the last migration's module, or after the last module, or before the first item.
fn with_module(lib: &str, migration: &str, newline: &str) -> String {
    let lines: Vec<&str> = lib.split_inclusive('\n').collect();
    let code = code(lib);
    let code: Vec<&str> = code.split_inclusive('\n').collect();
    let is_migration = |line: &&str| module(line).is_some_and(is_migrations_name);
    let is_module = |line: &&str| module(line).is_some();
    let is_head = |line: &&str| {
        let line = line.trim();
        line.is_empty() || line.starts_with("//!") || line.starts_with("#![")
    };
    let after_last = |wanted: &dyn Fn(&&str) -> bool| {
        let last = code.iter().rposition(wanted);
        last.map(|at| at + 1)
    };
    let at = after_last(&is_migration)
        .or_else(|| after_last(&is_module))
        .or_else(|| lines.iter().position(|line| !is_head(line)))
        .unwrap_or(lines.len());
    let (before, after) = lines.split_at(at);
    format!(
        "{}mod {migration};{newline}{}",
        before.concat(),
        after.concat()
    )
}

/// Returns the name of the module that a line declares.
fn module(line: &str) -> Option<&str> {
    let line = line.trim_end().strip_suffix(';')?;
    let (visibility, name) = line.rsplit_once("mod ")?;
    let is_plain = visibility.is_empty() || visibility.starts_with("pub");
    is_plain.then_some(name.trim())
}

/// Returns whether a name begins with a date in SeaORM's form.
fn is_migrations_name(name: &str) -> bool {
    let mut letters = name.chars();
    letters.next() == Some('m') && letters.next().is_some_and(|letter| letter.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIB: &str = "\
//! Ours.

mod declared;
mod m2025_a;
mod record;

/// `vec![Box::new(it)]` is text.
fn listed() -> Vec<Listed> {
    migrations! {
        vec![
            Box::new(m2025_a::Migration),
        ]
    }
}

#[cfg(test)]
mod tests {}
";

    #[test]
    fn a_module_and_an_entry_are_added_and_nothing_else_changes() {
        let with = with_migration(LIB, "m2026_b").expect("a list");

        let expected = LIB
            .replace("mod m2025_a;\n", "mod m2025_a;\nmod m2026_b;\n")
            .replace(
                "            Box::new(m2025_a::Migration),\n",
                "            Box::new(m2025_a::Migration),\n            Box::new(m2026_b::Migration),\n",
            );
        assert_eq!(with, expected);
    }

    #[test]
    fn line_ends_stay_what_they_are() {
        let lib = LIB.replace('\n', "\r\n");

        let with = with_migration(&lib, "m2026_b").expect("a list");

        let expected = with_migration(LIB, "m2026_b").expect("a list");
        assert_eq!(with, expected.replace('\n', "\r\n"));
    }

    #[test]
    fn lists_are_written_in_several_ways() {
        let head = "fn migrations() -> Vec<Box<dyn MigrationTrait>> { ";
        for (list, expected) in [
            ("vec![]", "vec![Box::new(m1_b::Migration)]"),
            (
                "vec![\n    ]",
                "vec![\n        Box::new(m1_b::Migration),\n    ]",
            ),
            (
                "vec![Box::new(m0::Migration)]",
                "vec![Box::new(m0::Migration), Box::new(m1_b::Migration)]",
            ),
            (
                "vec![\n  Box::new(m0::Migration)\n]",
                "vec![\n  Box::new(m0::Migration),\n  Box::new(m1_b::Migration),\n]",
            ),
        ] {
            let with = with_migration(&format!("{head}{list} }}"), "m1_b");

            let expected = format!("mod m1_b;\n{head}{expected} }}");
            assert_eq!(with.as_deref(), Some(expected.as_str()), "{list}");
        }
    }

    #[test]
    fn a_comment_behind_the_last_entry_stays_there() {
        let head = "fn migrations() -> Vec<Box<dyn MigrationTrait>> { ";
        for (list, expected) in [
            (
                "vec![\n  Box::new(m0::Migration) // ], the first, \"\n]",
                "vec![\n  Box::new(m0::Migration), // ], the first, \"\n  Box::new(m1_b::Migration),\n]",
            ),
            (
                "vec![\n  Box::new(m0::Migration), /* it */\n]",
                "vec![\n  Box::new(m0::Migration), /* it */\n  Box::new(m1_b::Migration),\n]",
            ),
            (
                "vec![Box::new(m0::Migration) /* it, */]",
                "vec![Box::new(m0::Migration), /* it, */ Box::new(m1_b::Migration)]",
            ),
        ] {
            let with = with_migration(&format!("{head}{list} }}"), "m1_b");

            let expected = format!("mod m1_b;\n{head}{expected} }}");
            assert_eq!(with.as_deref(), Some(expected.as_str()), "{list}");
        }
    }

    #[test]
    fn the_list_that_seaorm_asks_for_is_meant() {
        let ours = "vec![Box::new(m0::Migration)]";
        let others = [
            "#[cfg(test)]\nmod tests { fn two() -> Listed { vec![Box::new(m9::Migration)] } }",
            "fn seeds() -> Vec<Box<dyn Seed>> { vec![Box::new(First)] }",
            "fn later() -> Vec<Box<dyn MigrationTrait>> { vec![Box::new(m9::Migration)] }",
            "const TEXT: &str = r#\"vec![Box::new(m9::Migration)]\"#;",
            "fn empty<'a>(_: &'a str) -> (char, Vec<u8>) { ('\\'', vec![]) }",
        ];
        for other in others {
            let migrations = |list: &str| {
                format!("fn migrations() -> Vec<Box<dyn MigrationTrait>> {{ {list} }}\n")
            };
            let longer = migrations("vec![Box::new(m0::Migration), Box::new(m1_b::Migration)]");
            for (lib, expected) in [
                (
                    format!("{}{other}\n", migrations(ours)),
                    format!("mod m1_b;\n{longer}{other}\n"),
                ),
                (
                    format!("{other}\n{}", migrations(ours)),
                    format!("mod m1_b;\n{other}\n{longer}"),
                ),
            ] {
                assert_eq!(with_migration(&lib, "m1_b"), Some(expected), "{lib}");
            }
        }
    }

    #[test]
    fn other_lists_are_none() {
        for lib in [
            "",
            "impl MigratorTrait for Migrator { fn migrations() { all() } }",
            "const NAMES: Vec<&str> = vec![];",
            "// vec![Box::new(m0::Migration)]",
            "vec![Box::new(m0::Migration)",
        ] {
            assert_eq!(with_migration(lib, "m1_b"), None, "{lib}");
        }
    }
}
