//! The page's scripts in as few files as a browser needs: what `/` shows first, parts that are
//! loaded when they are wanted, and all other pages.
//!
//! Ninety small files compress a fifth worse than three, and a browser asks for six at a time. So
//! each module of ours becomes a function, in the order in which a browser would run them, and what
//! it exports that function's value:
//!
//! ```js
//! const $core_keys=(()=>{const { on } = $core_dom;
//! function addKeys(keys) { … }
//! return{addKeys};})();
//! ```
//!
//! Lines keep their order and their words; only comments, and the words `import` and `export`, are
//! not there. It reads lines and no grammar, so a module must not export what it assigns anew, nor
//! import in a circle, nor break an import over lines: a test of the page (`graph.test.js`) holds
//! each, and makes the same packs by itself.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

/// Where the page starts.
const ROOT: &str = "src/main.js";
/// Modules that come as they are: they are minified already.
const VENDOR: &str = "vendor/";
/// The packs by name. What is imported when it is wanted is in the second, or in the third if it is
/// a page.
const NAMES: [&str; 3] = ["first.js", "parts.js", "pages.js"];
/// The packs of styles: what `/` shows first, and the rest.
const STYLES: [(&str, &[&str]); 2] = [
    ("first.css", &["style/base.css", "style/parts.css", "style/pages.css"]),
    ("more.css", &["style/more.css"]),
];

/// Styles by the names of their packs.
pub(super) fn styles(read: impl Fn(&str) -> Option<String>) -> Vec<(&'static str, String)> {
    let text = |files: &[&str]| files.iter().filter_map(|file| read(file)).collect::<String>();
    STYLES.iter().map(|(name, files)| (*name, without_comments(&text(files)))).collect()
}

/// Packs all scripts that the page can reach. What `read` does not know is left out, and missing
/// for the browser that runs it.
pub(super) fn scripts(read: impl Fn(&str) -> Option<String>) -> BTreeMap<&'static str, String> {
    let modules = reachable(&read);
    let mut known: BTreeMap<&str, usize> = BTreeMap::new();
    let mut packs: [Vec<&Module>; 3] = Default::default();
    let wanted: BTreeSet<&str> =
        modules.values().flat_map(|module| &module.wanted).map(String::as_str).collect();
    let roots = [ROOT].into_iter().chain(wanted.iter().copied());
    for (pack, modules_of) in packs.iter_mut().enumerate() {
        for root in roots.clone().filter(|root| pack_of_root(root) == pack) {
            place(root, pack, &modules, &mut known, modules_of);
        }
    }
    let written = (0..NAMES.len()).map(|pack| (NAMES[pack], write(pack, &packs, &known)));
    written.collect()
}

fn pack_of_root(path: &str) -> usize {
    match path {
        ROOT => 0,
        _ if path.starts_with("src/pages/") => 2,
        _ => 1,
    }
}

/// Puts a module behind all that it imports, unless one of the packs has it.
fn place<'a>(
    path: &str,
    pack: usize,
    modules: &'a BTreeMap<String, Module>,
    known: &mut BTreeMap<&'a str, usize>,
    out: &mut Vec<&'a Module>,
) {
    let Some(module) = modules.get(path).filter(|module| !known.contains_key(&*module.path)) else {
        return;
    };
    known.insert(&module.path, pack);
    for import in &module.imports {
        place(import, pack, modules, known, out);
    }
    out.push(module);
}

fn write(pack: usize, packs: &[Vec<&Module>; 3], known: &BTreeMap<&str, usize>) -> String {
    let mut foreign: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for import in packs[pack].iter().flat_map(|module| &module.imports) {
        let file = match known.get(&**import) {
            Some(own) if *own == pack => continue,
            Some(other) => format!("./{}", NAMES[*other]),
            None => format!("../{import}"),
        };
        foreign.entry(file).or_default().insert(name(import));
    }
    let mut out = String::new();
    // Writing to a string cannot fail.
    for (file, names) in foreign {
        let names = names.into_iter().collect::<Vec<_>>().join(", ");
        let _ = match file.starts_with("../") {
            true => writeln!(out, "import * as {names} from '{file}';"),
            false => writeln!(out, "import {{ {names} }} from '{file}';"),
        };
    }
    for module in &packs[pack] {
        let (name, exports) = (name(&module.path), module.exports.join(","));
        let _ = writeln!(out, "const {name}=(()=>{{{}return{{{exports}}};}})();", module.text);
    }
    let names: Vec<String> = packs[pack].iter().map(|module| name(&module.path)).collect();
    let _ = writeln!(out, "export {{ {} }};", names.join(", "));
    out
}

