//! Where things lie in the data folder.
//!
//! ```text
//! lock                      held by the collector that uses the folder
//! manifest                  which sealed files count, and how far each origin came
//! state.sqlite              identity of the store, dictionary, alerts
//! wal/00000007.wal          frames not yet sealed
//! data/20260131/23/         one folder per UTC hour of END
//!     seg-12.parquet        transactions
//!     seg-12.rol            what they add up to, by minute and in all
//!     seg-12.pf             profile pack
//!     seg-12.cnt            counter values
//!     seg-12.dig            digests by ten seconds
//!     seg-12.di5            the same by five minutes
//! ```
//! A sealed file that the manifest does not name does not count: it is the rest of a seal that did
//! not finish, and is unlinked when the store opens.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use super::config::Durability;

/// Days from 1970 on that folders are looked for: up to the year 2242.
const MAX_DAYS: i64 = 100_000;

/// Microseconds of an hour.
pub(crate) const HOUR_US: i64 = 3_600_000_000;

/// The paths of one data folder.
#[derive(Debug, Clone)]
pub(crate) struct Layout {
    folder: PathBuf,
    is_synced: bool,
}

impl Layout {
    pub(crate) fn new(folder: PathBuf, durability: Durability) -> Self {
        Self { folder, is_synced: durability != Durability::None }
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(crate) fn lock(&self) -> PathBuf {
        self.folder.join("lock")
    }

    pub(crate) fn manifest(&self) -> PathBuf {
        self.folder.join("manifest")
    }

    pub(crate) fn state(&self) -> PathBuf {
        self.folder.join("state.sqlite")
    }

    pub(crate) fn wal_folder(&self) -> PathBuf {
        self.folder.join("wal")
    }

    pub(crate) fn wal(&self, generation: u64) -> PathBuf {
        self.wal_folder().join(format!("{generation:08}.wal"))
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    /// The absolute path of a file named in the manifest.
    pub(crate) fn sealed(&self, relative: &str) -> PathBuf {
        self.folder.join(relative)
    }

    /// Makes a file durable, unless the store never syncs.
    pub(crate) fn sync_file(&self, file: &File) -> io::Result<()> {
        if self.is_synced { file.sync_data() } else { Ok(()) }
    }

    /// Makes the entries of a folder durable, unless the store never syncs.
    pub(crate) fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        if self.is_synced { File::open(folder)?.sync_all() } else { Ok(()) }
    }

    /// Makes the folder of a sealed file, and all its entries up to the root durable.
    pub(crate) fn make_hour(&self, hour: Hour) -> io::Result<PathBuf> {
        let folder = self.folder.join(hour.relative());
        if folder.is_dir() {
            return Ok(folder);
        }
        fs::create_dir_all(&folder)?;
        for parent in folder.ancestors().skip(1).take(3) {
            self.sync_folder(parent)?;
        }
        Ok(folder)
    }
}

/// Makes a folder for nobody but the user that runs the collector. One that is there keeps what its
/// administrator has given it.
pub(crate) fn make_folder(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

/// One UTC hour, counted from 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Hour(pub(crate) i64);

impl Hour {
    /// The hour a time lies in.
    pub(crate) const fn of(unix_us: i64) -> Self {
        Self(unix_us.div_euclid(HOUR_US))
    }

    /// The hour of a folder that [`Hour::relative`] named.
    pub(crate) fn of_folder(folder: &Path) -> Option<Self> {
        let (day, hour) = (folder.parent()?.file_name()?.to_str()?, folder.file_name()?.to_str()?);
        let days = (0..MAX_DAYS).find(|days| Self(24 * days).relative().get(5..13) == Some(day))?;
        let hour = hour.parse::<i64>().ok().filter(|hour| (0..24).contains(hour))?;
        Some(Self(24 * days + hour))
    }

    /// `data/yyyymmdd/HH`.
    pub(crate) fn relative(self) -> String {
        let (year, month, day) = civil(self.0.div_euclid(24));
        format!("data/{year:04}{month:02}{day:02}/{:02}", self.0.rem_euclid(24))
    }
}

/// Year, month and day of a day counted from 1970-01-01 (Howard Hinnant's `civil_from_days`).
fn civil(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_are_utc_folders() {
        for (unix_s, folder) in [
            (0, "data/19700101/00"),
            (-1, "data/19691231/23"),
            (951_782_400, "data/20000229/00"),
            (1_709_251_199, "data/20240229/23"),
            (1_709_251_200, "data/20240301/00"),
            (1_795_343_597, "data/20261122/10"),
            (4_102_444_799, "data/20991231/23"),
        ] {
            assert_eq!(Hour::of(unix_s * 1_000_000).relative(), folder, "{unix_s}");
        }
    }
}
