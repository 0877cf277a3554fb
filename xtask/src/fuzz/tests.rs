//! How the arguments of `cargo xtask fuzz` are read.

use super::{Request, SECONDS_DEFAULT, parse};

fn check(arguments: &[&str], expected: Result<(Option<&str>, u64), &str>) {
    let arguments: Vec<String> = arguments.iter().map(|&argument| argument.into()).collect();
    match (parse(&arguments), expected) {
        (Ok(request), Ok((target, seconds))) => {
            let wanted = Request { target: target.map(str::to_owned), seconds };
            assert_eq!(request, wanted);
        }
        (Err(message), Err(part)) => assert!(message.contains(part), "{message}"),
        (got, wanted) => panic!("{arguments:?}: got {got:?}, expected {wanted:?}"),
    }
}

#[test]
fn arguments_choose_the_target_and_the_time() {
    check(&[], Ok((None, SECONDS_DEFAULT)));
    check(&["request_head"], Ok((Some("request_head"), SECONDS_DEFAULT)));
    check(&["request_head", "--seconds", "5"], Ok((Some("request_head"), 5)));
    check(&["--seconds", "5"], Ok((None, 5)));
    check(&["--seconds"], Err("wants a number"));
    check(&["--seconds", "soon"], Err("it got `soon`"));
    check(&["one", "two"], Err("one too many"));
    check(&["--forever"], Err("no option"));
}
