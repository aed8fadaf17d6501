//! Runs every cell of a suite in a child process of its own, in interleaved rounds.

use std::collections::HashMap;
use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::clock::median;
use crate::options::Options;
use crate::peers;

/// Begins the line with a child's number.
pub(crate) const RESULT_PREFIX: &str = "result ";

/// The peer that is Scouter.
pub(crate) const OURS: &str = "ours";
/// The peer that is the physical floor of its row, or a yardstick as near to it as can be built.
pub(crate) const FLOOR: &str = "floor";
/// The peer that is the same code without any instrumentation. Where a row has no [`FLOOR`], it
/// is the yardstick.
pub(crate) const NONE: &str = "none";

/// What a row shows of the figures of its cells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shows {
    /// The figures as they are.
    Gross,
    /// What each is more than the cell without instrumentation, which is shown whole.
    Net,
    /// By how many percent fewer operations each does than the cell without instrumentation.
    LossPercent,
}

impl Shows {
    /// The figure to show, given the own one and that of the cell without instrumentation.
    fn of(self, own: f64, base: Option<f64>) -> Option<f64> {
        match self {
            Self::Gross => Some(own),
            Self::Net => Some(own - base?),
            Self::LossPercent => Some(100.0 * (1.0 - base? / own)),
        }
    }
}

/// One figure of a suite.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    /// Binding name of the row.
    pub(crate) name: &'static str,
    /// Unit of all its figures.
    pub(crate) unit: &'static str,
    /// What its yardstick is, in a few words.
    pub(crate) yardstick: &'static str,
    /// Who is measured: `ours`, the yardstick, and peers.
    pub(crate) peers: &'static [&'static str],
    /// What is shown instead of the figure itself.
    pub(crate) shows: Shows,
    /// How often it is run, when that is not the option's number of rounds.
    pub(crate) rounds: Option<usize>,
    /// Whether its children count allocations, which needs an allocator of their own.
    pub(crate) counts_allocations: bool,
}

impl Row {
    /// A row measured in the usual rounds, its figures shown as they are.
    pub(crate) const fn new(
        name: &'static str,
        unit: &'static str,
        yardstick: &'static str,
        peers: &'static [&'static str],
    ) -> Self {
        Self {
            name,
            unit,
            yardstick,
            peers,
            shows: Shows::Gross,
            rounds: None,
            counts_allocations: false,
        }
    }

    /// Shows something derived from the figure.
    pub(crate) const fn shows(mut self, shows: Shows) -> Self {
        self.shows = shows;
        self
    }

    /// Runs it `rounds` times.
    pub(crate) const fn rounds(mut self, rounds: usize) -> Self {
        self.rounds = Some(rounds);
        self
    }

    /// Runs it in the program that counts allocations; one round, since the count is exact.
    pub(crate) const fn counting(mut self) -> Self {
        self.counts_allocations = true;
        self.rounds = Some(1);
        self
    }

    /// Those it lists that are in this build.
    pub(crate) fn built(&self) -> impl Iterator<Item = &'static str> {
        self.peers.iter().copied().filter(|peer| peers::is_built(peer))
    }
}

/// What a child measures.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cell<'a> {
    /// Name of the row.
    pub(crate) row: &'a str,
    /// Who is measured.
    pub(crate) peer: &'a str,
    /// For how long.
    pub(crate) budget: Duration,
}

/// Median and minimum of the rounds of one cell.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Figure {
    /// Median.
    pub(crate) median: f64,
    /// Minimum.
    pub(crate) min: f64,
}

/// A row with its figures.
#[derive(Debug)]
pub(crate) struct Measured {
    /// The row.
    pub(crate) row: Row,
    /// By peer, in the order of the row; a peer that failed is missing.
    pub(crate) figures: Vec<(&'static str, Figure)>,
}

impl Measured {
    /// Our figure, if it was measured.
    pub(crate) fn ours(&self) -> Option<Figure> {
        self.of(OURS)
    }

    /// The yardstick.
    pub(crate) fn yardstick(&self) -> Option<Figure> {
        self.of(FLOOR).or_else(|| self.of(NONE))
    }

    /// The figure of one peer.
    fn of(&self, peer: &str) -> Option<Figure> {
        self.figures.iter().find(|(name, _)| *name == peer).map(|(_, figure)| *figure)
    }

    /// Everyone else.
    pub(crate) fn others(&self) -> impl Iterator<Item = (&'static str, Figure)> {
        let is_other = |name: &str| ![OURS, FLOOR, NONE].contains(&name);
        self.figures.iter().filter(move |(name, _)| is_other(name)).copied()
    }

    /// Who is listed, is in this build, and has no figure.
    pub(crate) fn missing(&self) -> impl Iterator<Item = &'static str> {
        self.row.built().filter(|peer| self.of(peer).is_none())
    }
}

/// Measures `rows`.
pub(crate) fn run(options: &Options, rows: &[Row]) -> Vec<Measured> {
    let programs = Programs::new(rows.iter().any(|row| row.counts_allocations));
    let mut values: HashMap<(&str, &str), Vec<f64>> = HashMap::new();
    let is_watched = std::io::stderr().is_terminal();
    for round in 0..options.rounds() {
        for row in rows.iter().filter(|row| round < row.rounds.unwrap_or(usize::MAX)) {
            if is_watched {
                eprint!("\rround {}/{}: {:<40}", round + 1, options.rounds(), row.name);
            }
            for peer in row.built() {
                match run_child(&programs, options, row, peer) {
                    Ok(value) => values.entry((row.name, peer)).or_default().push(value),
                    Err(message) => eprintln!("\n{} {peer}: {message}", row.name),
                }
            }
        }
    }
    if is_watched {
        eprint!("\r{:<60}\r", "");
    }
    rows.iter().map(|row| summarise(row, &mut values)).collect()
}

