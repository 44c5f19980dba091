//! The programs that write or read. Each runs in a process of its own, so that its memory can be measured.

use std::{
    env, fs,
    process::{Command, Stdio},
    time::Instant,
};

use entity::{Page, VectorId, VectorIds, prelude::*};
use sea_orm::{
    ConnectOptions, DatabaseConnection, DbBackend,
    sqlx::{self, Row, postgres::PgPoolCopyExt},
};

use crate::{
    Work,
    engines::{Database, workspace},
    measured,
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    Write,
    Read,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Contestant {
    Ours,
    /// Ours, in a process whose allocator keeps freed memory for the next document.
    HeapKept,
    /// sqlx with COPY of prepared text.
    Copy,
    /// sqlx with a prepared INSERT for each row of prepared text.
    Insert,
    /// sqlx without decoding of the ids.
    Select,
    Orm,
    Core,
}

/// The settings of glibc with which a process gives no freed memory back to the kernel.
const HEAP_KEPT: &[(&str, &str)] = &[
    ("MALLOC_TRIM_THRESHOLD_", "1000000000"),
    ("MALLOC_TOP_PAD_", "67108864"),
];

#[derive(Clone, Copy)]
pub struct Run {
    pub seconds: f64,
    pub peak_kib: f64,
}

impl Contestant {
    const ALL: [Self; 7] = [
        Self::Ours,
        Self::HeapKept,
        Self::Copy,
        Self::Insert,
        Self::Select,
        Self::Orm,
        Self::Core,
    ];

    pub fn of(action: Action, backend: DbBackend) -> Vec<Self> {
        match (action, backend) {
            (Action::Read, _) => vec![
                Self::Ours,
                Self::HeapKept,
                Self::Select,
                Self::Core,
                Self::Orm,
            ],
            (_, DbBackend::Postgres) => {
                vec![Self::Ours, Self::Copy, Self::Insert, Self::Core, Self::Orm]
            }
            _ => vec![Self::Ours, Self::Insert, Self::Core, Self::Orm],
        }
    }

    /// Returns the fastest contestant that uses the driver alone.
    pub fn driver(contestants: &[Self]) -> Self {
        let is_driver = |one: &&Self| matches!(one, Self::Copy | Self::Insert | Self::Select);
        contestants
            .iter()
            .find(is_driver)
            .copied()
            .unwrap_or(Self::Ours)
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::Ours => "ours",
            Self::HeapKept => "ours, heap kept",
            Self::Copy => "sqlx COPY",
            Self::Insert => "sqlx INSERT",
            Self::Select => "sqlx SELECT",
            Self::Orm => "SQLAlchemy ORM",
            Self::Core => "SQLAlchemy core",
        }
    }

    pub fn is_rust(self) -> bool {
        !matches!(self, Self::Orm | Self::Core)
    }

    pub fn run(self, action: Action, database: &Database, work: Work) -> Run {
        let url = match self.is_rust() {
            true => database.url.clone(),
            false => database.sqlalchemy_url(),
        };
        let (program, mut arguments) = match self.is_rust() {
            true => {
                let program = env::current_exe().expect("this program");
                (program, vec!["contestant".to_owned()])
            }
            false => {
                let script = workspace().join("tests/python/bench_rows.py");
                let python = workspace().join("target/venv/bin/python");
                (python, vec![script.display().to_string()])
            }
        };
        let way = match self {
            Self::Orm => "orm",
            Self::Core => "core",
            other => other.name(),
        };
        let action = format!("{action:?}").to_lowercase();
        arguments.extend([action, way.to_owned(), url]);
        arguments.extend([work.documents, work.pages].map(|number| number.to_string()));
        arguments.push(work.ids.to_string());
        let allocator = match self {
            Self::HeapKept => HEAP_KEPT,
            _ => &[],
        };
        let output = Command::new(program)
            .args(&arguments)
            .envs(allocator.iter().copied())
            .stderr(Stdio::inherit())
            .output()
            .expect("it runs");
        assert!(output.status.success(), "{arguments:?}");
        let printed = String::from_utf8_lossy(&output.stdout);
        let (seconds, peak) = printed.trim().split_once(' ').expect("two numbers");
        Run {
            seconds: seconds.parse().expect("seconds"),
            peak_kib: peak.parse().expect("KiB"),
        }
    }
}

