//! From a URL to a server: TLS, addresses, schemas, and what is printed while a server is waited
//! for.

use std::{
    fs,
    net::TcpListener,
    os::unix::fs::{PermissionsExt, chown},
    path::PathBuf,
    process::Command,
};

use migration::Runner;
use sea_orm::DbBackend;
use tempfile::TempDir;
use tokio::task::block_in_place;

use super::Test;
use crate::{
    engines::{Database, Engine, Server, mariadb, postgres},
    programs::{Finished, migrate, migration, run},
};

pub fn tests(engine: Engine) -> Vec<Test> {
    let mut tests = match engine.backend {
        DbBackend::Postgres => tests![
            a_schema_in_the_options_of_the_url_is_worked_in,
            the_library_and_the_command_line_take_the_same_schema,
            a_schema_in_another_parameter_is_refused,
        ],
        DbBackend::MySql => tests![a_schema_in_a_parameter_is_refused_on_mysql],
        _ => Vec::new(),
    };
    match engine.name {
        "postgres15" => tests.extend(tests![tls_of_postgres_is_verified_as_libpq_does]),
        "mariadb" => tests.extend(tests![tls_of_mariadb_is_verified_where_a_ca_is_named]),
        _ => {}
    }
    tests
}

pub fn without_engine() -> Vec<(&'static str, fn())> {
    vec![
        (
            "connections::a_server_that_is_waited_for_is_reported_once",
            a_server_that_is_waited_for_is_reported_once,
        ),
        (
            "connections::a_server_that_does_not_answer_is_reported_once",
            a_server_that_does_not_answer_is_reported_once,
        ),
    ]
}

/// A CA of the test, and what it signs.
struct Authority {
    folder: TempDir,
}

/// How a certificate is signed.
enum Signed {
    For(&'static str),
    Expired(&'static str),
    /// X.509 version 1: without extensions.
    Version1,
}

impl Authority {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).unwrap();
        let authority = Self { folder };
        authority.openssl("req -new -x509 -days 2 -nodes -newkey rsa:2048 -subj /CN=ours -keyout ca.key -out ca.crt");
        authority.openssl("req -new -x509 -days 2 -nodes -newkey rsa:2048 -subj /CN=other -keyout o.key -out other.crt");
        authority.openssl(
            "req -new -nodes -newkey rsa:2048 -subj /CN=server -keyout server.key -out server.csr",
        );
        authority
    }