fn summarise(row: &Row, values: &mut HashMap<(&str, &str), Vec<f64>>) -> Measured {
    let mut figures = Vec::new();
    for peer in row.built() {
        if let Some(values) = values.get_mut(&(row.name, peer)) {
            let min = values.iter().copied().fold(f64::INFINITY, f64::min);
            figures.push((peer, Figure { median: median(values), min }));
        }
    }
    let base = figures.iter().find(|(name, _)| *name == NONE).map(|(_, figure)| *figure);
    figures.retain_mut(|(name, figure)| {
        if *name == NONE {
            return true;
        }
        let median = row.shows.of(figure.median, base.map(|base| base.median));
        let min = row.shows.of(figure.min, base.map(|base| base.min));
        let (Some(median), Some(min)) = (median, min) else { return false };
        *figure = Figure { median, min };
        true
    });
    Measured { row: row.clone(), figures }
}

/// The executables that children run.
struct Programs {
    timing: PathBuf,
    counting: Option<PathBuf>,
}

impl Programs {
    fn new(counts_allocations: bool) -> Self {
        let timing = std::env::current_exe().unwrap_or_else(|_| "scouter-bench".into());
        let counting = counts_allocations.then(|| build_counting(&timing)).flatten();
        Self { timing, counting }
    }
}

/// Builds this program once more with an allocator that counts. Timed children run without it,
/// because its price falls on peers that allocate.
fn build_counting(timing: &std::path::Path) -> Option<PathBuf> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut build = Command::new(cargo);
    build.args(["build", "--release", "-q", "-p", "scouter-bench", "--bin", COUNTING]);
    build.args(["--no-default-features", "--features"]);
    build.arg(if cfg!(feature = "peers") { "count,peers" } else { "count" });
    build.current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
    // This program is target/PROFILE/scouter-bench; the same folder has all dependencies built.
    let target = timing.parent()?.parent()?;
    build.env("CARGO_TARGET_DIR", target);
    match build.status() {
        Ok(status) if status.success() => Some(target.join("release").join(COUNTING)),
        Ok(status) => {
            eprintln!("building {COUNTING} failed ({status}); rows of allocations are missing");
            None
        }
        Err(error) => {
            eprintln!(
                "cannot run cargo to build {COUNTING} ({error}); rows of allocations are missing"
            );
            None
        }
    }
}

/// Name of the program that counts allocations.
const COUNTING: &str = "scouter-bench-alloc";

fn run_child(programs: &Programs, options: &Options, row: &Row, peer: &str) -> Result<f64, String> {
    let program = match (row.counts_allocations, &programs.counting) {
        (false, _) => &programs.timing,
        (true, Some(counting)) => counting,
        (true, None) => return Err("the counting program is missing".into()),
    };
    let output = Command::new(program)
        .args(["--child", &options.suite, row.name, peer])
        .arg(options.budget().as_millis().to_string())
        .env("SCOUTER_BENCH_SMALL", if options.small { "1" } else { "" })
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| format!("cannot start {}: {error}", program.display()))?;
    if !output.status.success() {
        return Err(format!("the child ended with {}", output.status));
    }
    let text = String::from_utf8_lossy(&output.stdout);
    text.lines()
        .rev()
        .find_map(|line| line.strip_prefix(RESULT_PREFIX)?.parse().ok())
        .ok_or_else(|| "the child printed no result".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROW: Row = Row::new("row", "ns", "a plain loop", &[NONE, OURS, "peer"]);

    fn measured(row: &Row, cells: &[(&'static str, &[f64])]) -> Measured {
        let cells = cells.iter().map(|(peer, values)| (("row", *peer), values.to_vec()));
        summarise(row, &mut cells.collect())
    }

    #[test]
    fn a_net_row_shows_its_base_whole_and_the_others_beyond_it() {
        let row = ROW.shows(Shows::Net);
        let row = measured(&row, &[(NONE, &[3.0, 2.0, 4.0]), (OURS, &[5.0]), ("peer", &[13.0])]);
        let of = |figure: Option<Figure>| figure.map(|figure| (figure.median, figure.min));
        assert_eq!(of(row.yardstick()), Some((3.0, 2.0)));
        assert_eq!(of(row.ours()), Some((2.0, 3.0)), "median less median, minimum less minimum");
        let others: Vec<_> = row.others().map(|(name, figure)| (name, figure.median)).collect();
        assert_eq!(others, [("peer", 10.0)]);
    }

    #[test]
    fn a_peer_without_a_figure_is_missing() {
        let row = measured(&ROW, &[(NONE, &[1.0]), (OURS, &[1.0])]);
        assert_eq!(row.missing().collect::<Vec<_>>(), ["peer"]);
    }

    #[test]
    fn without_its_base_nothing_of_a_net_row_has_a_figure() {
        let row = measured(&ROW.shows(Shows::Net), &[(OURS, &[1.0]), ("peer", &[1.0])]);
        assert_eq!(row.missing().collect::<Vec<_>>(), [NONE, OURS, "peer"]);
    }
}
