//! softlimit: set soft resource limits, in the order given. A number above the hard limit is lowered to it.

use crate::applet::{Applet, Aspect, Boundary, Dialect, Link, Manual, Process, Role};
use crate::environ::Environ;
use crate::number::{self, POWERS};
use crate::options::{Given, Opt};
use crate::voice::exit::BERNSTEIN;
use crate::voice::failure::{Failure, UnableTo, WrongUsage};
use rlimit::Resource;

/// The definition.
pub const APPLET: Applet = Applet {
    name: "softlimit",
    about: "Run a program with lower resource limits",
    dialect: Dialect::Bernstein,
    codes: BERNSTEIN,
    other_codes: &[],
    changes: &[Aspect::Limits],
    on_request: &[],
    options: &[
        Opt::valued("a", "LIMIT", "All memory together (address space), in bytes"),
        Opt::valued("c", "LIMIT", "Core file, in bytes"),
        Opt::valued("d", "LIMIT", "Data segment, in bytes"),
        Opt::valued("f", "LIMIT", "Size of files written, in bytes"),
        Opt::valued("l", "LIMIT", "Locked memory, in bytes"),
        Opt::valued("m", "LIMIT", "The four kinds of memory, -d -s -l -a, in bytes"),
        Opt::valued("o", "LIMIT", "Open descriptors: one above the highest number"),
        Opt::valued("p", "LIMIT", "Processes of the user"),
        Opt::valued("r", "LIMIT", "Resident memory, in bytes; Linux has no such limit"),
        Opt::valued("s", "LIMIT", "Stack, in bytes"),
        Opt::valued("t", "LIMIT", "Processor time, in seconds"),
        Opt::valued("as", "LIMITS", "As -a"),
        Opt::valued("core", "LIMITS", "As -c"),
        Opt::valued("cpu", "LIMITS", "As -t"),
        Opt::valued("data", "LIMITS", "As -d"),
        Opt::valued("fsize", "LIMITS", "As -f"),
        Opt::valued("locks", "LIMITS", "File locks and leases; without effect since Linux 2.4"),
        Opt::valued("memlock", "LIMITS", "As -l"),
        Opt::valued("msgqueue", "LIMITS", "POSIX message queues of the user, in bytes"),
        Opt::valued("nice", "LIMITS", "How far niceness may be raised: 20 less the lowest value, 1 to 40"),
        Opt::valued("nofile", "LIMITS", "As -o"),
        Opt::valued("nproc", "LIMITS", "As -p"),
        Opt::valued("rss", "LIMITS", "As -r"),
        Opt::valued("rtprio", "LIMITS", "Real-time priority"),
        Opt::valued("rttime", "LIMITS", "Real-time processor time without a blocking call, in microseconds"),
        Opt::valued("sigpending", "LIMITS", "Queued signals of the user"),
        Opt::valued("stack", "LIMITS", "As -s"),
    ],
    operands: &[],
    example: &["-o", "64", "-c", "0"],
    manual: Manual {
        description: &[
            "Sets soft resource limits, one after the other in the order given, so that the last one wins, and runs \
             the program. LIMIT is a number, or `=` for the hard limit, or `-` or `unlimited` for none; none needs the \
             privilege to raise the hard limit where there is one. Where bytes are counted the number may end in k, M, \
             G or T, for powers of 1024.",
            "A number above the hard limit is lowered to it. The hard limit stays as it is: for LIMIT always, and \
             also for a long option with one bare number. **In prlimit(1) a bare number sets both; here only the \
             soft limit.** LIMITS is `SOFT`, `SOFT:`, `:HARD` or `SOFT:HARD`. A soft limit above the hard one of the same \
             word, as in `12:5`, is wrong usage; where only the hard limit is given, the soft one is lowered to it.",
            "Before the options, these variables are applied where they are set: SOFTLIMIT_ALLBYTES, COREBYTES, \
             DATABYTES, FILEBYTES, LOCKEDBYTES, MEMBYTES, OPENFILES, PROCS, RSSBYTES, STACKBYTES and CPUSECS, each \
             with SOFTLIMIT_ in front, for -a, -c, -d, -f, -l, -m, -o, -p, -r, -s and -t. One that holds no LIMIT is wrong usage, \
             as is a wrong word of a long option; the line before the usage names it.",
            "A memory limit too low for the next program kills it inside the exec by SIGSEGV, with no message that \
             anyone could write; too low for its dynamic loader, it exits with 127.",
        ],
        sections: &[],
        examples: &[
            ("softlimit -o 1024 -c 0 ./server", "No more than 1024 descriptors, and no core files."),
            ("softlimit -m 200M ./parser", "Memory that runs out in the parser, not in the machine."),
            ("softlimit --nofile 1024:4096 ./server", "The hard limit as well."),
        ],
        reference: "daemontools 0.76",
        differences: &[
            "`-` and the variables are daemontools-encore's. Suffixes, `unlimited` \
             and the long options are additions.",
            "An empty LIMIT is wrong usage. The reference takes it for 0, which kills the program.",
            "A number of more than 64 bits is a very large one. In the reference it wraps around.",
        ],
        see_also: &["prlimit(1)", "setrlimit(2)"],
    },
    role: Role::Link(|given, environ| Ok(Box::new(Softlimit { limits: limits(given, environ)? }))),
};