/// What a module is called in its pack: nothing in a script of ours begins with such a sign.
fn name(path: &str) -> String {
    let stem = path.strip_prefix("src/").unwrap_or(path).trim_end_matches(".js");
    format!("${}", stem.replace('/', "_"))
}

/// A script, as it is in a pack.
struct Module {
    path: String,
    /// Without comments, imports and exports in other words.
    text: String,
    exports: Vec<String>,
    /// Files it imports at once, and those when they are wanted.
    imports: Vec<String>,
    wanted: Vec<String>,
}

fn reachable(read: &impl Fn(&str) -> Option<String>) -> BTreeMap<String, Module> {
    let mut modules = BTreeMap::new();
    let mut open = vec![ROOT.to_owned()];
    while let Some(path) = open.pop() {
        if modules.contains_key(&path) || path.starts_with(VENDOR) {
            continue;
        }
        if let Some(script) = read(&path) {
            let module = Module::read(&path, &without_comments(&script));
            open.extend(module.imports.iter().chain(&module.wanted).cloned());
            modules.insert(path, module);
        }
    }
    modules
}

impl Module {
    fn read(path: &str, script: &str) -> Self {
        let (imports, wanted, exports) = Default::default();
        let path = path.to_owned();
        let mut module =
            Self { path, text: String::with_capacity(script.len()), exports, imports, wanted };
        for line in script.split_inclusive('\n') {
            if let Some(rest) = line.strip_prefix("import ") {
                module.import(rest);
            } else if let Some(rest) = line.strip_prefix("export ") {
                module.exports.extend(declared(rest).map(str::to_owned));
                module.body(rest);
            } else {
                module.body(line);
            }
        }
        module
    }

    /// `import { a, b as c } from './x.js';`, `import * as x from './x.js';` or `import './x.js';`,
    /// without its first word.
    fn import(&mut self, line: &str) {
        let Some((what, path)) = quoted(line) else { return };
        let target = resolve(&self.path, path);
        if let Some(names) = what.strip_suffix(" from ") {
            let names = names.strip_prefix("* as ").unwrap_or(names).replace(" as ", ": ");
            let _ = write!(self.text, "const {names} = {};", name(&target));
        }
        self.text.push('\n');
        self.imports.push(target);
    }

    /// A line in which modules that are imported when they are wanted are those of a pack.
    fn body(&mut self, mut line: &str) {
        const WANTED: &str = "import(";
        while let Some((before, rest)) = line.split_once(WANTED)
            && let Some(("", path)) = quoted(rest)
            && let Some((_, after)) = rest.split_once("')")
        {
            let target = resolve(&self.path, path);
            let (pack, name) = (NAMES[pack_of_root(&target)], name(&target));
            let _ = write!(self.text, "{before}import('./{pack}').then($ => $.{name})");
            self.wanted.push(target);
            line = after;
        }
        self.text.push_str(line);
    }
}

/// What stands before and in the first pair of quotes.
fn quoted(text: &str) -> Option<(&str, &str)> {
    let (before, rest) = text.split_once('\'')?;
    Some((before, rest.split_once('\'')?.0))
}

/// The name that such a line declares: `const NAME = 1;`, `async function name() {`.
fn declared(line: &str) -> Option<&str> {
    let line = line.strip_prefix("async ").unwrap_or(line);
    let (_, rest) = line.split_once(' ')?;
    rest.split(|c: char| !(c.is_alphanumeric() || c == '_')).next()
}

