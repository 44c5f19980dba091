//! The list of migrations in a `lib.rs`, as text: a module and an entry for each.

/// Returns the text with one more migration at the end of the list, in the text's own line ends. `None` where it has no
/// list.
pub(super) fn with_migration(lib: &str, migration: &str) -> Option<String> {
    let newline = newline_of(lib);
    let listed = with_entry(lib, &format!("Box::new({migration}::Migration)"), newline)?;
    Some(with_module(&listed, migration, newline))
}

/// Returns the line end that a text has.
pub(super) fn newline_of(text: &str) -> &'static str {
    match text.contains("\r\n") {
        true => "\r\n",
        false => "\n",
    }
}

fn with_entry(lib: &str, entry: &str, newline: &str) -> Option<String> {
    let list = list(lib)?;
    let (before, content, after) = (&lib[..list.start], &lib[list.clone()], &lib[list.end..]);
    let entries = content.trim_end();
    let comma = match entries {
        "" => "",
        entries if entries.ends_with(',') => "",
        _ => ",",
    };
    let added = match content.rfind('\n') {
        Some(last) => {
            let closing = &content[last + 1..];
            let indent = indent_of_entries(content).unwrap_or(format!("{closing}    "));
            format!("{comma}{newline}{indent}{entry},{newline}{closing}")
        }
        None if entries.is_empty() => entry.to_owned(),
        None => format!("{comma} {entry}"),
    };
    Some(format!("{before}{entries}{added}{after}"))
}

/// The last list of boxed migrations, between its brackets.
fn list(lib: &str) -> Option<std::ops::Range<usize>> {
    const OPENING: &str = "vec![";
    let lists = lib.rmatch_indices(OPENING).filter_map(|(at, _)| {
        let start = at + OPENING.len();
        Some((at, start..start + closing_bracket(&lib[start..])?))
    });
    let mut lists = lists.filter(|(at, _)| !is_in_comment(lib, *at));
    let is_list = |content: &str, before: &str| match content.trim() {
        "" => before.contains("Vec<Box<dyn MigrationTrait>>"),
        content => content.contains("Box::new("),
    };
    let found = lists.find(|(at, range)| is_list(&lib[range.clone()], &lib[..*at]));
    found.map(|(_, range)| range)
}

fn closing_bracket(text: &str) -> Option<usize> {
    let mut open = 0_usize;
    for (at, letter) in text.char_indices() {
        match letter {
            '[' => open += 1,
            ']' if open == 0 => return Some(at),
            ']' => open -= 1,
            _ => {}
        }
    }
    None
}

fn is_in_comment(lib: &str, at: usize) -> bool {
    let line = lib[..at].rsplit('\n').next().unwrap_or_default();
    line.contains("//")
}

fn indent_of_entries(content: &str) -> Option<String> {
    let entry = content.lines().rev().find(|line| {
        let line = line.trim_start();
        line.starts_with("Box::new(")
    })?;
    let indent = entry.len() - entry.trim_start().len();
    Some(entry[..indent].to_owned())
}

/// After the last migration's module, or the last module, or before the first item.
fn with_module(lib: &str, migration: &str, newline: &str) -> String {
    let lines: Vec<&str> = lib.split_inclusive('\n').collect();
    let is_migration = |line: &&str| module(line).is_some_and(is_migrations_name);
    let is_module = |line: &&str| module(line).is_some();
    let is_head = |line: &&str| {
        let line = line.trim();
        line.is_empty() || line.starts_with("//!") || line.starts_with("#![")
    };
    let after_last = |wanted: &dyn Fn(&&str) -> bool| {
        let last = lines.iter().rposition(wanted);
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

/// The name of the module that a line declares.
fn module(line: &str) -> Option<&str> {
    let line = line.trim_end().strip_suffix(';')?;
    let (visibility, name) = line.rsplit_once("mod ")?;
    let is_plain = visibility.is_empty() || visibility.starts_with("pub");
    is_plain.then_some(name.trim())
}

/// As SeaORM dates them.
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
