//! Real database servers, each a child process in a temporary folder, and a fresh database for each test.

mod citus;
pub mod galera;
pub mod mariadb;
pub mod pgbouncer;
pub mod postgres;
pub mod process;
mod sqlite;

use std::{
    env,
    error::Error,
    fmt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, mpsc},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use process::Process;
use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, sqlx::postgres::PgSslMode};
use tempfile::TempDir;
use url::Url;

/// Of the users that tests make.
pub const USERS_PASSWORD: &str = "only-for-tests";

/// Of a node that takes a copy of another while the machine is busy.
const LONGEST_START: Duration = Duration::from_secs(180);

pub type Failure = Box<dyn Error + Send + Sync>;

/// What the tests run on: how it is called, and how to get one.
#[derive(Clone, Copy)]
pub struct Engine {
    pub name: &'static str,
    pub backend: DbBackend,
    /// What it cannot be started without.
    needs: fn() -> Vec<PathBuf>,
    start: fn() -> Result<Server, Failure>,
}

/// The versions of PostgreSQL that the tests start.
pub const POSTGRES: [&str; 2] = ["postgres15", "postgres18"];

/// The engines, one of which a variable replaces by a server that is running already; Citus, which is in
/// no package registry, is only ever such a one. Those whose tests mostly wait come before those that keep a
/// processor busy, and SQLite's are done while the others start.
pub fn engines() -> Vec<Engine> {
    let [postgres15, postgres18] = POSTGRES;
    let mut engines = vec![
        engine("sqlite", DbBackend::Sqlite, Vec::new, sqlite::start),
        engine(galera::NAME, DbBackend::MySql, galera::needs, galera::start),
        engine(
            pgbouncer::NAME,
            DbBackend::Postgres,
            pgbouncer::needs,
            pgbouncer::start,
        ),
    ];
    let named_by = |variable: &str| env::var_os(variable).is_some();
    engines.push(match named_by("TEST_MYSQL_URL") {
        true => engine("mysql", DbBackend::MySql, Vec::new, || {
            named("TEST_MYSQL_URL")
        }),
        false => engine("mariadb", DbBackend::MySql, mariadb::needs, mariadb::start),
    });
    if named_by("TEST_POSTGRES_URL") {
        engines.push(engine("postgres", DbBackend::Postgres, Vec::new, || {
            named("TEST_POSTGRES_URL")
        }));
    } else {
        engines.push(engine(
            postgres15,
            DbBackend::Postgres,
            postgres::needs_15,
            postgres::start_15,
        ));
        engines.push(engine(
            postgres18,
            DbBackend::Postgres,
            postgres::needs_18,
            postgres::start_18,
        ));
    }
    if citus::is_named() {
        engines.push(engine(citus::NAME, DbBackend::Postgres, Vec::new, || {
            named(citus::VARIABLE)
        }));
    }
    engines
}

/// What is not tested for want of a server that only a variable can name.
pub fn unnamed() -> Option<String> {
    (!citus::is_named())
        .then(|| format!("{}: {} names no coordinator", citus::NAME, citus::VARIABLE))
}

fn engine(
    name: &'static str,
    backend: DbBackend,
    needs: fn() -> Vec<PathBuf>,
    start: fn() -> Result<Server, Failure>,
) -> Engine {
    Engine {
        name,
        backend,
        needs,
        start,
    }
}

/// A server that somebody else runs.
fn named(variable: &str) -> Result<Server, Failure> {
    let url = Url::parse(&env::var(variable)?).map_err(|error| format!("{variable}: {error}"))?;
    if !["postgres", "postgresql", "mysql"].contains(&url.scheme()) || !url.has_host() {
        return Err(
            format!("{variable} names no server: SCHEME://USER:PASSWORD@HOST/DATABASE").into(),
        );
    }
    Ok(Server {
        admin: url,
        doors: Vec::new(),
        processes: Vec::new(),
        folders: Vec::new(),
    })
}

impl Engine {
    /// Whether somebody else runs it, who would not have it killed.
    pub fn is_named(self) -> bool {
        let variable = match self.backend {
            DbBackend::Postgres => "TEST_POSTGRES_URL",
            DbBackend::MySql => "TEST_MYSQL_URL",
            _ => return false,
        };
        env::var_os(variable).is_some()
    }

    /// A program that it needs and this machine does not have.
    pub fn missing(self) -> Option<PathBuf> {
        (self.needs)().into_iter().find(|path| !path.exists())
    }

    /// Starts the server while others start and tests run.
    pub fn start_in_the_background(self) -> Started {
        let server = Arc::new(OnceLock::new());
        let (keep, dropped) = mpsc::channel::<()>();
        let thread = thread::spawn({
            let server = Arc::clone(&server);
            move || {
                let outcome = self.start();
                server.get_or_init(|| outcome.map_err(|error| format!("{}: {error}", self.name)));
                // The server's process ends with the thread that started it.
                let _ = dropped.recv();
            }
        });
        Started {
            server,
            keep: Some(keep),
            thread: Some(thread),
        }
    }

