//! Real files. Options belong to the whole process, so each test has its own.

use super::*;

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("scouter.toml")
    }

    /// Moves a new file into its place, as editors do.
    fn put(&self, text: &str) {
        let new = self.0.path().join("new");
        fs::write(&new, text).unwrap();
        fs::rename(new, self.path()).unwrap();
    }

    fn open(&self) -> (Watch, Settings, Vec<String>) {
        let (mut settings, mut mistakes) = (Settings::new("orders"), Vec::new());
        let watch = Watch::open(&self.path(), &mut settings, &mut mistakes);
        (watch, settings, mistakes)
    }
}

/// The two looks that a change takes.
fn look(watch: &mut Watch) -> Option<String> {
    assert_eq!(watch.look_now(), None, "one look is not enough");
    watch.look_now()
}

fn value(name: &str) -> String {
    options::value(name).unwrap()
}

#[test]
fn what_leaves_the_file_has_again_what_the_code_said() {
    let (folder, name) = (Folder::new(), "trace_activeservice_yellow_time");
    options::set(name, "2500").unwrap();
    folder.put("trace_activeservice_yellow_time = 2_000\n");
    let (mut watch, _, mistakes) = folder.open();
    assert!(mistakes.is_empty(), "{mistakes:?}");
    assert_eq!(value(name), "2000");
    folder.put("# none\n");
    assert_eq!(look(&mut watch), None);
    assert_eq!(value(name), "2500");
}

#[test]
fn a_file_that_is_gone_or_wrong_keeps_what_was_and_says_so_once_with_its_line() {
    let (folder, name) = (Folder::new(), "control_reject_service_max_count");
    folder.put("control_reject_service_max_count = 70\ncollector = 'a:1'\n");
    let (mut watch, settings, _) = folder.open();
    assert_eq!(settings.collector, "a:1");
    fs::remove_file(folder.path()).unwrap();
    assert!(look(&mut watch).unwrap().ends_with("scouter.toml is gone; what it said stays"));
    assert_eq!((watch.look_now(), value(name).as_str()), (None, "70"));
    for (text, part) in [
        ("control_reject_service_max_count = ", "scouter.toml:1: `control"),
        ("\ncontrol_reject_service_max_count = 0", "scouter.toml:2: option"),
        (
            "control_reject_service_max_count = 71\ncontrol_reject_service_max_count = 72",
            ":2: `con",
        ),
        ("control_reject_service_max_count = 70\ncolector = 'b:1'", "did you mean `collector`?"),
        ("control_reject_service_max_count = 70\ncollector = 'b'", "scouter.toml:2: collector"),
    ] {
        folder.put(text);
        let said = look(&mut watch).unwrap();
        assert!(said.contains(part), "{said}");
        assert_eq!((watch.look_now(), value(name).as_str()), (None, "70"));
    }
}

#[test]
fn a_file_that_still_grows_is_not_read() {
    let (folder, name) = (Folder::new(), "control_reject_text");
    folder.put("control_reject_text = 'busy'\n");
    let (mut watch, ..) = folder.open();
    for text in ["", "control_reject_text = 'la", "control_reject_text = 'later'\n"] {
        folder.put(text);
        assert_eq!(watch.look_now(), None);
        assert_eq!(value(name), "busy");
    }
    assert_eq!(watch.look_now(), None);
    assert_eq!(value(name), "later");
}

#[test]
fn a_file_moved_into_its_place_counts_even_with_time_and_length_of_the_old_one() {
    let (folder, name) = (Folder::new(), "trace_activeservice_red_time");
    folder.put("trace_activeservice_red_time = 5000\n");
    let modified = fs::metadata(folder.path()).unwrap().modified().unwrap();
    let (mut watch, ..) = folder.open();
    folder.put("trace_activeservice_red_time = 6000\n");
    fs::File::options().write(true).open(folder.path()).unwrap().set_modified(modified).unwrap();
    assert_eq!(look(&mut watch), None);
    assert_eq!(value(name), "6000");
}

#[test]
fn the_environment_beats_the_file_at_the_start_and_later() {
    let (folder, name) = (Folder::new(), "connection_leak_after_ms");
    folder.put("connection_leak_after_ms = 1\nobject_name = 'file'\nwindow_bytes = 300_000\n");
    let (mut watch, mut settings, mut mistakes) = folder.open();
    let variable = |name: &str| match name {
        "SCOUTER_CONNECTION_LEAK_AFTER_MS" => Some("4000".to_owned()),
        "SCOUTER_OBJECT_NAME" => Some("environment".to_owned()),
        _ => None,
    };
    watch.fix(settings.apply_environment(variable, &mut mistakes));
    assert!(mistakes.is_empty(), "{mistakes:?}");
    assert_eq!((settings.object_name.as_str(), settings.window_bytes), ("environment", 300_000));
    assert_eq!(value(name), "4000");
    folder.put("connection_leak_after_ms = 2\nobject_name = 'new'\n");
    let said = look(&mut watch).unwrap();
    assert!(
        said.ends_with(
            "scouter.toml: `window_bytes` takes effect when the application starts again"
        )
    );
    assert_eq!(value(name), "4000");
}

#[test]
fn what_is_no_file_is_a_mistake_and_is_never_waited_for() {
    let folder = Folder::new();
    let (_, _, mistakes) = folder.open();
    assert!(mistakes[0].contains("scouter.toml cannot be read"), "{mistakes:?}");
    let pipe = folder.0.path().join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    for path in [Path::new("/dev/zero"), &pipe, folder.0.path()] {
        let mut mistakes = Vec::new();
        Watch::open(path, &mut Settings::new("x"), &mut mistakes);
        let shown = path.display();
        assert_eq!(mistakes, [format!("{shown} cannot be read: it is not a regular file")]);
    }
    folder.put(&"#".repeat(usize::try_from(MAX_FILE_BYTES).unwrap() + 1));
    let (_, _, mistakes) = folder.open();
    assert!(mistakes[0].ends_with("is longer than 1048576 bytes"), "{mistakes:?}");
}
