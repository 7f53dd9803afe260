//! Compliance: every case runs on the program that an applet follows and on catena, and both must do what it says. Where
//! catena differs on purpose, the case has both outcomes and the reason.
#![allow(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "what starts the programs is part of the tests")]

#[path = "../support/mod.rs"]
mod support;

mod accounts;
mod case;
mod codes;
mod daemonize;
mod daemonize_errors;
mod daemonize_files;
mod envdir;
mod envuidgid;
mod fghack;
mod lookup;
mod nohup;
mod nohup_out;
mod pgrphack;
mod process;
mod run;
mod setlock;
mod setsid;
mod setuidgid;
mod softlimit;

macro_rules! subjects {
    ($($subject:ident)*) => {
        $(#[test]
        fn $subject() {
            run::check($subject::cases());
        })*

        #[test]
        fn no_case_got_lost() {
            let counts = [$((stringify!($subject), $subject::cases().len())),*];
            let all: usize = counts.iter().map(|(_, count)| count).sum();
            assert!(all >= 900, "{all}: {counts:?}");
            assert!(counts.iter().all(|&(_, count)| count > 0), "{counts:?}");
        }

        #[test]
        fn every_difference_has_a_reason() {
            for case in [$($subject::cases()),*].iter().flatten().filter(|case| case.why.is_empty()) {
                let is_same = format!("{:?}", case.reference) == format!("{:?}", case.ours);
                assert!(is_same || case.ours.is_none(), "{}", case.location);
            }
        }
    };
}

subjects!(codes daemonize daemonize_errors daemonize_files envdir envuidgid fghack lookup nohup nohup_out pgrphack setlock setsid setuidgid softlimit);
