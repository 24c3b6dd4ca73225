//! Files beside the artifacts of runs in SQL.

use super::columns::{count, word};
use super::{Connection, DbRow};
use crate::fail::Fail;
use crate::{ArtifactKind, ArtifactPath, Content, StoredFile};

pub(super) async fn keep(db: &mut Connection, file: &StoredFile) -> Result<(), Fail> {
    let sql = "INSERT INTO files (path, kind, hash, size) VALUES ($1, $2, $3, $4) \
               ON CONFLICT (path) DO UPDATE SET kind = excluded.kind, hash = excluded.hash, \
               size = excluded.size";
    sqlx::query(sql)
        .bind(file.path.as_str())
        .bind(file.content.kind.as_str())
        .bind(file.content.hash.to_string())
        .bind(i64::try_from(file.content.size).unwrap_or(i64::MAX))
        .execute(&mut *db)
        .await?;
    Ok(())
}

pub(super) async fn find(db: &mut Connection, path: &str) -> Result<Option<StoredFile>, Fail> {
    let sql = "SELECT * FROM files WHERE path = $1";
    let row = sqlx::query(sql).bind(path).fetch_optional(&mut *db).await?;
    row.as_ref().map(decode).transpose()
}

/// Everything below a folder, or everything when it is empty.
pub(super) async fn below(db: &mut Connection, folder: &str) -> Result<Vec<StoredFile>, Fail> {
    let rows = match folder {
        "" => sqlx::query("SELECT * FROM files ORDER BY path").fetch_all(&mut *db).await?,
        _ => {
            let sql = "SELECT * FROM files WHERE path >= $1 AND path < $2 ORDER BY path";
            let (from, to) = range(folder);
            sqlx::query(sql).bind(from).bind(to).fetch_all(&mut *db).await?
        }
    };
    rows.iter().map(decode).collect()
}

pub(super) async fn forget(db: &mut Connection, path: &str) -> Result<(), Fail> {
    let sql = "DELETE FROM files WHERE path = $1 OR (path >= $2 AND path < $3)";
    let (from, to) = range(path);
    sqlx::query(sql).bind(path).bind(from).bind(to).execute(&mut *db).await?;
    Ok(())
}

/// Whatever begins with `folder/`: `0` is the letter behind the slash.
pub(super) fn range(folder: &str) -> (String, String) {
    (format!("{folder}/"), format!("{folder}0"))
}

fn decode(row: &DbRow) -> Result<StoredFile, Fail> {
    let content = Content {
        hash: word(row, "hash", |text| text.parse().ok())?,
        kind: word(row, "kind", ArtifactKind::parse)?,
        size: count(row, "size")?,
    };
    let path = word(row, "path", |text| ArtifactPath::parse(text).ok())?;
    Ok(StoredFile { path, content })
}