/// The resources of `-m`, in the reference's order.
const MEMORY: &[Resource] = &[Resource::DATA, Resource::STACK, Resource::MEMLOCK, Resource::AS];

/// (option, the same as a variable, resources).
const RESOURCES: &[(&str, &str, &[Resource])] = &[
    ("a", "ALLBYTES", &[Resource::AS]),
    ("c", "COREBYTES", &[Resource::CORE]),
    ("d", "DATABYTES", &[Resource::DATA]),
    ("f", "FILEBYTES", &[Resource::FSIZE]),
    ("l", "LOCKEDBYTES", &[Resource::MEMLOCK]),
    ("o", "OPENFILES", &[Resource::NOFILE]),
    ("p", "PROCS", &[Resource::NPROC]),
    ("r", "RSSBYTES", &[Resource::RSS]),
    ("s", "STACKBYTES", &[Resource::STACK]),
    ("t", "CPUSECS", &[Resource::CPU]),
    // after what it overrides
    ("m", "MEMBYTES", MEMORY),
    ("as", "", &[Resource::AS]),
    ("core", "", &[Resource::CORE]),
    ("cpu", "", &[Resource::CPU]),
    ("data", "", &[Resource::DATA]),
    ("fsize", "", &[Resource::FSIZE]),
    ("locks", "", &[Resource::LOCKS]),
    ("memlock", "", &[Resource::MEMLOCK]),
    ("msgqueue", "", &[Resource::MSGQUEUE]),
    ("nice", "", &[Resource::NICE]),
    ("nofile", "", &[Resource::NOFILE]),
    ("nproc", "", &[Resource::NPROC]),
    ("rss", "", &[Resource::RSS]),
    ("rtprio", "", &[Resource::RTPRIO]),
    ("rttime", "", &[Resource::RTTIME]),
    ("sigpending", "", &[Resource::SIGPENDING]),
    ("stack", "", &[Resource::STACK]),
];

/// A limit as written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Limit {
    /// A number.
    At(u64),
    /// The hard limit.
    Hard,
    /// None.
    Unlimited,
}

/// What to do with a resource. `None` leaves that side as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Setting {
    resource: Resource,
    soft: Option<Limit>,
    hard: Option<Limit>,
}

struct Softlimit {
    limits: Vec<Setting>,
}

