use std::{fs, path::Path};

use cannula_tests::fuzz::Target;

/// All inputs of a target, each with what it is: seeds, the vendors' payloads where they are at hand,
/// and what was found before, `tests/fuzz/found/TARGET`.
pub(crate) fn inputs(target: &Target) -> Vec<(String, Vec<u8>)> {
    let seeds = (target.seeds)().into_iter().enumerate();
    let mut inputs: Vec<_> = seeds.map(|(number, seed)| (format!("seed {number}"), seed)).collect();
    let found = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/found").join(target.name);
    inputs.extend(files(&found));
    if let Some(fixtures) = std::env::var_os("CANNULA_FIXTURES") {
        let vendor = match target.name {
            "nextech_select" | "nextech_plus" | "nextech_pages" | "tokens" => "nextech",
            name => name,
        };
        for (name, body) in files(&Path::new(&fixtures).join(vendor)) {
            // As the answer to each call.
            let calls = b'a'..=b'p';
            inputs.extend(calls.map(|call| (name.clone(), [&[call], body.as_slice()].concat())));
        }
    }
    inputs
}

fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let read = |path: &std::path::PathBuf| (path.display().to_string(), fs::read(path).unwrap());
    paths.iter().filter(|path| path.is_file()).map(read).collect()
}
