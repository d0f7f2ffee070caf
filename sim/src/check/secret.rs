//! The secret that processes of one search share: who does not have it is a stranger.

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::Path;

use sha2::{Digest, Sha256};

use crate::bad_input::BadInput;

/// Bytes of a key.
const KEY_LEN: usize = 32;

/// The fewest bytes of a file that can hold a secret: what is shorter can be guessed.
const LEN_MIN: usize = 16;

/// The most bytes of such a file.
const LEN_MAX: u64 = 4096;

/// What all processes of a search know, and nobody else.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(pub(super) [u8; KEY_LEN]);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

impl Secret {
    /// The secret that a file holds: any bytes, but for white space around them.
    ///
    /// # Errors
    ///
    /// If the file cannot be read, or holds too little or too much.
    pub fn read(file: &Path) -> Result<Secret, BadInput> {
        let bad = |problem: String| BadInput::new(file, problem);
        let mut bytes = Vec::new();
        File::open(file)
            .and_then(|opened| opened.take(LEN_MAX + 1).read_to_end(&mut bytes))
            .map_err(|error| bad(format!("cannot be read: {error}")))?;
        if bytes.len() as u64 > LEN_MAX {
            return Err(bad(format!("a secret has at most {LEN_MAX} bytes")));
        }
        let secret = bytes.trim_ascii();
        if secret.len() < LEN_MIN {
            return Err(bad(format!("a secret has at least {LEN_MIN} bytes")));
        }
        Ok(Secret::of(secret))
    }

    /// A text that nobody can guess.
    ///
    /// # Errors
    ///
    /// If the system has no random numbers.
    pub fn digits() -> io::Result<String> {
        let mut random = [0; KEY_LEN];
        getrandom::fill(&mut random)
            .map_err(|why| io::Error::other(format!("the system has no random numbers: {why}")))?;
        Ok(random.iter().map(|byte| format!("{byte:02x}")).collect())
    }

    /// Writes a secret that nobody can guess to a file that only its owner can read. It is there whole or not at all.
    ///
    /// # Errors
    ///
    /// If the file cannot be written, or there is one.
    pub fn make(file: &Path) -> io::Result<()> {
        let digits = Secret::digits()?;
        let draft = file.with_extension(format!("{}.draft", std::process::id()));
        let made = write_own(&draft, &digits).and_then(|()| fs::hard_link(&draft, file));
        let _ = fs::remove_file(&draft);
        made
    }

    /// The key that follows from what a file holds.
    fn of(text: &[u8]) -> Secret {
        let mut sum = Sha256::new();
        sum.update(b"portsim search\0");
        sum.update(text);
        Secret(sum.finalize().into())
    }
}

/// Writes a line to a new file of which only the owner can read anything.
fn write_own(file: &Path, line: &str) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut out = options.open(file)?;
    writeln!(out, "{line}")?;
    out.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder that is removed in the end.
    struct Folder(std::path::PathBuf);

    impl Folder {
        fn new(name: &str) -> Folder {
            let name = format!("portsim-secret-{}-{name}", std::process::id());
            let folder = std::env::temp_dir().join(name);
            fs::create_dir_all(&folder).expect("it can be made");
            Folder(folder)
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn what_is_made_can_be_read_and_is_never_the_same() {
        let folder = Folder::new("made");
        let read = ["one", "two"].map(|name| {
            let file = folder.0.join(name);
            Secret::make(&file).expect("it can be written");
            assert!(Secret::make(&file).is_err(), "it is there");
            #[cfg(unix)]
            {
                use std::os::unix::fs::PermissionsExt;
                let mode = fs::metadata(&file).expect("it is there").permissions();
                assert_eq!(mode.mode() & 0o777, 0o600);
            }
            Secret::read(&file).expect("it was made")
        });
        assert!(read[0] != read[1]);
        assert_eq!(fs::read_dir(&folder.0).expect("it is there").count(), 2);
        assert_eq!(format!("{:?}", read[0]), "Secret");
    }

    #[test]
    fn white_space_around_it_is_not_part_of_it() {
        let folder = Folder::new("space");
        let of = |text: &str| {
            let file = folder.0.join("secret");
            fs::write(&file, text).expect("it can be written");
            Secret::read(&file)
        };
        let plain = of("0123456789abcdef").expect("it is long enough");
        assert_eq!(of("  0123456789abcdef\r\n"), Ok(plain.clone()));
        assert!(of("0123456789abcdeF") != Ok(plain));
        for bad in ["", "0123456789abcde\n", &"x".repeat(4097)] {
            assert!(of(bad).is_err(), "{bad}");
        }
    }
}
