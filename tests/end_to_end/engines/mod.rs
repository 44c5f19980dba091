//! Real database servers, each a child process in a temporary folder, and a fresh database for each
//! test.

mod citus;
pub mod galera;
pub mod mariadb;
pub mod pgbouncer;
pub mod postgres;
pub mod process;
mod sqlite;
pub mod template;

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
use sea_orm::{
    ConnectOptions, ConnectionTrait, DatabaseConnection, DbBackend, DbErr,
    sqlx::postgres::PgSslMode,
};
use tempfile::TempDir;
use url::Url;

/// The password of the users that tests create.
pub const USERS_PASSWORD: &str = "only-for-tests";

/// The longest start: that of a node that takes a copy of another while the machine is busy.
const LONGEST_START: Duration = Duration::from_secs(180);

pub type Failure = Box<dyn Error + Send + Sync>;

/// A kind of server on which the tests run: its name, and how to start it.
#[derive(Clone, Copy)]
pub struct Engine {
    pub name: &'static str,
    pub backend: DbBackend,
    /// The programs without which it cannot be started.
    needs: fn() -> Vec<PathBuf>,
    start: fn() -> Result<Server, Failure>,
}

/// The versions of PostgreSQL that the tests start.
pub const POSTGRES: [&str; 2] = ["postgres15", "postgres18"];

/// Returns the engines. A variable can replace some by a server that is running already; Citus,
/// which is in no package registry, can only be named by a variable. Engines whose tests mostly
/// wait come before those that keep a processor busy, and SQLite's tests run while the others
/// start.
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

/// Returns what is not tested because no variable names a server for it.
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

/// Returns a server that runs elsewhere.
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
    /// Returns whether the server runs elsewhere, so that it must not be killed.
    pub fn is_named(self) -> bool {
        let variable = match self.backend {
            DbBackend::Postgres => "TEST_POSTGRES_URL",
            DbBackend::MySql => "TEST_MYSQL_URL",
            _ => return false,
        };
        env::var_os(variable).is_some()
    }

    /// Returns a program that the server needs and this machine does not have.
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

    /// Keeps the engine's other tests away if its databases are not separate: Citus finds deadlocks
    /// between the schemas of one.
    pub fn alone(self) -> Option<MutexGuard<'static, ()>> {
        static TURN: Mutex<()> = Mutex::new(());
        let take = || TURN.lock().unwrap_or_else(PoisonError::into_inner);
        (self.name == citus::NAME).then(take)
    }
}

/// A server that runs, or is starting. Dropping it stops the server.
pub struct Started {
    server: Arc<OnceLock<Result<Server, String>>>,
    keep: Option<mpsc::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Started {
    /// Waits until the server answers.
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
    /// The URL of a database that always exists; on SQLite of the folder.
    pub admin: Url,
    /// The URLs for clients, if they are others: that of a pooler, or those of the nodes of a
    /// cluster.
    doors: Vec<Url>,
    pub processes: Vec<Process>,
    /// The folders, which are removed after the processes have ended.
    folders: Vec<TempDir>,
}

impl Server {
    /// Creates a database that no other test uses.
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

    /// Runs a statement of an administrator. It may fail once while many others run: PostgreSQL
    /// asks for a checkpoint when a database is dropped.
    async fn administrate(&self, sql: &str) -> Result<(), Failure> {
        let db = connect(ConnectOptions::new(self.admin.as_str())).await?;
        if db.execute_unprepared(sql).await.is_err() {
            db.execute_unprepared(sql).await?;
        }
        db.close().await?;
        Ok(())
    }

    /// Kills the server as the kernel does if memory is short: with SIGKILL.
    pub fn kill(&mut self) -> Result<(), Failure> {
        self.ours()?.kill()
    }

    /// Starts the server again on the same data and port. It may take a while until it answers.
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

    /// Waits for a first connection to every URL; if none succeeds, fails with what the servers
    /// wrote.
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
            let mut options = ConnectOptions::new(url.as_str());
            options
                .connect_timeout(Duration::from_secs(5))
                .map_sqlx_postgres_opts(|options| {
                    options
                        // PgBouncer refuses it.
                        .extra_float_digits(None)
                        // A test's certificate may be one that no client accepts.
                        .ssl_mode(PgSslMode::Disable)
                });
            while let Err(error) = connect(options.clone()).await {
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

/// Connects. The future is boxed: without optimizations, each function that awaits it in place would
/// take a hundred kilobytes of its thread's stack.
async fn connect(options: ConnectOptions) -> Result<DatabaseConnection, DbErr> {
    Box::pin(sea_orm::Database::connect(options)).await
}

/// The database of one test.
#[derive(Clone)]
pub struct Database {
    pub engine: Engine,
    pub name: String,
    pub url: String,
    /// The URLs for clients, one or several: the pooler's, or that of each node of the cluster.
    pub doors: Vec<String>,
}

impl Database {
    pub async fn connect(&self) -> DatabaseConnection {
        let connected = connect(ConnectOptions::new(&self.url)).await;
        connected.unwrap_or_else(|error| panic!("{self}: {error}"))
    }

    /// Opens one connection, for a short task.
    pub async fn connect_once(&self) -> DatabaseConnection {
        let connected = self.try_connect_once().await;
        connected.unwrap_or_else(|error| panic!("{self}: {error}"))
    }

    pub async fn try_connect_once(&self) -> Result<DatabaseConnection, DbErr> {
        let mut options = ConnectOptions::new(&self.url);
        options.max_connections(1);
        connect(options).await
    }

    /// Returns the file of SQLite.
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

    /// Empties the database, as if it had just been created.
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
                // The file may not exist yet.
                let _ = std::fs::remove_file(self.file());
            }
        }
        self.settle().await;
    }

    /// Runs statements that the application or another user would run.
    pub async fn execute<S: AsRef<str>>(&self, statements: impl IntoIterator<Item = S>) {
        let db = self.connect_once().await;
        if self.engine.backend == DbBackend::MySql {
            // The test server has another default, so that the migration has to name the engine.
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

    /// Creates a second database on the same server; [`give_back`](Self::give_back) drops it.
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

    /// Returns the database with the URL of a user whose password is [`USERS_PASSWORD`].
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

    /// Returns the URL as SQLAlchemy writes it.
    pub fn sqlalchemy_url(&self) -> String {
        let (_, rest) = self.url.split_once("://").expect("a URL");
        match self.engine.backend {
            DbBackend::Postgres => format!("postgresql+psycopg://{rest}"),
            DbBackend::MySql => format!("mysql+pymysql://{rest}"),
            _ => format!("sqlite:///{}", rest.replace("?mode=rwc", "")),
        }
    }

    /// Returns the password, which no output may contain.
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

/// Returns the workspace's folder.
pub fn workspace() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the tests are a member of the workspace")
}