    /// Starts the server and waits until it answers. Its process ends with the calling thread.
    pub fn start(self) -> Result<Server, Failure> {
        (self.start)()
    }

    /// Keeps the engine's other tests away, where its databases are not apart from each other: Citus
    /// finds deadlocks between the schemas of one.
    pub fn alone(self) -> Option<MutexGuard<'static, ()>> {
        static TURN: Mutex<()> = Mutex::new(());
        let take = || TURN.lock().unwrap_or_else(PoisonError::into_inner);
        (self.name == citus::NAME).then(take)
    }
}

/// A server that runs, or will. Dropping it stops the server.
pub struct Started {
    server: Arc<OnceLock<Result<Server, String>>>,
    keep: Option<mpsc::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Started {
    /// Waits until it answers.
    pub fn server(&self) -> Result<&Server, String> {
        self.server.wait().as_ref().map_err(Clone::clone)
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        self.keep.take();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// A running server. Dropping it stops its processes and removes its folder.
pub struct Server {
    /// Of a database that is there always; of SQLite the folder.
    pub admin: Url,
    /// Where its clients come in, if not by the same: a pooler, or the nodes of a cluster.
    doors: Vec<Url>,
    pub processes: Vec<Process>,
    /// Removed after the processes have ended.
    folders: Vec<TempDir>,
}

impl Server {
    /// A database that nobody else uses.
    pub async fn create_database(&self, engine: Engine) -> Result<Database, Failure> {
        let name = format!("t_{}", process::unique());
        let mut url = self.admin.clone();
        if engine.name == citus::NAME {
            self.administrate(&citus::create(&name)).await?;
            url.query_pairs_mut()
                .append_pair("options[search_path]", &name);
        } else if engine.backend == DbBackend::Sqlite {
            url.set_path(&format!("{}/{name}.db", self.admin.path()));
            url.set_query(Some("mode=rwc"));
        } else {
            self.administrate(&format!("CREATE DATABASE {name}"))
                .await?;
            url.set_path(&name);
        }
        let door = |door: &Url| {
            let mut door = door.clone();
            door.set_path(&name);
            door.to_string()
        };
        let url = url.to_string();
        let doors = match self.doors.as_slice() {
            [] => vec![url.clone()],
            doors => doors.iter().map(door).collect(),
        };
        let database = Database {
            engine,
            name,
            url,
            doors,
        };
        database.settle().await;
        Ok(database)
    }

    pub async fn drop_database(&self, database: Database) -> Result<(), Failure> {
        match database.engine.backend {
            DbBackend::Sqlite => Ok(()),
            DbBackend::Postgres if database.engine.name == citus::NAME => {
                self.administrate(&citus::drop(&database.name)).await
            }
            DbBackend::Postgres => {
                let drop = format!("DROP DATABASE {} WITH (FORCE)", database.name);
                self.administrate(&drop).await
            }
            _ => {
                self.administrate(&format!("DROP DATABASE {}", database.name))
                    .await
            }
        }
    }

    /// What is asked for beside many others may fail once: dropping a database, PostgreSQL asks for a checkpoint.
    async fn administrate(&self, sql: &str) -> Result<(), Failure> {
        let db = sea_orm::Database::connect(self.admin.as_str()).await?;
        if db.execute_unprepared(sql).await.is_err() {
            db.execute_unprepared(sql).await?;
        }
        db.close().await?;
        Ok(())
    }

    /// As the kernel does where memory is short: with SIGKILL.
    pub fn kill(&mut self) -> Result<(), Failure> {
        self.ours()?.kill()
    }

    /// On the same data and port. It may need a while until it answers.
    pub fn start_again(&mut self) -> Result<(), Failure> {
        self.ours()?.start_again()
    }

    fn ours(&mut self) -> Result<&mut Process, Failure> {
        self.processes
            .first_mut()
            .ok_or("somebody else runs it".into())
    }

    fn ready(mut self) -> Result<Self, Failure> {
        self.wait()?;
        Ok(self)
    }

    /// Waits for a first connection through every door; where none comes, says what the servers wrote.
    pub fn wait(&mut self) -> Result<(), Failure> {
        // A test may already be in a runtime.
        tokio::task::block_in_place(|| {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()?;
            runtime.block_on(self.answers())
        })
    }

    async fn answers(&mut self) -> Result<(), Failure> {
        let started = Instant::now();
        for url in [&self.admin].into_iter().chain(&self.doors) {
            let mut options = sea_orm::ConnectOptions::new(url.as_str());
            options
                .connect_timeout(Duration::from_secs(5))
                .map_sqlx_postgres_opts(|options| {
                    options
                        // PgBouncer refuses it.
                        .extra_float_digits(None)
                        // A test's certificate may be one that no client takes.
                        .ssl_mode(PgSslMode::Disable)
                });
            while let Err(error) = sea_orm::Database::connect(options.clone()).await {
                let has_ended = self.processes.iter_mut().any(Process::has_ended);
                if has_ended || started.elapsed() > LONGEST_START {
                    let reports: Vec<String> =
                        self.processes.iter_mut().map(Process::report).collect();
                    return Err(format!("{error}; {}", reports.join("\n")).into());
                }
            }
        }
        Ok(())
    }
}

/// One test's database.
#[derive(Clone)]
pub struct Database {
    pub engine: Engine,
    pub name: String,
    pub url: String,
    /// By what its clients come in, one or several: the pooler, or each node of the cluster.
    pub doors: Vec<String>,
}

impl Database {
    pub async fn connect(&self) -> DatabaseConnection {
        sea_orm::Database::connect(&self.url)
            .await
            .unwrap_or_else(|error| panic!("{self}: {error}"))
    }

    /// One connection, for what is soon done.
    pub async fn connect_once(&self) -> DatabaseConnection {
        let mut options = sea_orm::ConnectOptions::new(&self.url);
        options.max_connections(1);
        sea_orm::Database::connect(options)
            .await
            .unwrap_or_else(|error| panic!("{self}: {error}"))
    }

    /// Of SQLite.
    pub fn file(&self) -> String {
        self.url
            .trim_start_matches("sqlite://")
            .replace("?mode=rwc", "")
    }

    /// Waits until every node of a cluster has what any has.
    pub async fn settle(&self) {
        if self.engine.name == galera::NAME {
            galera::settle(&self.doors).await;
        }
    }

    /// As if it had just been created.
    pub async fn empty(&self) {
        match self.engine.backend {
            DbBackend::Postgres => {
                self.execute(["DROP SCHEMA public CASCADE", "CREATE SCHEMA public"])
                    .await;
            }
            DbBackend::MySql => {
                let (drop, create) = ("DROP DATABASE", "CREATE DATABASE");
                self.execute([drop, create].map(|verb| format!("{verb} {}", self.name)))
                    .await;
            }
            _ => {
                // There may be none yet.
                let _ = std::fs::remove_file(self.file());
            }
        }
        self.settle().await;
    }

    /// Runs statements that the application or somebody else would run.
    pub async fn execute<S: AsRef<str>>(&self, statements: impl IntoIterator<Item = S>) {
        let db = self.connect_once().await;
        if self.engine.backend == DbBackend::MySql {
            // The test server's default is another, so that the migration has to say what it wants.
            let innodb = "SET default_storage_engine = InnoDB";
            db.execute_unprepared(innodb).await.expect(innodb);
        }
        for sql in statements {
            let sql = sql.as_ref();
            db.execute_unprepared(sql)
                .await
                .unwrap_or_else(|error| panic!("{self}: {error}: {sql}"));
        }
        db.close().await.expect("the connection closes");
    }

    pub fn backend(&self) -> DbBackend {
        self.engine.backend
    }

    pub fn is_citus(&self) -> bool {
        self.engine.name == citus::NAME
    }

    /// A second database on the same server; [`give_back`](Self::give_back) drops it.
    pub async fn beside(&self, suffix: &str) -> Self {
        let name = format!("{}_{suffix}", self.name);
        self.execute([format!("CREATE DATABASE {name}")]).await;
        Self {
            url: self.url.replace(&self.name, &name),
            doors: self
                .doors
                .iter()
                .map(|door| door.replace(&self.name, &name))
                .collect(),
            name,
            ..self.clone()
        }
    }

    pub async fn give_back(self, to: &Self) {
        to.execute([format!("DROP DATABASE {} WITH (FORCE)", self.name)])
            .await;
    }

    /// The same for a user who is let in with [`USERS_PASSWORD`].
    pub fn of_user(&self, user: &str) -> Self {
        let mut url = Url::parse(&self.url).expect("a URL");
        url.set_username(user).expect("a server's URL");
        url.set_password(Some(USERS_PASSWORD))
            .expect("a server's URL");
        Self {
            url: url.to_string(),
            ..self.clone()
        }
    }

    /// The URL as SQLAlchemy writes it.
    pub fn sqlalchemy_url(&self) -> String {
        let (_, rest) = self.url.split_once("://").expect("a URL");
        match self.engine.backend {
            DbBackend::Postgres => format!("postgresql+psycopg://{rest}"),
            DbBackend::MySql => format!("mysql+pymysql://{rest}"),
            _ => format!("sqlite:///{}", rest.replace("?mode=rwc", "")),
        }
    }

    /// What no output may show.
    pub fn password(&self) -> Option<String> {
        Url::parse(&self.url)
            .expect("a URL")
            .password()
            .map(str::to_owned)
    }
}

impl fmt::Display for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.engine.name, self.name)
    }
}

/// The workspace's folder.
pub fn workspace() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the tests are a member of the workspace")
}