/// The file that `./` and `../` lead to from another one.
fn resolve(from: &str, path: &str) -> String {
    let mut folders: Vec<&str> = from.split('/').collect();
    folders.pop();
    for part in path.split('/') {
        match part {
            "." => {}
            ".." => drop(folders.pop()),
            _ => folders.push(part),
        }
    }
    folders.join("/")
}

/// A script of ours without the comments that begin a line and without types inside one, which are
/// a fifth of its bytes. It knows nothing of strings, so no line of a template may look like such a
/// comment: a test of the page compares what is left with the file, by what they mean.
fn without_comments(script: &str) -> String {
    let mut out = String::with_capacity(script.len());
    let mut is_inside = false;
    for line in script.split_inclusive('\n') {
        let text = line.trim_start();
        if is_inside || text.starts_with("/*") {
            let Some((_, rest)) = line.split_once("*/") else {
                is_inside = true;
                continue;
            };
            is_inside = false;
            push_words(&mut out, rest);
        } else if !text.starts_with("//") {
            push_without_types(&mut out, line);
        }
    }
    out
}

/// A line without its `/** @type … */`, and without one blank behind each.
fn push_without_types(out: &mut String, line: &str) {
    let mut rest = line;
    while let Some((before, (_, after))) = rest
        .split_once("/** @")
        .and_then(|(before, comment)| Some((before, comment.split_once("*/")?)))
    {
        out.push_str(before);
        rest = after.strip_prefix(' ').unwrap_or(after);
    }
    push_words(out, rest);
}

/// A line, if there is a word in it.
fn push_words(out: &mut String, line: &str) {
    if !line.trim().is_empty() {
        out.push_str(line);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modules_come_behind_what_they_import_and_each_is_in_one_pack() {
        let files = BTreeMap::from([
            (
                "src/main.js",
                "import { a, b as c } from './core/a.js';\nimport { h } from '../vendor/h.js';\na(c, h);\nconst p = async () => (await import('./pages/p.js')).P;\nvoid import('./parts/q.js').then(({ Q }) => Q());\n",
            ),
            ("src/core/a.js", "// Why.\nexport const a = 1;\nexport async function b() {}\n"),
            (
                "src/pages/p.js",
                "import * as all from '../core/a.js';\nimport { Q } from '../parts/q.js';\nexport class P {}\n",
            ),
            ("src/parts/q.js", "export function Q() {}\n"),
        ]);
        let packs = scripts(|path| files.get(path).map(|text| (*text).to_owned()));
        assert_eq!(
            packs["first.js"],
            "import * as $vendor_h from '../vendor/h.js';\n\
             const $core_a=(()=>{const a = 1;\nasync function b() {}\nreturn{a,b};})();\n\
             const $main=(()=>{const { a, b: c } = $core_a;\nconst { h } = $vendor_h;\na(c, h);\n\
             const p = async () => (await import('./pages.js').then($ => $.$pages_p)).P;\n\
             void import('./parts.js').then($ => $.$parts_q).then(({ Q }) => Q());\nreturn{};})();\n\
             export { $core_a, $main };\n"
        );
        assert_eq!(
            packs["parts.js"],
            "const $parts_q=(()=>{function Q() {}\nreturn{Q};})();\nexport { $parts_q };\n"
        );
        assert_eq!(
            packs["pages.js"],
            "import { $core_a } from './first.js';\nimport { $parts_q } from './parts.js';\n\
             const $pages_p=(()=>{const all = $core_a;\nconst { Q } = $parts_q;\nclass P {}\nreturn{P};})();\n\
             export { $pages_p };\n"
        );
    }

    #[test]
    fn comments_that_begin_a_line_and_types_are_not_served() {
        let script =
            "// A\nimport x;\n/**\n * B\n */\nf('// no', /* in */ 1);\n\n  /** @type {T} */ (y);\n";
        assert_eq!(without_comments(script), "import x;\nf('// no', /* in */ 1);\n (y);\n");
        assert_eq!(without_comments("a // b"), "a // b");
        let typed = "x => y((/** @type {T} */ a, /** @param {U} b */ b) => /* c */ `/** @open`);\n";
        assert_eq!(without_comments(typed), "x => y((a, b) => /* c */ `/** @open`);\n");
    }
}