fn limits(given: &Given, environ: &Environ) -> anyhow::Result<Vec<Setting>> {
    let mut limits = Vec::new();
    // one look at the environment tells most callers that there is nothing to look for
    if environ.entries().iter().any(|entry| entry.bytes().starts_with(b"SOFTLIMIT_")) {
        for (_, variable, resources) in RESOURCES.iter().filter(|(_, variable, _)| !variable.is_empty()) {
            let name = [b"SOFTLIMIT_", variable.as_bytes()].concat();
            let Some(text) = environ.get(&name) else { continue };
            for &resource in *resources {
                let soft = limit(text.bytes(), resource).ok_or_else(|| wrong(&name, NO_LIMIT, text.bytes()))?;
                limits.push(Setting { resource, soft: Some(soft), hard: None });
            }
        }
    }
    for (id, text) in given.each() {
        let (_, _, resources) = RESOURCES.iter().find(|(option, _, _)| *option == id).ok_or(WrongUsage)?;
        let text = text.ok_or(WrongUsage)?.bytes();
        for &resource in *resources {
            let (soft, hard) = match id.len() {
                // to a letter the reference has no more to say
                1 => (Some(limit(text, resource).ok_or(WrongUsage)?), None),
                _ => pair(text, resource).map_err(|what| wrong(&[b"--", id.as_bytes()].concat(), what, text))?,
            };
            limits.push(Setting { resource, soft, hard });
        }
    }
    Ok(limits)
}

/// What is wrong with a text that is no limit.
const NO_LIMIT: &str = "not a limit";

/// Wrong usage, with the name of what is wrong.
fn wrong(name: &[u8], what: &str, text: &[u8]) -> anyhow::Error {
    let said = match text {
        [] => [name, b": empty limit"].concat(),
        _ => [name, b": ", what.as_bytes(), b": ", text].concat(),
    };
    anyhow::Error::new(WrongUsage).context(Failure::new(said))
}

/// `SOFT`, `SOFT:`, `:HARD` or `SOFT:HARD`; or else what is wrong.
fn pair(text: &[u8], resource: Resource) -> Result<(Option<Limit>, Option<Limit>), &'static str> {
    let Some(colon) = text.iter().position(|&byte| byte == b':') else {
        return Ok((Some(limit(text, resource).ok_or(NO_LIMIT)?), None));
    };
    let side = |text: &[u8]| if text.is_empty() { Some(None) } else { limit(text, resource).map(Some) };
    match (side(&text[..colon]).ok_or(NO_LIMIT)?, side(&text[colon + 1..]).ok_or(NO_LIMIT)?) {
        (None, None) => Err(NO_LIMIT),
        // one of the two is not what was meant
        (Some(Limit::At(soft)), Some(Limit::At(hard))) if soft > hard => Err(REVERSED),
        (Some(Limit::Unlimited), Some(Limit::At(_))) => Err(REVERSED),
        pair => Ok(pair),
    }
}

/// Likewise, with a pair.
const REVERSED: &str = "soft limit above the hard one";

fn limit(text: &[u8], resource: Resource) -> Option<Limit> {
    match text {
        b"=" => Some(Limit::Hard),
        b"-" | b"unlimited" => Some(Limit::Unlimited),
        _ => number::scaled(text, if is_in_bytes(resource) { POWERS } else { &[] }).map(Limit::At),
    }
}

fn is_in_bytes(resource: Resource) -> bool {
    use Resource as R;
    [R::AS, R::CORE, R::DATA, R::FSIZE, R::MEMLOCK, R::MSGQUEUE, R::RSS, R::STACK].contains(&resource)
}

impl Link for Softlimit {
    fn apply(&self, _: &mut Process) -> anyhow::Result<Boundary> {
        let mut boundary = Boundary::Open;
        for setting in &self.limits {
            let name = setting.resource.as_name().as_bytes();
            let (soft, hard) = setting.resource.get().unable_to("read limit", name)?;
            let new_hard = match setting.hard {
                None if setting.soft == Some(Limit::Unlimited) => rlimit::INFINITY,
                None | Some(Limit::Hard) => hard,
                Some(Limit::Unlimited) => rlimit::INFINITY,
                Some(Limit::At(number)) => number,
            };
            let new_soft = match setting.soft {
                None => soft,
                Some(Limit::Hard) => new_hard,
                Some(Limit::Unlimited) => rlimit::INFINITY,
                Some(Limit::At(number)) => number,
            }
            .min(new_hard);
            if new_soft < soft && [Resource::STACK, Resource::AS].contains(&setting.resource) {
                stretch_stack();
            }
            setting.resource.set(new_soft, new_hard).unable_to("set limit", name)?;
            // a fresh image is smaller than this one, and an argv too large is refused by exec alone
            if MEMORY.contains(&setting.resource) && setting.resource != Resource::MEMLOCK && new_soft < soft {
                boundary = Boundary::Barrier;
            }
        }
        Ok(boundary)
    }
}

