//! What Consul said last, on disk: a gateway that starts while Consul is away serves what it served before.
//!
//! One file an answer, as it came; what may be believed of it is decided as if it had come just now. Leaves with their keys are among
//! them, so the folder is its owner's alone.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use bytes::Bytes;

/// Longer answers are not read back: they were never written.
const MOST_BYTES: u64 = 64 << 20;

/// The folder of the answers.
#[derive(Debug)]
pub struct Kept(PathBuf);

/// An answer that was kept.
#[derive(Clone, Debug)]
pub struct KeptAnswer {
    /// What it answers.
    pub asked: String,
    /// As it came.
    pub body: Bytes,
    /// When it was written.
    pub at: SystemTime,
}

impl Kept {
    /// The folder, made if it is not there. One that others may look into is refused: what is in it are keys.
    pub fn open(folder: &Path) -> io::Result<Self> {
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        let mode = fs::metadata(folder)?.permissions().mode() & 0o777;
        if mode & 0o077 != 0 {
            let why = format!("others may look into it (mode {mode:o}), and keys are kept there: chmod 700 {}", folder.display());
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, why));
        }
        Ok(Self(folder.to_owned()))
    }

    /// Every answer that is there and can be read, and that is wanted by what it answers.
    pub fn all(&self, wanted: impl Fn(&str) -> bool) -> io::Result<Vec<KeptAnswer>> {
        let mut out = Vec::new();
        for file in fs::read_dir(&self.0)? {
            let file = file?;
            let Some(asked) = file.file_name().to_str().and_then(asked).filter(|asked| wanted(asked)) else { continue };
            let Ok(opened) = File::open(file.path()) else { continue };
            let mut body = Vec::new();
            if opened.take(MOST_BYTES).read_to_end(&mut body).is_ok() {
                let at = file.metadata()?.modified()?;
                out.push(KeptAnswer { asked, body: body.into(), at });
            }
        }
        out.sort_by(|a, b| a.asked.cmp(&b.asked));
        Ok(out)
    }

    /// An answer, as it came; `None`: there is none that can be read.
    pub fn get(&self, asked: &str) -> Option<Bytes> {
        let mut body = Vec::new();
        File::open(self.0.join(name(asked))).ok()?.take(MOST_BYTES).read_to_end(&mut body).ok()?;
        Some(body.into())
    }

    /// Keeps an answer in place of an older one, whole or not at all.
    pub fn put(&self, asked: &str, body: &[u8]) -> io::Result<()> {
        let name = name(asked);
        let temporary = self.0.join(format!(".{name}"));
        let mut file = OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(&temporary)?;
        // Not waited for until it is on the disk: what is lost with the machine is asked for again, and half an answer is none.
        file.write_all(body)?;
        fs::rename(temporary, self.0.join(name))
    }

    /// Forgets an answer.
    pub fn forget(&self, asked: &str) -> io::Result<()> {
        match fs::remove_file(self.0.join(name(asked))) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            done => done,
        }
    }
}

/// The file of an answer: what was asked, with what is no letter, digit, `-` or `_` in hex. Questions are short: names of services are
/// at most 253 bytes where they can be asked for.
fn name(asked: &str) -> String {
    let escaped = asked.bytes().map(|b| match b {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' => char::from(b).to_string(),
        other => format!("%{other:02x}"),
    });
    escaped.chain([".json".to_owned()]).collect()
}

fn asked(name: &str) -> Option<String> {
    let mut rest = name.strip_suffix(".json")?.as_bytes();
    let mut out = Vec::new();
    while let [first, after @ ..] = rest {
        rest = after;
        match first {
            b'%' => {}
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' => {
                out.push(*first);
                continue;
            }
            _ => return None,
        }
        let (hex, after) = rest.split_at_checked(2)?;
        out.push(u8::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok()?);
        rest = after;
    }
    String::from_utf8(out).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(name: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("gw-kept-{}-{name}", std::process::id()));
        drop(fs::remove_dir_all(&folder));
        folder
    }

    #[test]
    fn what_is_kept_is_read_back_as_it_came_and_is_its_owners_alone() {
        let folder = folder("back");
        let kept = Kept::open(&folder).unwrap();
        kept.put("GET /v1/health/connect/web?dc=dc2", b"[1]").unwrap();
        kept.put("GET /v1/health/connect/web?dc=dc2", b"[1,2]").unwrap();
        kept.put("gone", b"{}").unwrap();
        kept.forget("gone").unwrap();
        kept.forget("gone").unwrap();
        let all = Kept::open(&folder).unwrap().all(|_| true).unwrap();
        let all: Vec<_> = all.iter().map(|k| (k.asked.as_str(), &*k.body)).collect();
        assert_eq!(all, [("GET /v1/health/connect/web?dc=dc2", &b"[1,2]"[..])]);
        for file in fs::read_dir(&folder).unwrap() {
            assert_eq!(file.unwrap().metadata().unwrap().permissions().mode() & 0o777, 0o600);
        }
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_folder_that_others_may_look_into_is_refused() {
        let folder = folder("open");
        fs::create_dir_all(&folder).unwrap();
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).unwrap();
        let error = Kept::open(&folder).unwrap_err();
        assert!(error.to_string().contains("chmod 700"), "{error}");
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn what_is_half_written_or_of_somebody_else_is_not_read() {
        let folder = folder("other");
        let kept = Kept::open(&folder).unwrap();
        for name in [".half.json", "other.txt", "%zz.json", "%"] {
            fs::write(folder.join(name), "x").unwrap();
        }
        assert!(kept.all(|_| true).unwrap().is_empty());
        fs::remove_dir_all(folder).unwrap();
    }
}