    fn openssl(&self, arguments: &str) {
        let mut openssl = Command::new("openssl");
        openssl.current_dir(&self.folder).args(arguments.split(' '));
        run(&mut openssl).expect_success();
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes `server.crt`, where the server that is started next finds it.
    fn sign(&self, signed: Signed) {
        let sign =
            "x509 -req -in server.csr -CA ca.crt -CAkey ca.key -CAcreateserial -out server.crt";
        let for_names = |names: &str| {
            fs::write(self.file("names"), format!("subjectAltName={names}\n")).unwrap();
        };
        match signed {
            Signed::For(names) => {
                for_names(names);
                self.openssl(&format!("{sign} -days 2 -extfile names"));
            }
            Signed::Expired(names) => {
                for_names(names);
                self.openssl(&format!("{sign} -days -1 -extfile names"));
            }
            Signed::Version1 => self.openssl(&format!("{sign} -days 2")),
        }
    }

    /// Gives the key to the server's user: a server accepts no key that others may read.
    fn give_key_to(&self, user: &str) {
        let id = |flag: &str| {
            let id = run(Command::new("id").args([flag, user])).expect_success();
            id.trim().parse().ok()
        };
        let key = self.file("server.key");
        fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
        // Without root the server runs as the user who runs the tests.
        let _ = chown(&key, id("-u"), id("-g"));
    }
}

/// Returns the answer of `status` at this host, with these parameters.
fn status(server: &Server, host: &str, parameters: &str) -> Finished {
    let mut url = server.admin.clone();
    url.set_host(Some(host)).unwrap();
    run(migration().args(["status", "-u", &format!("{url}?{parameters}")]))
}

fn restart(server: &mut Server) {
    server.kill().expect("it is killed");
    server.start_again().expect("it starts");
    server.wait().expect("it answers");
}

#[track_caller]
fn fails(finished: Finished, reason: &str, hint: &str) {
    let error = finished.expect_error();
    assert!(error.contains("no TLS connection"), "{error}");
    assert!(
        error.contains(reason) && error.contains(hint),
        "{reason}, {hint}: {error}"
    );
}

const LOCAL: &str = "DNS:localhost,IP:127.0.0.1,IP:::1";

async fn tls_of_postgres_is_verified_as_libpq_does(_: Database) {
    let authority = Authority::new();
    authority.give_key_to("postgres");
    authority.sign(Signed::For(LOCAL));
    let settings = [
        "listen_addresses=127.0.0.1,::1".to_owned(),
        "ssl=on".to_owned(),
        format!("ssl_cert_file={}", authority.file("server.crt").display()),
        format!("ssl_key_file={}", authority.file("server.key").display()),
    ];
    let mut server = block_in_place(|| postgres::start_15_with(&settings)).expect("a server");
    let (v4, v6) = ("127.0.0.1", "[::1]");
    let root = |name: &str| format!("sslrootcert={}", authority.file(name).display());
    let (ours, other) = (root("ca.crt"), root("other.crt"));

    // Docker's usual network has no IPv6.
    let has_v6 = TcpListener::bind("[::1]:0").is_ok();
    for host in [Some(v4), has_v6.then_some(v6)].into_iter().flatten() {
        status(&server, host, "").expect_success();
        status(&server, host, "sslmode=require").expect_success();
        for mode in ["require", "verify-ca", "verify-full"] {
            let named = format!("sslmode={mode}&");
            status(&server, host, &format!("{named}{ours}")).expect_success();
            fails(
                status(&server, host, &format!("{named}{other}")),
                "UnknownIssuer",
                "?sslrootcert=FILE",
            );
        }
        fails(
            status(&server, host, "sslmode=verify-full"),
            "UnknownIssuer",
            "?sslrootcert=FILE",
        );
    }
    for (file, reason) in [
        ("no.crt", "No such file"),
        ("ca.key", "no certificate in PEM format"),
    ] {
        let error = status(&server, v4, &format!("sslmode=require&{}", root(file))).expect_error();
        assert!(error.contains(file) && error.contains(reason), "{error}");
    }

    authority.sign(Signed::For("DNS:elsewhere.test"));
    block_in_place(|| restart(&mut server));
    status(&server, v4, &format!("sslmode=require&{ours}")).expect_success();
    let other_name = status(&server, v4, &format!("sslmode=verify-full&{ours}"));
    fails(other_name, "elsewhere.test", "sslmode=verify-ca");

    authority.sign(Signed::Expired(LOCAL));
    block_in_place(|| restart(&mut server));
    let expired = status(&server, v4, &format!("sslmode=require&{ours}"));
    fails(expired, "Expired", "renew the server's certificate");

    authority.sign(Signed::Version1);
    block_in_place(|| restart(&mut server));
    fails(
        status(&server, v4, "sslmode=require"),
        "UnsupportedCertVersion",
        "X.509 version 3",
    );
    let without = status(&server, v4, "").expect_success();
    assert!(without.contains("without TLS"), "{without}");
}

async fn tls_of_mariadb_is_verified_where_a_ca_is_named(shared: Database) {
    let authority = Authority::new();
    authority.give_key_to("mysql");
    authority.sign(Signed::For(LOCAL));
    let option = |name: &str, file: &str| format!("--{name}={}", authority.file(file).display());
    let options = [
        option("ssl-cert", "server.crt"),
        option("ssl-key", "server.key"),
    ];
    let options: Vec<&str> = options.iter().map(String::as_str).collect();
    let server = block_in_place(|| mariadb::start_with(&options)).expect("a server");
    let ca = |name: &str| {
        format!(
            "ssl-mode=required&ssl-ca={}",
            authority.file(name).display()
        )
    };

    status(&server, "127.0.0.1", "ssl-mode=required").expect_success();
    status(&server, "127.0.0.1", &ca("ca.crt")).expect_success();
    fails(
        status(&server, "127.0.0.1", &ca("other.crt")),
        "UnknownIssuer",
        "?ssl-ca=FILE",
    );
    let without_tls = format!("{}?ssl-mode=required", shared.url);
    let finished = run(migration().args(["status", "-u", &without_tls]));
    fails(finished, "does not support TLS", "enable TLS");
}

const TENANT: [&str; 2] = [
    "CREATE SCHEMA tenant_a",
    "CREATE TABLE tenant_a.documents (id integer PRIMARY KEY)",
];

/// In each spelling; the role's own default counts too.
async fn a_schema_in_the_options_of_the_url_is_worked_in(database: Database) {
    database.execute(TENANT).await;
    for parameter in [
        "options=-csearch_path=tenant_a",
        "options=-c%20search_path%3Dtenant_a,public",
        "options=--search-path%3Dtenant_a",
        "options[search_path]=tenant_a",
    ] {
        let url = format!("{}?{parameter}", database.url);
        let up = run(migration().args(["up", "-u", &url])).expect_success();
        assert!(up.contains("schema \"tenant_a\""), "{parameter}: {up}");
        let named = run(migration().args(["status", "-s", "public", "-u", &url])).expect_success();
        assert!(
            named.contains("schema \"public\"") && named.contains("pending"),
            "{named}"
        );
    }
    let url = format!("{}?options=-csearch_path=nowhere", database.url);
    let error = run(migration().args(["up", "-u", &url])).expect_error();
    assert!(
        error.contains("no schema \"nowhere\"") && error.contains("-s"),
        "{error}"
    );

    let role = format!(
        "ALTER DATABASE {} SET search_path = tenant_a",
        database.name
    );
    database.execute([role]).await;
    let status = migrate(&database, ["status"]).expect_success();
    assert!(status.contains("schema \"tenant_a\""), "{status}");
}

async fn the_library_and_the_command_line_take_the_same_schema(database: Database) {
    database.execute(TENANT).await;
    let there = Database {
        url: format!("{}?options=-csearch_path=tenant_a", database.url),
        ..database.clone()
    };
    Runner::new()
        .up(&there.connect().await, None)
        .await
        .expect("documents is there");

    let up = migrate(&there, ["up"]).expect_success();

    assert!(up.contains("No pending migrations"), "{up}");
    let public = migrate(&database, ["status"]).expect_success();
    assert!(public.contains("pending"), "{public}");
}

async fn a_schema_in_another_parameter_is_refused(database: Database) {
    database.execute(TENANT).await;
    for name in ["search_path", "currentSchema", "schema"] {
        let url = format!("{}?{name}=tenant_a", database.url);

        let error = run(migration().args(["up", "-u", &url])).expect_error();

        assert!(
            error.contains(name) && error.contains("-s SCHEMA"),
            "{error}"
        );
        let named =
            run(migration().args(["status", "-s", "tenant_a", "-u", &url])).expect_success();
        assert!(named.contains("schema \"tenant_a\""), "{named}");
        let other = run(migration().args(["status", "-s", "public", "-u", &url])).expect_error();
        assert!(other.contains(name), "{other}");
    }
}

async fn a_schema_in_a_parameter_is_refused_on_mysql(database: Database) {
    for name in ["search_path", "currentSchema", "schema"] {
        let url = format!("{}?{name}=tenant_a", database.url);

        let error = run(migration().args(["up", "-u", &url])).expect_error();

        assert!(
            error.contains(name) && error.contains("HOST/DATABASE"),
            "{error}"
        );
    }
}

#[track_caller]
fn is_reported_once(url: &str, reason: &str) {
    let finished = run(migration().args(["up", "-u", url]));

    let stderr = finished.stderr.clone();
    let lines: Vec<&str> = stderr.lines().collect();
    let [waiting, error, hint] = lines.as_slice() else {
        panic!("{stderr}");
    };
    assert!(waiting.starts_with("  waiting up to 15 s for "), "{stderr}");
    assert!(
        waiting.contains(reason) && !stderr.contains("marker"),
        "{stderr}"
    );
    assert!(
        error.starts_with("error: ") && hint.starts_with("hint: "),
        "{stderr}"
    );
    finished.expect_error();
}

fn a_server_that_is_waited_for_is_reported_once() {
    is_reported_once("postgres://u:marker@127.0.0.1:1/x", "Connection refused");
}

fn a_server_that_does_not_answer_is_reported_once() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = silent.local_addr().unwrap();

    is_reported_once(&format!("mysql://u:marker@{address}/x"), "no answer yet");
}
