//! The rights of the current user, from what `SHOW GRANTS` prints: `information_schema` shows none
//! that come from a role or from PUBLIC.

use sea_orm::ConnectionTrait;

use crate::query::list;

/// What the current user may do, as far as the server prints it. Where several grants concern one
/// table the server may apply only one of them, so a right that is found here can still be missing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Grants(Vec<Grant>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Grant {
    rights: Vec<String>,
    /// The name of a database with wildcards; `None` stands for every database.
    database: Option<String>,
    /// `None` stands for every table.
    table: Option<String>,
}

/// What else than a table a right can concern; the last is a user's.
const OTHER_TARGETS: [&str; 4] = ["FUNCTION ", "PACKAGE ", "PROCEDURE ", "'"];

/// Returns the rights, or `None` if they cannot be known: MySQL prints roles without their rights,
/// and a server may run without any.
pub(in crate::inspect) async fn read(db: &impl ConnectionTrait) -> Option<Grants> {
    let printed: Vec<String> = list(db, "SHOW GRANTS", []).await.ok()?;
    Grants::of(&printed)
}

impl Grants {
    fn of(printed: &[String]) -> Option<Self> {
        let mut all = Vec::new();
        for line in printed {
            let Some(granted) = line.strip_prefix("GRANT ") else {
                continue;
            };
            let Some((rights, on)) = read_rights(granted) else {
                let (roles, _) = granted.rsplit_once(" TO ")?;
                // MySQL prints a role with its host, and nothing of its rights.
                if roles.contains('@') {
                    return None;
                }
                continue;
            };
            if OTHER_TARGETS.iter().any(|target| on.starts_with(target)) {
                continue;
            }
            let (database, table) = read_target(on)?;
            all.push(Grant {
                rights,
                database,
                table,
            });
        }
        Some(Self(all))
    }

    /// Returns whether the user may have this right on a table.
    pub(crate) fn may_allow(&self, right: &str, database: &str, table: &str) -> bool {
        self.0.iter().any(|grant| {
            let rights = ["ALL PRIVILEGES", right];
            let is_here = match (&grant.database, &grant.table) {
                (None, _) => true,
                (Some(pattern), None) => is_like(database, pattern),
                (Some(name), Some(only)) => {
                    name.eq_ignore_ascii_case(database) && only.eq_ignore_ascii_case(table)
                }
            };
            is_here
                && grant
                    .rights
                    .iter()
                    .any(|one| rights.contains(&one.as_str()))
        })
    }
}

/// Reads the rights up to ` ON `, without the columns to which one may be limited, and returns them
/// with the text that follows.
fn read_rights(granted: &str) -> Option<(Vec<String>, &str)> {
    let mut rights = vec![String::new()];
    let (mut quote, mut depth) = (None, 0_usize);
    for (at, letter) in granted.char_indices() {
        match (quote, letter) {
            (Some(open), _) if open == letter => quote = None,
            (Some(_), _) => {}
            (None, '`' | '"' | '\'') => quote = Some(letter),
            (None, '(') => depth += 1,
            (None, ')') => depth = depth.saturating_sub(1),
            (None, _) if depth > 0 => {}
            (None, ',') => rights.push(String::new()),
            (None, ' ') if granted[at..].starts_with(" ON ") => {
                let trimmed = rights.iter().map(|one| one.trim().to_owned());
                return Some((trimmed.collect(), &granted[at + " ON ".len()..]));
            }
            (None, _) => rights.last_mut()?.push(letter),
        }
    }
    None
}

/// Reads the database and the table of `*.*`, `database.*` or `database.table`; `None` if it is none
/// of these.
fn read_target(on: &str) -> Option<(Option<String>, Option<String>)> {
    if on.starts_with("*.*") {
        return Some((None, None));
    }
    let (database, rest) = read_name(on)?;
    let rest = rest.strip_prefix('.')?;
    match rest.starts_with('*') {
        true => Some((Some(database), None)),
        false => Some((Some(database), Some(read_name(rest)?.0))),
    }
}

/// Reads a name, and returns it with the text that follows. A server with `sql_quote_show_create` off
/// prints names without quotes.
fn read_name(text: &str) -> Option<(String, &str)> {
    let Some(quote) = text.chars().next().filter(|first| "`\"".contains(*first)) else {
        let end = text.find(['.', ' ']).filter(|end| *end > 0)?;
        return Some((text[..end].to_owned(), &text[end..]));
    };
    let mut name = String::new();
    let mut rest = &text[1..];
    loop {
        let (part, after) = rest.split_once(quote)?;
        name.push_str(part);
        match after.strip_prefix(quote) {
            Some(more) => {
                name.push(quote);
                rest = more;
            }
            None => return Some((name, after)),
        }
    }
}

