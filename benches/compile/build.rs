//! Writes the functions: chains of ten that await one another, with two arguments each.

use std::fmt::Write as _;

const CHAINS: usize = 30;
const DEPTH: usize = 10;

fn main() {
    // Another value builds the crate anew, and nothing else.
    println!("cargo:rerun-if-env-changed=SCOUTER_BENCH_ROUND");
    let feature = |name: &str| std::env::var_os(format!("CARGO_FEATURE_{name}")).is_some();
    let attribute = match () {
        () if feature("OURS") => "#[scouter::scout]\n",
        () if feature("TRACING") => "#[tracing::instrument(skip_all)]\n",
        () if feature("FASTRACE") => "#[fastrace::trace]\n",
        () => "",
    };
    let mut source = String::new();
    let _ = writeln!(source, "// round {:?}", std::env::var_os("SCOUTER_BENCH_ROUND"));
    for chain in 0..CHAINS {
        for depth in 0..DEPTH {
            let next = match depth + 1 {
                DEPTH => "std::future::ready(count).await".to_owned(),
                next => format!("f{chain}_{next}(name, count + {depth}).await"),
            };
            let _ = write!(
                source,
                "{attribute}async fn f{chain}_{depth}(name: &str, count: usize) -> usize {{\n    \
                 let count = count + name.len() * {chain};\n    {next}\n}}\n"
            );
        }
        let _ = write!(
            source,
            "/// Polls a chain, so that it is compiled.\npub fn poll_{chain}(name: &str, context: \
             &mut std::task::Context<'_>) -> bool {{\n    \
             std::pin::pin!(f{chain}_0(name, 1)).poll(context).is_ready()\n}}\n"
        );
    }
    let out = std::env::var_os("OUT_DIR").expect("cargo sets OUT_DIR");
    std::fs::write(std::path::Path::new(&out).join("functions.rs"), source).expect("it is ours");
}
