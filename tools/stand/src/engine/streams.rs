//! What the embedded engine's streams lack: an index, and an end.
//!
//! For each item that is written to a table with a stream, the engine looks for the last sequence
//! number among the records of all streams, which it never removes. Without an index a write would
//! cost the more the more was written before.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use anyhow::{Context, Result};
use dynoxide::Database;
use rusqlite::Connection;

use super::failed;

const INDEXES: &str = "
    CREATE INDEX IF NOT EXISTS stream_sequences
        ON _stream_records (table_name, CAST(sequence_number AS INTEGER));
    CREATE INDEX IF NOT EXISTS shard_sequences
        ON _stream_records (table_name, shard_id, CAST(sequence_number AS INTEGER));";

/// DynamoDB keeps records for a day.
const TRIM: &str = "DELETE FROM _stream_records WHERE created_at < unixepoch() - 86400";

/// A database on a file, with the data that it has.
pub fn on_file(file: &Path) -> Result<Database> {
    let name = file
        .to_str()
        .context("the engine's file has a name that is not UTF-8")?;
    let database = Database::new(name).map_err(failed)?;
    let connection = Connection::open(file)?;
    connection.execute_batch(INDEXES)?;
    connection.execute(TRIM, ())?;
    Ok(database)
}

/// Removes what the streams of a saved database have, which everybody has read.
pub fn clear(file: &Path) -> Result<()> {
    Connection::open(file)?.execute("DELETE FROM _stream_records", ())?;
    Ok(())
}

/// An empty database in memory.
pub fn in_memory() -> Result<Database> {
    static STARTED: AtomicUsize = AtomicUsize::new(0);
    let (process, number) = (std::process::id(), STARTED.fetch_add(1, Relaxed));
    let folder = std::env::temp_dir().join(format!("engine-{process}-{number}"));
    std::fs::create_dir_all(&folder)?;
    let file = folder.join("empty.sqlite");
    // Of the way into memory there is only this one.
    let empty = on_file(&file)?;
    drop(empty);
    let database = Database::memory().map_err(failed)?;
    let name = file.to_str().context("the folder for temporary files")?;
    database.restore_from(name).map_err(failed)?;
    std::fs::remove_dir_all(&folder)?;
    Ok(database)
}
