//! No output shows a password, on any path.

use std::fs;

use sea_orm::DbBackend;

use super::Test;
use crate::{
    engines::Database,
    programs::{Finished, migration, run},
};

const MARKER: &str = "marker-5f1d";

pub fn tests(backend: DbBackend) -> Vec<Test> {
    match backend {
        DbBackend::Sqlite => Vec::new(),
        _ => tests![
            a_password_is_not_shown_where_all_is_well,
            a_password_is_not_shown_where_something_fails,
        ],
    }
}

pub fn without_engine() -> Vec<(&'static str, fn())> {
    vec![(
        "secrets::a_password_is_not_shown_where_a_url_is_wrong",
        a_password_is_not_shown_where_a_url_is_wrong,
    )]
}

const COMMANDS: [&[&str]; 12] = [
    &["up", "--dry-run"],
    &["up"],
    &["status"],
    &["status", "--json"],
    &["check"],
    &["check", "--json"],
    &["repair"],
    &["down", "--dry-run"],
    &["down"],
    &["refresh"],
    &["reset"],
    &["fresh"],
];

#[track_caller]
fn assert_hidden(finished: &Finished, secret: &str) {
    let said = format!("{}{}", finished.stdout, finished.stderr);
    assert!(!said.contains(secret), "{said}");
}

async fn a_password_is_not_shown_where_all_is_well(database: Database) {
    let password = database.password().expect("a server's URL has one");
    for command in COMMANDS {
        let mut verbose = migration();
        verbose.env("DATABASE_URL", &database.url).arg("-v");

        let finished = run(verbose.args(command));

        assert_hidden(&finished, &password);
        let said = format!("{}{}", finished.stdout, finished.stderr);
        assert!(said.contains(&database.name), "{command:?}: {said}");
        finished.expect_success();
    }
}

async fn a_password_is_not_shown_where_something_fails(database: Database) {
    let password = database.password().expect("a server's URL has one");
    let wrong = database
        .url
        .replacen(&format!(":{password}@"), &format!(":{MARKER}@"), 1);
    let elsewhere = |from: &str, to: &str| wrong.replacen(from, to, 1);
    let urls = [
        wrong.clone(),
        elsewhere(&database.name, "no_such_database"),
        elsewhere("@127.0.0.1", "@no-such-host.invalid"),
        format!("{wrong}?sslmode=require&ssl-mode=required"),
        format!("{wrong}?sslmode=nonsense&ssl-mode=nonsense"),
        format!("{wrong}?sslrootcert=/no/such/file&sslmode=verify-full"),
        format!("{wrong}?statement-cache-capacity=many"),
        format!("{wrong}?sslpassword={MARKER}&passwd={MARKER}"),
    ];
    for url in urls {
        for command in [
            &["up"][..],
            &["check", "--json"],
            &["status", "-s", "nowhere"],
        ] {
            let mut verbose = migration();
            verbose.args(["-v", "--lock-wait", "0", "-u", &url]);

            let finished = run(verbose.args(command));

            assert_ne!(finished.code, Some(0), "{url}: {finished:?}");
            assert_hidden(&finished, MARKER);
        }
    }
}

fn a_password_is_not_shown_where_a_url_is_wrong() {
    let urls = [
        format!("postgres://u:{MARKER}@no-such-host.invalid/x"),
        format!("mysql://u:{MARKER}@no-such-host.invalid/x"),
        format!("postgresql+psycopg://u:{MARKER}@h/x"),
        format!("mysql://u:{MARKER}/with/slashes@h/x"),
        format!("postgres://u:{MARKER}#hash@h/x"),
        format!("postgres://u:{MARKER}?question@h/x"),
        format!("postgres://u:{MARKER}@h:port/x"),
        format!("postgres:/u:{MARKER}@h/x"),
        format!("u:{MARKER}@h/x"),
        format!("user=u password={MARKER} host=::1"),
        format!("u/{MARKER}@h:1521/x"),
        format!("Server=h;Uid=u;Pwd={MARKER};Host=tcp:h"),
        format!("sqlite://u:{MARKER}@h/x"),
        format!("mysql://u:{MARKER}@h"),
    ];
    let folder = tempfile::tempdir().unwrap();
    for url in &urls {
        let ways: [(&[&str], Option<&str>); 7] = [
            (&["up", "-v", "-u", url], None),
            (&["up", "-v"], Some(url)),
            (&["-v", "up", url], None),
            (&["up", "--lock-wait", url], None),
            (&["up", "-n", url], None),
            (&["generate", url], None),
            (&["up", "-u", "postgres://u:a", MARKER, url], None),
        ];
        for (arguments, variable) in ways {
            let mut command = migration();
            command.current_dir(&folder).args(arguments);
            command.envs(variable.map(|url| ("DATABASE_URL", url)));

            let finished = run(&mut command);

            assert_ne!(finished.code, Some(0), "{finished:?}");
            assert_hidden(&finished, MARKER);
        }
    }
    let url = format!("postgres://u:{MARKER}@h/x");
    for arguments in [
        &["check"][..],
        &["sql", "--backend", "postgres"],
        &["--help"],
    ] {
        let mut command = migration();
        command.env("DATABASE_SCHEMA", &url).args(arguments);
        assert_hidden(&run(command.current_dir(&folder)), MARKER);
    }
    for line in [
        format!("DATABASE_URL=postgres://u:{MARKER}@h/x y"),
        format!("DATABASE_URL 'postgres://u:{MARKER}@h/x"),
        format!("DATABASE_URL=postgres://u:{MARKER}@no-such-host.invalid/x"),
    ] {
        fs::write(folder.path().join(".env"), line).unwrap();
        let finished = run(migration().current_dir(&folder).args(["-v", "status"]));
        assert_ne!(finished.code, Some(0), "{finished:?}");
        assert_hidden(&finished, MARKER);
    }
}
