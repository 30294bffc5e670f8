//! A disk in memory for the spill journal. What it forgets is tested where the journal is.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex};

use maitred::store::journal::{Disk, DiskFile};

type Bytes = Arc<Mutex<Vec<u8>>>;

/// Files by their names. A clone is the same disk.
#[derive(Clone, Debug, Default)]
pub(crate) struct Memory(Arc<Mutex<BTreeMap<String, Bytes>>>);

/// One of them.
#[derive(Clone, Debug, Default)]
pub(crate) struct File(Bytes);

impl Disk for Memory {
    type File = File;

    fn list(&self) -> io::Result<Vec<String>> {
        Ok(self.0.lock().unwrap().keys().cloned().collect())
    }

    fn create(&self, name: &str) -> io::Result<File> {
        let file = File::default();
        let mut files = self.0.lock().unwrap();
        files.insert(name.to_owned(), Arc::clone(&file.0));
        Ok(file)
    }

    fn open(&self, name: &str) -> io::Result<File> {
        let files = self.0.lock().unwrap();
        let bytes = files.get(name).ok_or(io::ErrorKind::NotFound)?;
        Ok(File(Arc::clone(bytes)))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut files = self.0.lock().unwrap();
        let bytes = files.remove(from).ok_or(io::ErrorKind::NotFound)?;
        files.insert(to.to_owned(), bytes);
        Ok(())
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.0.lock().unwrap().remove(name);
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        Ok(())
    }
}

impl DiskFile for File {
    fn length(&self) -> io::Result<u64> {
        Ok(self.0.lock().unwrap().len() as u64)
    }

    fn read_at(&self, at: u64, into: &mut [u8]) -> io::Result<()> {
        let bytes = self.0.lock().unwrap();
        let piece = bytes.get(at as usize..at as usize + into.len());
        into.copy_from_slice(piece.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn write_at(&self, at: u64, piece: &[u8]) -> io::Result<()> {
        let mut bytes = self.0.lock().unwrap();
        let end = at as usize + piece.len();
        let length = bytes.len().max(end);
        bytes.resize(length, 0);
        bytes[at as usize..end].copy_from_slice(piece);
        Ok(())
    }

    fn cut(&self, length: u64) -> io::Result<()> {
        self.0.lock().unwrap().truncate(length as usize);
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        Ok(())
    }
}
