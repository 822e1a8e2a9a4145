//! The folder in which a server keeps the last rulesets of each tenant, to start from while the database is away.
//!
//! One file a tenant, with all its environments at one revision: a reader never sees two. Files are put in place whole, so that a
//! server that is killed leaves the former one. `adr/0012` says why it is so.

mod file;
mod former;
mod saver;

use std::collections::HashMap;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::UNIX_EPOCH;

use ff_core::TenantId;
use ff_store::Dsn;
use sha2::{Digest, Sha256};
use uuid::Uuid;

pub(crate) use self::file::Saved;
use self::file::{Damage, tenant_in};
pub(crate) use self::former::note_former;
pub(crate) use self::saver::save_for_ever;
use crate::cache::TenantRulesets;
use crate::clock;
use crate::document::contents::Contents;

const SUFFIX: &str = ".ruleset";

/// Of files that are being written.
const UNFINISHED: &str = ".unfinished";

/// A folder with rulesets.
#[derive(Debug, Clone)]
pub struct StateDir {
    folder: PathBuf,
    /// Names the database, so that the rulesets of another one are not taken for its own.
    database: String,
    /// What was last said of a file: it is looked at for each request while nothing else is there, and the log is told once.
    said: Arc<Mutex<HashMap<PathBuf, String>>>,
}

impl StateDir {
    /// The folder at `folder`, which is made where it is missing, for rulesets of the database that `dsn` leads to.
    ///
    /// # Errors
    /// It cannot be made, read or written to.
    pub fn open(folder: &Path, dsn: &Dsn) -> io::Result<Self> {
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        let digest = Sha256::digest(dsn.place());
        let database = digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
        let opened = Self { folder: folder.to_owned(), database, said: Arc::default() };
        opened.clear_unfinished()?;
        // A folder that cannot be written to should be noticed now, and not when it is needed.
        let probe = opened.write_unfinished(b"")?;
        fs::remove_file(probe)?;
        Ok(opened)
    }

    /// What a server that was killed has left half done.
    fn clear_unfinished(&self) -> io::Result<()> {
        for entry in fs::read_dir(&self.folder)? {
            let path = entry?.path();
            if path.to_string_lossy().ends_with(UNFINISHED) {
                fs::remove_file(path)?;
            }
        }
        Ok(())
    }

    /// The tenants that have a file, whether or not it is whole.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub fn tenants(&self) -> io::Result<Vec<TenantId>> {
        let mut tenants = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            let path = entry?.path();
            if !path.to_string_lossy().ends_with(SUFFIX) {
                continue;
            }
            match File::open(&path).map_err(Damage::from).and_then(tenant_in) {
                Ok(tenant) if self.path_of(&tenant) == path => tenants.push(tenant),
                Ok(tenant) => self.ignored(&path, format!("it names the tenant `{tenant}`, whose file is another")),
                Err(damage) => self.ignored(&path, damage),
            }
        }
        tenants.sort();
        Ok(tenants)
    }

    /// What was saved of the tenant, if anything was; what is damaged or foreign is ignored and logged.
    pub(crate) fn read(&self, tenant: &TenantId) -> Option<Saved> {
        let path = self.path_of(tenant);
        match fs::read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => {
                self.ignored(&path, error);
                None
            }
            Ok(bytes) => {
                let saved = Saved::read(bytes, tenant, &self.database);
                saved.inspect_err(|damage| self.ignored(&path, damage)).ok()
            }
        }
    }

    /// The tenant's rulesets as they were saved.
    pub(crate) fn rulesets(&self, tenant: &TenantId) -> Option<TenantRulesets> {
        let saved = self.read(tenant)?;
        // It was what the database had when it was written, and perhaps for long after.
        let written = fs::metadata(self.path_of(tenant)).and_then(|metadata| metadata.modified());
        let age = clock::since(written.unwrap_or(UNIX_EPOCH));
        let compiled = saved.contents().and_then(|contents| file::compile(tenant, &contents, age));
        compiled.inspect_err(|damage| self.ignored(&self.path_of(tenant), damage)).ok()
    }

    /// Says in the log why a file is of no use, unless that was said of it last.
    fn ignored(&self, path: &Path, reason: impl ToString) {
        let reason = reason.to_string();
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        if said.get(path) != Some(&reason) {
            log::warn!("`{}` is ignored: {reason}", path.display());
            said.insert(path.to_owned(), reason);
        }
    }

    /// Puts these in place of what was saved of the tenant: all of it, or nothing.
    ///
    /// # Errors
    /// The folder is full, or gone, or whatever else its disk says. The former file is still there then.
    pub(crate) fn write(&self, tenant: &TenantId, contents: &Contents<'_>) -> io::Result<()> {
        let unfinished = self.write_unfinished(&file::written(tenant, &self.database, contents))?;
        let placed = fs::rename(&unfinished, self.path_of(tenant));
        if placed.is_err() {
            fs::remove_file(&unfinished).ok();
        }
        placed?;
        // The name is on the disk once the folder is.
        File::open(&self.folder)?.sync_all()
    }

    /// Writes a new file through to the disk.
    fn write_unfinished(&self, bytes: &[u8]) -> io::Result<PathBuf> {
        let path = self.folder.join(format!("{}{UNFINISHED}", Uuid::now_v7().simple()));
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
        let done = file.write_all(bytes).and_then(|()| file.sync_all());
        if done.is_err() {
            fs::remove_file(&path).ok();
        }
        done.map(|()| path)
    }

    /// A hash, since tenants' ids differ in case and in length, and the names of files need not.
    fn path_of(&self, tenant: &TenantId) -> PathBuf {
        let name: String = Sha256::digest(tenant.as_str()).iter().map(|byte| format!("{byte:02x}")).collect();
        self.folder.join(name + SUFFIX)
    }
}

#[cfg(test)]
mod tests;