/// Has the stack as far as a message needs it: under the new limit it could not grow any more, and who cannot run the program
/// would die instead of saying so.
#[inline(never)]
fn stretch_stack() {
    const ENOUGH: usize = 16 * 1024;
    std::hint::black_box([0_u8; ENOUGH]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_a_number_or_a_word() {
        assert_eq!(limit(b"20", Resource::NOFILE), Some(Limit::At(20)));
        assert_eq!(limit(b"=", Resource::NOFILE), Some(Limit::Hard));
        assert_eq!(limit(b"-", Resource::NOFILE), Some(Limit::Unlimited));
        assert_eq!(limit(b"unlimited", Resource::AS), Some(Limit::Unlimited));
        assert_eq!(limit(b"18446744073709551616", Resource::AS), Some(Limit::At(u64::MAX)));
    }

    #[test]
    fn suffixes_count_bytes_only() {
        assert_eq!(limit(b"3k", Resource::AS), Some(Limit::At(3072)));
        assert_eq!(limit(b"2T", Resource::STACK), Some(Limit::At(2 << 40)));
        assert_eq!(limit(b"99999999999T", Resource::STACK), Some(Limit::At(u64::MAX)));
        for bad in [&b""[..], b"k", b"1K", b"1kk", b"-1", b"+1", b"0x10", b"1 "] {
            assert_eq!(limit(bad, Resource::AS), None, "{bad:?}");
        }
        assert_eq!(limit(b"3k", Resource::NOFILE), None);
        assert_eq!(limit(b"3k", Resource::CPU), None);
    }

    #[test]
    fn a_pair_has_at_least_one_side() {
        let one = Some(Limit::At(1));
        let two = Some(Limit::At(2));
        assert_eq!(pair(b"1", Resource::NOFILE), Ok((one, None)));
        assert_eq!(pair(b"1:", Resource::NOFILE), Ok((one, None)));
        assert_eq!(pair(b":2", Resource::NOFILE), Ok((None, two)));
        assert_eq!(pair(b"1:2", Resource::NOFILE), Ok((one, two)));
        assert_eq!(pair(b"2:2", Resource::NOFILE), Ok((two, two)));
        assert_eq!(pair(b"=:2", Resource::NOFILE), Ok((Some(Limit::Hard), two)));
        assert_eq!(pair(b"1:-", Resource::NOFILE), Ok((one, Some(Limit::Unlimited))));
        assert_eq!(pair(b"2:=", Resource::NOFILE), Ok((two, Some(Limit::Hard))));
        for bad in [&b":"[..], b"", b"1:2:3", b"x:1", b"1:x", b"1:2x", b" 1:2"] {
            assert_eq!(pair(bad, Resource::NOFILE), Err(NO_LIMIT), "{bad:?}");
        }
        for bad in [&b"2:1"[..], b"12:5", b"-:5"] {
            assert_eq!(pair(bad, Resource::NOFILE), Err(REVERSED), "{bad:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_a_limit_or_wrong_usage(text in proptest::collection::vec(proptest::sample::select(b"0189kMGTx=-:+ \xff".to_vec()), 0..24)) {
            for resource in [Resource::AS, Resource::NOFILE] {
                let plain = limit(&text, resource);
                if let Ok(both) = pair(&text, resource) {
                    proptest::prop_assert!(both.0.is_some() || both.1.is_some());
                    proptest::prop_assert_eq!(text.contains(&b':'), plain.is_none());
                }
            }
        }
    }
}