/// Returns whether a name matches a pattern of LIKE with the escape character `\`.
fn is_like(name: &str, pattern: &str) -> bool {
    let mut pattern = pattern.chars();
    let mut letters = name.chars();
    loop {
        match pattern.next() {
            None => return letters.next().is_none(),
            Some('%') => {
                let rest = letters.as_str();
                let mut ends = rest.char_indices().map(|(at, _)| at).chain([rest.len()]);
                return ends.any(|at| is_like(&rest[at..], pattern.as_str()));
            }
            Some('_') => {
                if letters.next().is_none() {
                    return false;
                }
            }
            Some(wanted) => {
                let wanted = match wanted {
                    '\\' => pattern.next().unwrap_or(wanted),
                    _ => wanted,
                };
                if !letters
                    .next()
                    .is_some_and(|letter| letter.eq_ignore_ascii_case(&wanted))
                {
                    return false;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Grants;

    fn grants(printed: &[&str]) -> Grants {
        let printed: Vec<String> = printed.iter().map(|&line| line.to_owned()).collect();
        Grants::of(&printed).expect("rights")
    }

    #[test]
    fn a_right_is_found_where_it_was_granted() {
        let cases = [
            ("GRANT ALL PRIVILEGES ON *.* TO `u`@`%`", true),
            ("GRANT SELECT, ALTER ON *.* TO `u`@`%`", true),
            ("GRANT SELECT, INSERT ON *.* TO `u`@`%`", false),
            (
                "GRANT ALTER ON `my_app`.* TO `u`@`%` WITH GRANT OPTION",
                true,
            ),
            (r"GRANT ALTER ON `my\_app`.* TO `u`@`%`", true),
            (r"GRANT ALTER ON `my\_%`.* TO `r`", true),
            ("GRANT ALTER ON `%`.* TO PUBLIC", true),
            (r"GRANT ALTER ON `my\_apps`.* TO `u`@`%`", false),
            (r"GRANT ALTER ON `my`.* TO `u`@`%`", false),
            ("GRANT ALTER ROUTINE ON `my_app`.* TO `u`@`%`", false),
            ("GRANT ALTER ON `my_app`.`vectors` TO `u`@`%`", true),
            (r#"GRANT ALTER ON "my_app"."vectors" TO "u"@"%""#, true),
            ("GRANT ALTER ON `my_app`.`documents` TO `u`@`%`", false),
            ("GRANT ALTER ON my_app.* TO u@%", true),
            ("GRANT ALTER ON my_app.vectors TO u@%", true),
            ("GRANT ALTER ON my_app.documents TO u@%", false),
            ("GRANT PROXY ON ''@'%' TO `u`@`%` WITH GRANT OPTION", false),
            (
                "GRANT SELECT (`id`, `a ON b`), ALTER ON `my_app`.`vectors` TO `u`@`%`",
                true,
            ),
            (
                "GRANT SELECT (`ALTER, ALTER`) ON `my_app`.`vectors` TO `u`@`%`",
                false,
            ),
            (
                "GRANT ALTER ON PROCEDURE `my_app`.`vectors` TO `u`@`%`",
                false,
            ),
            ("GRANT `reader` TO `u`@`%`", false),
            ("SET DEFAULT ROLE `reader` FOR `u`@`%`", false),
        ];
        for (printed, is_allowed) in cases {
            let found = grants(&[printed]).may_allow("ALTER", "my_app", "vectors");
            assert_eq!(found, is_allowed, "{printed}");
        }
    }

    #[test]
    fn a_doubled_quote_belongs_to_the_name() {
        let grants = grants(&["GRANT ALTER ON `a``b`.`c` TO `u`@`%`"]);
        assert!(grants.may_allow("ALTER", "a`b", "c"));
    }

    #[test]
    fn a_line_that_cannot_be_read_may_grant_anything() {
        let printed = ["GRANT ALTER ON SOMETHING `my_app` TO `u`@`%`".to_owned()];
        assert_eq!(Grants::of(&printed), None);
    }

    #[test]
    fn what_a_role_of_mysql_may_do_is_not_known() {
        let printed = [
            "GRANT USAGE ON *.* TO `u`@`%`",
            "GRANT `writer`@`%` TO `u`@`%`",
        ];
        let printed: Vec<String> = printed.iter().map(|&line| line.to_owned()).collect();
        assert_eq!(Grants::of(&printed), None);
    }
}
