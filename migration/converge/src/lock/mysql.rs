//! A named lock of the session. On Galera it is a node's own: there a race between nodes is lost by one
//! of two, who looks again.

use sea_orm::{ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbErr};

use crate::{inspect::rows, session::begin_to_write};

/// Named locks are the server's: the database is part of the name, which may have 64 letters.
pub(crate) const NAME: &str = "concat('colpali vectors ', crc32(database()))";

pub(super) async fn begin(db: &DatabaseConnection) -> Result<DatabaseTransaction, DbErr> {
    begin_to_write(db).await
}

pub(super) async fn try_take(db: &impl ConnectionTrait) -> Result<bool, DbErr> {
    let sql =
        format!("SELECT CAST(GET_LOCK({NAME}, 0) AS SIGNED), CAST(@@completion_type AS CHAR)");
    let taken = rows(db, &sql, [], |row| {
        let taken: Option<i64> = row.try_get_by_index(0)?;
        let completion: String = row.try_get_by_index(1)?;
        Ok((taken == Some(1), completion))
    });
    let taken = taken.await?;
    // A COMMIT would begin the next transaction, or end the session.
    match taken
        .iter()
        .find(|(_, completion)| completion != "NO_CHAIN")
    {
        Some((is_taken, completion)) => {
            if *is_taken {
                give_back(db).await?;
            }
            Err(DbErr::Custom(format!(
                "completion_type is {completion} in the pool's sessions; set it to NO_CHAIN there"
            )))
        }
        None => Ok(taken.iter().any(|(is_taken, _)| *is_taken)),
    }
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
