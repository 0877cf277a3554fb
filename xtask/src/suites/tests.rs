//! How the arguments of `cargo xtask test` are read.

use super::{Suite, invocations, parse};

fn check(arguments: &[&str], expected: Result<(Suite, Vec<&str>), &str>) {
    let arguments: Vec<String> = arguments.iter().map(|&argument| argument.into()).collect();
    match (parse(&arguments), expected) {
        (Ok((suite, filter)), Ok((expected_suite, expected_filter))) => {
            assert_eq!(suite, expected_suite);
            assert_eq!(filter, expected_filter);
        }
        (Err(message), Err(part)) => assert!(message.contains(part), "{message}"),
        (got, wanted) => panic!("{arguments:?}: got {got:?}, expected {wanted:?}"),
    }
}

#[test]
fn arguments_choose_the_suite_and_the_filter() {
    check(&[], Ok((Suite::Everything, vec![])));
    check(&["--unit"], Ok((Suite::Unit, vec![])));
    check(&["--e2e", "seed"], Ok((Suite::EndToEnd, vec!["seed"])));
    check(&["seed", "--e2e"], Ok((Suite::EndToEnd, vec!["seed"])));
    check(&["--e2e", "--unit"], Err("one of --unit and --e2e"));
    check(&["--fast"], Err("no option `--fast`"));
}

#[test]
fn the_unit_suite_never_starts_the_end_to_end_binary() {
    for call in invocations(&Suite::Unit) {
        let names_the_suite = call.contains(&"e2e");
        let takes_all_of_evener = call.contains(&"--workspace") && !call.contains(&"--exclude");
        assert!(!names_the_suite && !takes_all_of_evener, "{call:?}");
    }
}
