//! A migrator that is killed or disconnected at any point, and one whose recovery is killed too.

use sea_orm::DbBackend;

use super::{
    Test,
    work::{Point, Work},
};
use crate::{
    engines::{Database, Engine},
    proxy::{self, Cut, Lost},
    system_calls,
    tier::{self, Tier},
};

/// How many points the quick tier draws in addition to the boundaries of statements.
const MORE: usize = 2;

pub fn tests(engine: Engine) -> Vec<Test> {
    match engine.backend {
        DbBackend::Sqlite => tests![
            up_on_an_empty_file_may_be_killed_at_any_system_call,
            up_on_a_legacy_shape_may_be_killed_at_any_system_call,
            repair_may_be_killed_at_any_system_call,
            down_may_be_killed_at_any_system_call,
            the_recovery_of_up_may_be_killed_at_any_system_call,
        ],
        // Both versions get the same requests, except that `down` ends differently on this one.
        _ if engine.name == "postgres18" && Tier::current() == Tier::Exhaustive => tests![
            down_may_be_killed_after_any_request,
            down_may_lose_any_answer,
        ],
        _ => tests![
            up_on_an_empty_database_may_be_killed_after_any_request,
            up_on_a_legacy_shape_may_be_killed_after_any_request,
            repair_may_be_killed_after_any_request,
            down_may_be_killed_after_any_request,
            up_on_an_empty_database_may_lose_any_answer,
            repair_may_lose_any_answer,
            down_may_lose_any_answer,
            the_recovery_of_up_may_be_killed_after_any_request,
        ],
    }
}

async fn up_on_an_empty_database_may_be_killed_after_any_request(database: Database) {
    killed_after_any_request(Work::up_on_an_empty_database(), &database).await;
}

async fn up_on_a_legacy_shape_may_be_killed_after_any_request(database: Database) {
    killed_after_any_request(Work::up_on_a_legacy_shape(database.backend()), &database).await;
}

async fn repair_may_be_killed_after_any_request(database: Database) {
    killed_after_any_request(Work::repair(database.backend()), &database).await;
}

async fn down_may_be_killed_after_any_request(database: Database) {
    killed_after_any_request(Work::down(database.backend()), &database).await;
}

async fn up_on_an_empty_database_may_lose_any_answer(database: Database) {
    loses_any_answer(Work::up_on_an_empty_database(), &database).await;
}

async fn repair_may_lose_any_answer(database: Database) {
    loses_any_answer(Work::repair(database.backend()), &database).await;
}

async fn down_may_lose_any_answer(database: Database) {
    loses_any_answer(Work::down(database.backend()), &database).await;
}

async fn up_on_an_empty_file_may_be_killed_at_any_system_call(database: Database) {
    killed_at_any_system_call(Work::up_on_an_empty_database(), &database).await;
}

async fn up_on_a_legacy_shape_may_be_killed_at_any_system_call(database: Database) {
    killed_at_any_system_call(Work::up_on_a_legacy_shape(DbBackend::Sqlite), &database).await;
}

async fn repair_may_be_killed_at_any_system_call(database: Database) {
    killed_at_any_system_call(Work::repair(DbBackend::Sqlite), &database).await;
}

async fn down_may_be_killed_at_any_system_call(database: Database) {
    killed_at_any_system_call(Work::down(DbBackend::Sqlite), &database).await;
}

/// The server cannot tell whether a client that is killed has received the last answer.
async fn killed_after_any_request(work: Work, database: &Database) {
    let mut given = work.begin(database).await;
    let sent = proxy::requests(work.command(), database).await;
    let mut tally = Tally::of("kill points", &work, database, sent.len() + 1);
    for passed in work.points(database, &sent, MORE) {
        let _point = Point(format!("{} killed after request {passed}", work.name));
        given.again().await;
        let lost = Lost::Request;
        let ended = proxy::kill(work.command(), database, Cut { passed, lost }).await;
        given.is_survived().await;
        tally.count(ended.at_the_fault);
    }
    tally.print();
}

async fn loses_any_answer(work: Work, database: &Database) {
    let mut given = work.begin(database).await;
    let sent = proxy::requests(work.command(), database).await;
    let mut tally = Tally::of("lost answers", &work, database, sent.len());
    // For other statements, the runs that are killed get no answer either.
    let commits = (0..sent.len()).filter(|at| sent[*at].commits());
    let mut choices = tier::choices((database.engine.name, work.name, "answers"));
    for at in tier::sample(sent.len(), commits, MORE, &mut choices) {
        let passed = at + 1;
        let _point = Point(format!("{} without answer {passed}", work.name));
        given.again().await;
        let lost = Lost::Answer;
        let ended = proxy::disconnect(work.command(), database, Cut { passed, lost }).await;
        let finished = ended.finished.expect("nobody killed it");
        if finished.code != Some(0) {
            finished.expect_error();
        }
        given.is_survived().await;
        tally.count(ended.at_the_fault);
    }
    tally.print();
}

