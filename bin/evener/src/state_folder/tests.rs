//! Folders that take nothing, and those that do.

use super::*;
use evener_config::{NoWorld, load_text};

/// A folder of the test's own, removed at its end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("evener-state-{}-{name}", std::process::id()));
        let _absent = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn entries(&self) -> usize {
        fs::read_dir(&self.0).unwrap().count()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _gone = fs::remove_dir_all(&self.0);
    }
}

fn site(tls: &str) -> String {
    format!("[[site]]\nhosts = [\"a.test\"]\ntls = {tls}\nrespond = {{ status = 200 }}\n")
}

/// What is found for a config whose state folder is this one, written in it or not.
#[track_caller]
fn found(config: &str, folder: &Path, asker: Asker) -> Option<Diagnostic> {
    let mut outcome = load_text("evener.toml", config, &NoWorld);
    let mut plan = outcome.plan.take().unwrap_or_else(|| panic!("{}", outcome.render(false)));
    plan.state_dir = folder.to_str().unwrap().to_owned();
    finding(&plan, &outcome, asker)
}

#[test]
fn a_folder_that_can_be_made_is_no_finding_and_is_not_made() {
    let folder = Folder::new("good");
    for (asker, tls) in [(Asker::Check, "\"auto\""), (Asker::Start, "\"internal\"")] {
        for path in [folder.0.clone(), folder.0.join("a/b/c")] {
            assert_eq!(found(&site(tls), &path, asker), None);
        }
    }
    assert_eq!(folder.entries(), 0);
}

#[test]
fn who_keeps_nothing_there_needs_no_folder() {
    let (folder, file) = (Folder::new("unneeded"), "{ cert = \"a.pem\", key = \"a.key\" }");
    let path = folder.0.join("file");
    fs::write(&path, "").unwrap();
    assert_eq!(found(&site(file), &path, Asker::Check), None);
    // An authority that is there is only read.
    let state = folder.0.join("state");
    fs::create_dir_all(state.join("internal")).unwrap();
    fs::write(state.join("internal/root.pem"), "").unwrap();
    fs::set_permissions(&state, std::os::unix::fs::PermissionsExt::from_mode(0o500)).unwrap();
    assert_eq!(found(&site("\"internal\""), &state, Asker::Check), None);
}

#[test]
fn a_folder_below_a_file_is_told_at_the_key_that_needs_it() {
    let folder = Folder::new("file");
    let file = folder.0.join("file");
    fs::write(&file, "").unwrap();
    let state = file.join("state");
    for tls in ["\"auto\"", "\"internal\"", "{ source = \"internal\" }"] {
        for (asker, severity) in
            [(Asker::Check, Severity::Error), (Asker::Start, Severity::Warning), (Asker::FailedStart, Severity::Error)]
        {
            let found = found(&site(tls), &state, asker).unwrap();
            assert_eq!(found.severity, severity);
            let place = found.place.unwrap();
            assert_eq!(place.line, 3, "{tls}");
            let parts = [state.to_str().unwrap(), "(the default of `state_dir`)", "Not a directory"];
            assert!(parts.iter().all(|part| found.message.contains(part)), "{}", found.message);
            assert!(found.message.contains(&format!("`{}`: ", file.display())), "{}", found.message);
            assert!(found.help.unwrap().contains("state_dir = "));
        }
    }
}

#[test]
fn it_is_told_at_state_dir_where_that_is_written() {
    let folder = Folder::new("written");
    let file = folder.0.join("file");
    fs::write(&file, "").unwrap();
    let path = file.to_str().unwrap();
    let config = format!("state_dir = \"{path}/\"\n{}{}", site("\"auto\""), site("\"internal\"").replace("a.", "b."));
    let found = found(&config, &file, Asker::Check).unwrap();
    assert_eq!(found.place.map(|place| (place.line, place.column)), Some((1, 13)));
    let lines: Vec<usize> = found.labels.iter().map(|(place, _)| place.line).collect();
    assert_eq!(lines, [4, 8]);
    assert!(!found.message.contains("default"), "{}", found.message);
}

/// Without its folder there is no internal authority; sites with ordered certificates start all the same.
#[test]
fn a_start_that_fails_names_what_it_failed_for() {
    let folder = Folder::new("both");
    fs::write(folder.0.join("acme"), "").unwrap();
    fs::write(folder.0.join("internal"), "").unwrap();
    let config = format!("{}{}", site("\"auto\""), site("\"internal\"").replace("a.", "b."));
    let names = |asker, name: &str| found(&config, &folder.0, asker).unwrap().message.contains(name);
    assert!(names(Asker::FailedStart, "/internal`") && names(Asker::Start, "/acme`"));
}

/// Nobody makes files in /proc, whatever the permissions of its folders say.
#[test]
fn permissions_alone_do_not_convince() {
    let found = found(&site("\"auto\""), Path::new("/proc/evener-state"), Asker::Check).unwrap();
    assert!(found.message.contains("`/proc`: "), "{}", found.message);
}