/// Runs one contestant in its own process. The arguments are those of the Python script.
pub fn take_part(arguments: &[String]) {
    let [action, way, url, documents, pages, ids] = arguments else {
        panic!("{arguments:?}");
    };
    let named = |one: &&Contestant| one.name() == way;
    let contestant = *Contestant::ALL.iter().find(named).expect("a contestant");
    let work = Work {
        documents: documents.parse().expect("documents"),
        pages: pages.parse().expect("pages"),
        ids: ids.parse().expect("ids"),
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let seconds = runtime.block_on(async {
        let mut options = ConnectOptions::new(url);
        options.max_connections(1);
        let db = sea_orm::Database::connect(options)
            .await
            .expect("a connection");
        match action.as_str() {
            "write" => write(contestant, &db, work).await,
            _ => read(contestant, &db, work).await,
        }
    });
    println!("{seconds} {}", peak_kib());
}

fn peak_kib() -> f64 {
    let status = fs::read_to_string("/proc/self/status").expect("Linux");
    measured::peak_of(&status).expect("KiB")
}

fn page(ids: usize) -> VectorIds {
    let random = || VectorId::from(format!("{:032x}", fastrand::u128(..)));
    (0..ids).map(|_| random()).collect()
}

fn document(work: Work) -> Vec<Page> {
    let page = |number| Page {
        number,
        ids: page(work.ids),
    };
    (0..work.pages).map(page).collect()
}

async fn write(contestant: Contestant, db: &DatabaseConnection, work: Work) -> f64 {
    let documents: Vec<Vec<Page>> = (0..work.documents).map(|_| document(work)).collect();
    if contestant == Contestant::Ours {
        let started = Instant::now();
        for (doc_id, pages) in (1..).zip(documents) {
            Vectors::record_pages(db, doc_id, pages)
                .await
                .expect("recorded");
        }
        return started.elapsed().as_secs_f64();
    }
    let text = |page: Page| (page.number, page.ids.to_string());
    let texts: Vec<Vec<(i32, String)>> = documents
        .into_iter()
        .map(|pages| pages.into_iter().map(text).collect())
        .collect();
    let started = Instant::now();
    for (doc_id, pages) in (1..).zip(&texts) {
        match contestant {
            Contestant::Copy => copy(db, doc_id, pages).await,
            _ => insert(db, doc_id, pages).await,
        }
    }
    started.elapsed().as_secs_f64()
}

async fn copy(db: &DatabaseConnection, doc_id: i32, pages: &[(i32, String)]) {
    let pool = db.get_postgres_connection_pool();
    let statement = "COPY vectors (doc_id, page, vector_ids) FROM STDIN";
    let mut copy = pool.copy_in_raw(statement).await.expect(statement);
    for (page, ids) in pages {
        // Hexadecimal digits need no escapes.
        let line = format!("{doc_id}\t{page}\t{ids}\n");
        copy.send(line.as_bytes()).await.expect("sent");
    }
    copy.finish().await.expect("copied");
}

async fn insert(db: &DatabaseConnection, doc_id: i32, pages: &[(i32, String)]) {
    const DOLLARS: &str = "INSERT INTO vectors (doc_id, page, vector_ids) VALUES ($1, $2, $3)";
    const MARKS: &str = "INSERT INTO vectors (doc_id, page, vector_ids) VALUES (?, ?, ?)";
    macro_rules! insert {
        ($pool:expr, $sql:expr) => {{
            let mut transaction = $pool.begin().await.expect("it begins");
            for (page, ids) in pages {
                let insert = sqlx::query($sql).bind(doc_id).bind(*page).bind(ids);
                insert.execute(&mut *transaction).await.expect($sql);
            }
            transaction.commit().await.expect("it ends");
        }};
    }
    match db.get_database_backend() {
        DbBackend::Postgres => insert!(db.get_postgres_connection_pool(), DOLLARS),
        DbBackend::MySql => insert!(db.get_mysql_connection_pool(), MARKS),
        _ => insert!(db.get_sqlite_connection_pool(), MARKS),
    }
}

async fn read(contestant: Contestant, db: &DatabaseConnection, work: Work) -> f64 {
    let started = Instant::now();
    let mut ids = 0;
    for doc_id in 1..=work.documents {
        match contestant {
            Contestant::Ours | Contestant::HeapKept => {
                let pages = Vectors::pages_of_document(db, doc_id).await.expect("read");
                ids += pages.iter().map(|page| page.ids.len()).sum::<usize>();
            }
            // An id takes 36 bytes.
            _ => ids += select(db, doc_id).await / 36,
        }
    }
    let seconds = started.elapsed().as_secs_f64();
    let expected = work.all_pages() as usize * work.ids;
    assert_eq!(ids, expected);
    seconds
}

/// Returns the number of bytes in the texts of a document.
async fn select(db: &DatabaseConnection, doc_id: i32) -> usize {
    const DOLLAR: &str = "SELECT page, vector_ids FROM vectors WHERE doc_id = $1";
    const MARK: &str = "SELECT page, vector_ids FROM vectors WHERE doc_id = ?";
    macro_rules! select {
        ($pool:expr, $sql:expr) => {{
            let select = sqlx::query($sql).bind(doc_id);
            let rows = select.fetch_all($pool).await.expect($sql);
            rows.iter().map(|row| row.get::<&str, _>(1).len()).sum()
        }};
    }
    match db.get_database_backend() {
        DbBackend::Postgres => select!(db.get_postgres_connection_pool(), DOLLAR),
        DbBackend::MySql => select!(db.get_mysql_connection_pool(), MARK),
        _ => select!(db.get_sqlite_connection_pool(), MARK),
    }
}
