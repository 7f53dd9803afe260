//! The pages that pages, README and scripts name are there, in the section they are said to be in.

use super::{documents, top};
use catena::applets;
use std::collections::BTreeSet;

/// Pages that are not ours. A name that is not here is most likely a slip.
const FOREIGN: &[&str] = &[
    "cksum(1)",
    "credentials(7)",
    "daemon(7)",
    "date(1)",
    "environ(7)",
    "fcntl(2)",
    "flock(1)",
    "flock(2)",
    "fnmatch(3)",
    "fork(2)",
    "getent(1)",
    "ld.so(8)",
    "lslocks(8)",
    "nsswitch.conf(5)",
    "prctl(2)",
    "prlimit(1)",
    "proc(5)",
    "ps(1)",
    "sd_notify(3)",
    "setgroups(2)",
    "setresuid(2)",
    "setrlimit(2)",
    "setsid(2)",
    "signal(7)",
    "strftime(3)",
    "tee(2)",
    "tzset(3)",
];

/// Every NAME(SECTION) in a text.
fn named(text: &str) -> BTreeSet<String> {
    let is_of_name = |byte: u8| byte.is_ascii_alphanumeric() || b"_.+-".contains(&byte);
    let mut named = BTreeSet::new();
    for (place, _) in text.match_indices('(') {
        let [digit @ b'1'..=b'9', b')', ..] = text.as_bytes()[place + 1..] else { continue };
        let length = text.as_bytes()[..place].iter().rev().take_while(|&&byte| is_of_name(byte)).count();
        let name = text[place - length..place].trim_start_matches(['.', '+', '-']);
        if !name.is_empty() {
            named.insert(format!("{name}({})", char::from(digit)));
        }
    }
    named
}

/// The text of a page without the marks of fonts.
fn plain(page: &str) -> String {
    ["\\fB", "\\fI", "\\fR", "\\&"].iter().fold(page.replace("\\-", "-"), |text, mark| text.replace(mark, ""))
}

#[test]
fn a_page_that_is_named_is_ours_in_section_1_or_a_known_one() {
    let mut texts: Vec<(String, String)> =
        documents().into_iter().map(|(name, text)| (name.display().to_string(), plain(&text))).collect();
    for name in ["README.md", "install.sh"] {
        texts.push((name.to_owned(), std::fs::read_to_string(top().join(name)).unwrap()));
    }
    let ours: BTreeSet<String> =
        applets::ALL.iter().map(|applet| applet.name).chain(["catena"]).map(|name| format!("{name}(1)")).collect();
    let mut wrong = Vec::new();
    for (file, text) in &texts {
        for page in named(text) {
            if !ours.contains(&page) && !FOREIGN.contains(&page.as_str()) {
                wrong.push(format!("{file}: {page}"));
            }
        }
    }
    assert_eq!(wrong, [""; 0]);
}

#[test]
fn see_also_names_other_pages_and_each_once() {
    for applet in applets::ALL {
        let pages: BTreeSet<&str> = applet.manual.see_also.iter().copied().collect();
        assert_eq!(pages.len(), applet.manual.see_also.len(), "{}", applet.name);
        for page in pages {
            assert_eq!(named(page), BTreeSet::from([page.to_owned()]), "{}", applet.name);
            assert_ne!(page, format!("{}(1)", applet.name));
        }
    }
}

#[test]
fn references_are_seen_in_every_font() {
    let text = plain("see \\fBsupervise\\fR(8), \\fBpidfile\\-lock\\fR(1), nsswitch.conf(5). (1) x(12) f(x)");
    assert_eq!(named(&text), ["supervise(8)", "pidfile-lock(1)", "nsswitch.conf(5)"].map(str::to_owned).into());
}

/// What SECURITY.md promises, it says to be shown by files that are there.
#[test]
fn the_tests_that_the_page_on_security_names_are_there() {
    let page = std::fs::read_to_string(top().join("SECURITY.md")).unwrap();
    let named: Vec<&str> = page.split("](").skip(1).map(|rest| rest.split(')').next().unwrap()).collect();
    assert!(named.len() > 15, "{named:?}");
    let missing: Vec<_> = named.iter().filter(|name| !top().join(name).exists()).collect();
    assert!(missing.is_empty(), "{missing:?}");
    // each promise names one
    for promise in page.split("## What is not promised").next().unwrap().split("\n- ").skip(1) {
        let promise = promise.split("\n\n").next().unwrap();
        assert!(promise.contains("](tests/") || promise.contains("next exec"), "{promise}");
    }
}
