//! A named lock of the session. On Galera it is a node's own: there a race between nodes is lost by one
//! of two, who looks again.

use sea_orm::{ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbErr};

use crate::{
    inspect::{list, rows},
    session::begin_to_write,
};

/// Named locks are the server's: the database is part of the name, which may have 64 letters.
pub(crate) const NAME: &str = "concat('colpali vectors ', crc32(database()))";

pub(super) async fn begin(db: &DatabaseConnection) -> Result<DatabaseTransaction, DbErr> {
    begin_to_write(db).await
}

pub(super) async fn try_take(db: &impl ConnectionTrait) -> Result<bool, DbErr> {
    let sql = format!("SELECT CAST(GET_LOCK({NAME}, 0) AS SIGNED)");
    let taken: Vec<Option<i64>> = list(db, &sql, []).await?;
    Ok(taken == [Some(1)])
}

pub(super) async fn holder(db: &impl ConnectionTrait) -> Result<Option<String>, DbErr> {
    let sql = format!(
        "SELECT CAST(concat('connection ', id, ' of ', user, ', ', lower(command), ' for ', time, ' s') AS CHAR)
         FROM information_schema.processlist WHERE id = IS_USED_LOCK({NAME})"
    );
    let mut found = rows(db, &sql, [], |row| row.try_get_by_index(0)).await?;
    Ok(found.pop())
}

pub(super) async fn give_back(db: &impl ConnectionTrait) -> Result<(), DbErr> {
    db.execute_unprepared(&format!("DO RELEASE_LOCK({NAME})"))
        .await
        .map(|_| ())
}