async fn killed_at_any_system_call(work: Work, database: &Database) {
    let mut given = work.begin(database).await;
    let calls = system_calls::changes(&system_calls::calls(&work.command(), database));
    let mut tally = Tally::of("kill points", &work, database, calls.len());
    let mut choices = tier::choices((database.engine.name, work.name));
    for at in tier::sample(calls.len(), [], 10, &mut choices) {
        let _point = Point(format!("{} killed at {:?}", work.name, calls[at]));
        given.again().await;
        let is_killed = system_calls::kill(&work.command(), database, calls[at]);
        given.is_survived().await;
        tally.count(is_killed);
    }
    tally.print();
}

/// The first kill is at one of these points, the second at each.
const FIRST_POINTS: usize = 3;

async fn the_recovery_of_up_may_be_killed_after_any_request(database: Database) {
    let work = Work::up_on_a_legacy_shape(database.backend());
    let mut given = work.begin(&database).await;
    let sent = proxy::requests(work.command(), &database).await;
    let mut choices = tier::choices((database.engine.name, "recovery"));
    let lost = Lost::Request;
    let mut tally = Tally::of("second kill points", &work, &database, 0);
    for _ in 0..tier::rounds(1, FIRST_POINTS) {
        let first = Cut {
            passed: choices.usize(..sent.len()),
            lost,
        };
        given.again().await;
        proxy::kill(work.command(), &database, first).await;
        let recovery = proxy::requests(work.command(), &database).await;
        tally.all += recovery.len() + 1;
        for passed in tier::sample(recovery.len() + 1, [], MORE, &mut choices) {
            let _point = Point(format!(
                "killed after request {} and {passed}",
                first.passed
            ));
            given.again().await;
            proxy::kill(work.command(), &database, first).await;
            let ended = proxy::kill(work.command(), &database, Cut { passed, lost }).await;
            given.is_survived().await;
            tally.count(ended.at_the_fault);
        }
    }
    tally.print();
}

async fn the_recovery_of_up_may_be_killed_at_any_system_call(database: Database) {
    let work = Work::up_on_a_legacy_shape(DbBackend::Sqlite);
    let mut given = work.begin(&database).await;
    let command = work.command();
    let calls = system_calls::changes(&system_calls::calls(&command, &database));
    let mut choices = tier::choices((database.engine.name, "recovery"));
    let mut tally = Tally::of("second kill points", &work, &database, 0);
    for _ in 0..tier::rounds(1, FIRST_POINTS) {
        // After the last call nothing may be left to do.
        let first = calls[choices.usize(..calls.len() / 2)];
        given.again().await;
        system_calls::kill(&command, &database, first);
        let recovery = system_calls::changes(&system_calls::calls(&command, &database));
        tally.all += recovery.len();
        for at in tier::sample(recovery.len(), [], MORE, &mut choices) {
            let second = recovery[at];
            let _point = Point(format!("killed at {first:?} and {second:?}"));
            given.again().await;
            system_calls::kill(&command, &database, first);
            let is_killed = system_calls::kill(&command, &database, second);
            given.is_survived().await;
            tally.count(is_killed);
        }
    }
    tally.print();
}

/// How many faults there could be, and how many were tried.
pub struct Tally {
    about: String,
    all: usize,
    tried: usize,
}

impl Tally {
    pub fn of(faults: &str, work: &Work, database: &Database, all: usize) -> Self {
        Self {
            about: format!("{}: {}: {faults}", database.engine.name, work.name),
            all,
            tried: 0,
        }
    }

    /// Counts a fault. A run may have ended before it came to the point.
    pub fn count(&mut self, at_the_fault: bool) {
        self.tried += usize::from(at_the_fault);
    }

    /// Prints the counts. Every fault that was tried was survived, or the test would have ended.
    pub fn print(&self) {
        let Self { about, all, tried } = self;
        assert!(*tried > 0, "{about}: none of {all} was reached");
        match Tier::current() {
            Tier::Quick => println!("{about}: {tried} of {all} tried, {tried} survived"),
            Tier::Exhaustive => println!("{about}: {tried} tried, {tried} survived"),
        }
    }
}
