use std::{env, future::Future, ops::Range, panic::resume_unwind, thread};

use futures::{StreamExt, stream};

/// Seeds that are played side by side.
const SIDE_BY_SIDE: usize = 4;

/// How many seeds most tests try.
pub const SEEDS: u64 = 20;

/// The seeds to try: `CANNULA_SEED` names one, `CANNULA_SEEDS` says how many; otherwise `usual`.
fn seeds(usual: u64) -> Range<u64> {
    let number = |name| env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    match number("CANNULA_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("CANNULA_SEEDS").unwrap_or(usual),
    }
}

/// Plays every seed, several side by side, and returns what each returned. If one fails, the
/// command that plays it again is printed.
#[allow(clippy::print_stderr, reason = "whoever reads a failed test needs it")]
pub async fn each_seed<F, T>(usual: u64, play: impl Fn(u64) -> F) -> Vec<T>
where
    F: Future<Output = T> + Send + 'static,
    T: Send + 'static,
{
    // A task each, so that they run on all threads.
    let plays = stream::iter(seeds(usual)).map(|seed| {
        let task = tokio::spawn(play(seed));
        async move { (seed, task.await) }
    });
    let mut plays = plays.buffered(SIDE_BY_SIDE);
    let mut played = Vec::new();
    while let Some((seed, outcome)) = plays.next().await {
        match outcome {
            Ok(outcome) => played.push(outcome),
            Err(error) => {
                let program = env::current_exe().unwrap_or_default();
                let program = program.file_stem().unwrap_or_default().to_string_lossy();
                let program = program.rsplit_once('-').map_or(&*program, |(name, _)| name);
                let test = thread::current().name().unwrap_or_default().to_owned();
                eprintln!(
                    "\nseed {seed} failed; once more: CANNULA_SEED={seed} cargo test -p cannula-tests --test {program} {test} -- --exact\n"
                );
                resume_unwind(error.into_panic());
            }
        }
    }
    played
}
